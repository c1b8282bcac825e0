#!/bin/sh
# fuzz_lua.sh FOLDER COMMAND...: runs `COMMAND SEED SECONDS TRACE` (fuzz/lua/main.lua) for
# FUZZ_SECONDS (60) in all, 20 s to a process, from FUZZ_SEED on, or from a seed by the clock. If a
# process crashes or hangs, shows the seed and its last calls, and fails. FOLDER/internal.txt gets
# errors that blame the library instead of the caller; they do not fail the run.
set -u
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
shift
mkdir -p "$folder"
seconds=${FUZZ_SECONDS:-60} seed=${FUZZ_SEED:-$(($(date +%s) % 1000000 * 1000))}
scratch=$(mktemp -d) # where what a call may write is written
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
cd "$scratch" || exit 1
# Lookups of names, which calls may begin and nobody answers, fail fast.
export RES_OPTIONS="timeout:1 attempts:1"
began=$(date +%s) calls=0
: >found

while :; do
    left=$((seconds - ($(date +%s) - began)))
    [ "$left" -ge 0 ] || break
    [ "$left" -le 20 ] || left=20
    perl "$here/watchdog.pl" $((left + 120)) "$@" "$seed" "$left" trace >out 2>&1
    status=$?
    if [ "$status" != 0 ]; then
        cat out
        bad=$(sed -n '1s/^seed //p' trace)
        echo "status $status; FUZZ_SEED=$bad FUZZ_SECONDS=0 runs that case alone. Its last calls:"
        tail -20 trace | cut -c1-300
        exit 1
    fi
    calls=$((calls + $(sed -n 's/^calls \([0-9]*\),.*/\1/p' out)))
    seed=$(($(sed -n 's/^calls.*seed //p' out) + 1))
    grep '^internal' out >>found
    [ "$left" -gt 0 ] || break
done

sort -u -k2,2 found >"$folder/internal.txt"
echo "fuzz-lua: $calls calls, up to seed $((seed - 1)), no fault; errors that blame the library:" \
    "$(wc -l <"$folder/internal.txt") (in $folder/internal.txt)"
