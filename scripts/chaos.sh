#!/bin/sh
# chaos.sh COMMAND...: runs CHAOS_SEEDS (200) seeds from CHAOS_SEED (1) on, ten to a process of
# `COMMAND FIRST COUNT`. If a process crashes or hangs, its last seed has failed, and another
# process goes on with the next seed. Shows what failed, and how to run that seed alone.
set -u
first=${CHAOS_SEED:-1} seeds=${CHAOS_SEEDS:-200}
patience=${SSE_TEST_PATIENCE:-5}
last=$((first + seeds - 1))
out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM
began=$(date +%s) at=$first failed=

while [ "$at" -le "$last" ]; do
    count=$((last - at + 1))
    [ "$count" -le 10 ] || count=10
    perl scripts/watchdog.pl $((60 * patience)) "$@" "$at" "$count" >"$out" 2>&1
    status=$?
    bad=$(sed -n 's/^seed //p' "$out" | tail -1)
    if [ "$status" = 0 ]; then
        at=$((at + count))
        continue
    fi
    cat "$out"
    echo "status $status; CHAOS_SEED=${bad:-$at} CHAOS_SEEDS=1 runs it alone"
    failed="$failed ${bad:-$at}"
    at=$((${bad:-$at} + 1))
done

echo "chaos: seeds $first to $last, $(($(date +%s) - began)) s${failed:+, failed:$failed}"
[ -z "$failed" ]
