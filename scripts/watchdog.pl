# watchdog.pl SECONDS COMMAND...: runs the command. If it takes longer, aborts it, so that a
# sanitizer shows where it was; the status is then 134, as of any program that aborts.
use strict;
use warnings;

my $seconds = shift @ARGV;
my $child = fork // die "fork: $!";
if ($child == 0) {
    exec @ARGV or die "$ARGV[0]: $!";
}
$SIG{ALRM} = sub {
    print STDERR "watchdog: still running after $seconds s\n";
    kill 'ABRT', $child;
};
alarm $seconds;
waitpid $child, 0;
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
