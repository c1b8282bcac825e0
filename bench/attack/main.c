/* attack: one attack on a server of this machine, bounded in peers, rate and time.
 * usage: attack PORT NAME [--count N] [--rate R] [--seconds S] [--pids N,N]
 *        attack list          the attacks: name, count, rate, seconds, what it is
 * --count: peers; --rate: acts a second of all peers together, connecting included; --pids: the
 * server's processes, whose memory is measured. Prints "on" half a second after the beginning, by
 * when attacks with few peers have all of them, and at the end what the peers did and received. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../load/clock.h"
#include "../load/die.h"
#include "../load/processes.h"
#include "http1.h"
#include "http2.h"
#include "peer.h"

/* TICK_US: between two calls of on_tick; MEASURE_MS: between two looks at the memory; ON_MS: until
 * "on" is printed. */
enum { TICK_US = 5000, MEASURE_MS = 250, ON_MS = 500 };

typedef struct run {
    attack attack;
    load_processes server;
    unsigned rate;       /* acts a second */
    int64_t began, ends; /* ns, as all times here */
    int64_t measured_at; /* when the memory was measured last */
    int64_t most_memory; /* bytes; -1: not known */
    double due;          /* acts that should have happened by due_at and did not */
    int64_t due_at;
    unsigned last; /* index of the peer that acted last */
    bool on;       /* "on" was printed */
} run;

static void measure_memory(run *r)
{
    int64_t memory = r->server.count ? load_processes_memory(&r->server) : -1;

    if (memory > r->most_memory)
        r->most_memory = memory;
    r->measured_at = load_now();
}

/* Lets peers act in turn, as many as are due. At most the acts of a tenth of a second are due: what
 * was delayed further is left out. */
static void act(run *r)
{
    int64_t now = load_now();

    r->due += (double)(now - r->due_at) / 1e9 * r->rate;
    r->due_at = now;
    if (r->due > r->rate / 10.0 + 1)
        r->due = r->rate / 10.0 + 1;
    for (; r->due >= 1; r->due--) {
        r->last = (r->last + 1) % r->attack.count;
        if (attack_peer_act(&r->attack.peers[r->last]))
            r->attack.acts++;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    run *r = arg;
    int64_t now = load_now();

    (void)fd, (void)what;
    act(r);
    if (now - r->measured_at > MEASURE_MS * INT64_C(1000000))
        measure_memory(r);
    if (!r->on && now - r->began > ON_MS * INT64_C(1000000)) {
        r->on = true;
        printf("on\n");
    }
    if (now > r->ends)
        event_base_loopbreak(r->attack.base);
}

static void run_attack(run *r)
{
    attack *a = &r->attack;
    struct timeval tick = { 0, TICK_US };
    struct event *timer;

    a->base = event_base_new();
    a->peers = calloc(a->count, sizeof *a->peers);
    if (!a->base || !a->peers)
        load_die("out of memory");
    for (unsigned i = 0; i < a->count; i++)
        a->peers[i] = (attack_peer){ .attack = a, .fd = -1, .number = i };
    timer = event_new(a->base, -1, EV_PERSIST, on_tick, r);
    event_add(timer, &tick);
    event_base_dispatch(a->base);
    measure_memory(r);
    printf("%s opened=%lu ended=%lu unavailable=%lu acts=%lu seconds=%.1f sent=%llu "
           "received=%llu memory=%lld\n",
           a->kind->name, a->opened, a->ended, a->refused, a->acts,
           (double)(load_now() - r->began) / 1e9, a->sent, a->received, (long long)r->most_memory);
}

/* --- options ---------------------------------------------------------------------------------- */

static const attack_kind *const all[] = { attack_http1, attack_http2 };

static void print_list(void)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (const attack_kind *kind = all[i]; kind->name; kind++)
            printf("%s %u %u %u %s\n", kind->name, kind->count, kind->rate, kind->seconds,
                   kind->about);
}

static const attack_kind *find(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (const attack_kind *kind = all[i]; kind->name; kind++)
            if (strcmp(kind->name, name) == 0)
                return kind;
    load_die("unknown attack '%s'; `attack list` tells them all", name);
}

/* The number of an option. */
static double positive(const char *name, const char *value)
{
    double number = value ? atof(value) : 0;

    if (number <= 0)
        load_die("option '%s' wants a number above 0, got '%s'", name, value ? value : "nothing");
    return number;
}

static void read_options(run *r, char **arg, double *seconds)
{
    for (; *arg; arg += 2) {
        if (strcmp(arg[0], "--count") == 0)
            r->attack.count = (unsigned)positive(arg[0], arg[1]);
        else if (strcmp(arg[0], "--rate") == 0)
            r->rate = (unsigned)positive(arg[0], arg[1]);
        else if (strcmp(arg[0], "--seconds") == 0)
            *seconds = positive(arg[0], arg[1]);
        else if (strcmp(arg[0], "--pids") == 0 && arg[1])
            load_processes_parse(&r->server, arg[1]);
        else
            load_die("unknown option '%s'", arg[0]);
    }
}

int main(int argc, char **argv)
{
    static run r = { .most_memory = -1 };
    double seconds = 5;

    load_program = "attack";
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        print_list();
        return 0;
    }
    if (argc < 3)
        load_die("usage: attack PORT NAME [OPTION...], or attack list");
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    r.attack.port = atoi(argv[1]);
    r.attack.kind = find(argv[2]);
    r.attack.count = r.attack.kind->count;
    r.rate = r.attack.kind->rate;
    read_options(&r, argv + 3, &seconds);
    r.began = r.due_at = r.measured_at = load_now();
    r.ends = r.began + (int64_t)(seconds * 1e9);
    run_attack(&r);
    return 0;
}
