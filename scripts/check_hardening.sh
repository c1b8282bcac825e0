#!/bin/sh
# check_hardening.sh MODULE: fails unless a core.so was built to make faults hard to exploit:
# address tables that are read-only once it is loaded (RELRO, all symbols bound at once), a stack
# that cannot be executed, stack canaries, and the C library's checked calls where it has them.
set -eu
module=$1
if ! command -v readelf >/dev/null 2>&1 || ! readelf -h "$module" >/dev/null 2>&1; then
    echo "hardening: not looked at: no readelf, or $module is not ELF"
    exit 0
fi
failed=0

# want TEXT PATTERN WHAT: complains of WHAT unless a line of TEXT matches.
want() {
    printf '%s\n' "$1" | grep -Eq "$2" && return 0
    echo "$module: $3" >&2
    failed=1
}

dynamic=$(readelf -Wd "$module")
segments=$(readelf -Wl "$module")
symbols=$(readelf -W --dyn-syms "$module")
want "$dynamic" 'BIND_NOW|FLAGS_1.*NOW' "symbols are bound when they are used (no BIND_NOW)"
want "$segments" 'GNU_RELRO' "addresses of functions stay writable (no RELRO)"
want "$segments" 'GNU_STACK .* RW +0x' "the stack can be executed"
want "$symbols" '__stack_chk_fail' "no canaries on the stack"
case $symbols in
*GLIBC*) want "$symbols" '__[a-z]+_chk' "no checked calls of the C library (FORTIFY)" ;;
esac
[ "$failed" = 0 ] || exit 1
echo "hardening: RELRO, BIND_NOW, no executable stack, canaries, FORTIFY where the C library has it"
