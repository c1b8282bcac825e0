#!/bin/sh
# test_each.sh COMMAND... -- SPEC...: runs the command on each spec in a process of its own, so that
# heaps stay small and full collections quick. Two run at a time for each processor, because half
# of a spec's time is waiting, and one of slow builds, which set SSE_TEST_PATIENCE (TEST_JOBS=1: one
# after the other). Prints a line for each spec, the whole output of one that failed, the slowest
# ten, and the totals in busted's words.
set -u

if [ "${1-}" = --one ]; then
    folder=$2 spec=$3
    shift 3
    out=$folder/$(echo "$spec" | tr / .).out
    if "$@" "$spec" >"$out" 2>&1; then
        grep ' tests ' "$out"
    else
        cat "$out"
        echo "$spec" >>"$folder/failed"
    fi
    exit 0
fi

case "$*" in *SSE_TEST_PATIENCE=*) each=1 ;; *) each=2 ;; esac
jobs=${TEST_JOBS:-$((each * $(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)))}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
began=$(date +%s)
command=
while [ "$1" != -- ]; do
    command="$command '$1'"
    shift
done
shift
eval "printf '%s\n' \"\$@\" | xargs -P '$jobs' -I SPEC '$0' --one '$folder' SPEC $command"
printf '\nthe slowest ten:\n'
grep ' tests  *[0-9.]* s' "$folder"/*.out |
    sed 's|.*/\([^./]*\)\.\([^./]*\)\.\([^:]*\)\.out:.* \([0-9.]*\) s.*|\4 \1/\2/\3|' |
    sort -rn | head -n 10 | awk '{ printf "  %6.2f s  %s\n", $1, $2 }'
cat "$folder"/*.out |
    awk -v seconds=$(($(date +%s) - began)) '
        /^[0-9]+ success.* fail.* err.* pend/ { good += $1; bad += $4; broken += $7; left += $10 }
        END { printf "\n%d successes / %d failures / %d errors / %d pending : %d seconds\n",
            good, bad, broken, left, seconds }'
[ ! -e "$folder/failed" ] || { echo "failed: $(tr '\n' ' ' <"$folder/failed")"; exit 1; }
