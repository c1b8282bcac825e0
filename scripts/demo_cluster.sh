#!/bin/sh
# demo_cluster.sh: two machines on this one, each of two workers on a port of its own
# (examples/cluster.lua), and the Redis server that they share. They are served on the port
# DEMO_PORT (9522) and the next one. What is killed starts again 5 s later, like a machine. Ctrl-C,
# SIGTERM and the terminal's end end all of them; what Redis holds is removed.
set -u
cd "$(dirname "$0")/.." || exit 1
LUA=${LUA:-lua5.4}
first=${DEMO_PORT:-9522}
case $first in
*[!0-9]* | ?????? | '') echo "DEMO_PORT: '$first' is no port" >&2; exit 1 ;;
esac
second=$((first + 1))
redis=${REDIS_SERVER:-$(command -v redis-server || command -v valkey-server)}
if ! command -v "$redis" >/dev/null 2>&1; then
    echo "no Redis: neither redis-server nor valkey-server is installed, nor REDIS_SERVER" >&2
    exit 1
fi
MACHINES="http://127.0.0.1:$first http://127.0.0.1:$second"
export MACHINES

folder=$(mktemp -d "${TMPDIR:-/tmp}/sse-cluster.XXXXXX")
REDIS_URL=unix://$folder/redis
export REDIS_URL
mkfifo "$folder/over"
keepers=''
reader=''

# keep NAME COMMAND...: runs a program, and again when it was killed. If it ends by itself, all end.
keep() {
    name=$1
    pid=''
    shift
    trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; exit' TERM
    while :; do
        "$@" &
        pid=$!
        echo "$name: process $pid"
        wait "$pid"
        status=$?
        [ "$status" -gt 128 ] || break
        echo "$name was killed; it starts again in 5 s"
        sleep 5 &
        pid=$!
        wait "$pid"
    done
    { echo "$status" >"$folder/over"; } 2>/dev/null
}

# The machines end before Redis, so that no follower of theirs notices its end.
end_all() {
    trap '' INT TERM HUP
    for keeper in $keepers; do
        kill "$keeper" 2>/dev/null
        wait "$keeper" 2>/dev/null
    done
    [ -z "$reader" ] || kill "$reader" 2>/dev/null
    rm -rf "$folder"
}

trap 'end_all; exit 0' INT TERM HUP
keep Redis "$redis" --port 0 --unixsocket "$folder/redis" --dir "$folder" --save '' \
    --appendonly yes --logfile "$folder/log" &
last=$!
MACHINE=a keep "machine a" "$LUA" examples/cluster.lua "$first" &
keepers=$!
MACHINE=b keep "machine b" "$LUA" examples/cluster.lua "$second" &
keepers="$keepers $! $last"
echo "two machines, http://127.0.0.1:$first/ and http://127.0.0.1:$second/; Ctrl-C ends all"

# Waits for the first end, or for a signal.
cat "$folder/over" >"$folder/status" &
reader=$!
wait "$reader"
read -r status <"$folder/status" # the first line
[ "$status" = 0 ] || echo "try other ports: DEMO_PORT=9600 make demo-cluster" >&2
end_all
exit "$status"
