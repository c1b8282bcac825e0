#!/bin/sh
# test_each.sh COMMAND... -- SPEC...: runs the command on each spec by itself: where every callback
# costs a full collection, a small heap is what makes it quick. Shows a line a spec, all of one that
# failed.
set -u
command=
while [ "$1" != -- ]; do command="$command '$1'"; shift; done
shift
out=$(mktemp)
trap 'rm -f "$out"' EXIT
bad=
for spec in "$@"; do
    if eval "$command \"\$spec\"" >"$out" 2>&1; then
        grep ' tests ' "$out"
    else
        cat "$out"
        bad="$bad $spec"
    fi
done
[ -z "$bad" ] || { echo "failed:$bad"; exit 1; }
echo "all passed, each by itself"
