#!/bin/sh
# check_rock.sh MODULE: installs the rock into a scratch tree and requires it from another folder,
# with that tree's paths only. Its module must be as hardened as
# MODULE, the one that make built, linked with the same libraries, and export no symbol but the
# function that Lua calls to open it. KEEP=1 leaves the tree.
set -eu
cd "$(dirname "$0")/.."
LUA=${LUA:-lua5.4}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/lua-sse-rock.XXXXXX")
[ -n "${KEEP:-}" ] || trap 'rm -rf "$scratch"' EXIT

# LuaRocks compiles beside the sources: give it a copy, so that the tree stays as it is.
mkdir "$scratch/source"
tar -cf - --exclude=./.git --exclude=node_modules --exclude='./build*' . |
    tar -xf - -C "$scratch/source"
rock=lua-sse-scm-1.rockspec
if ! (cd "$scratch/source" &&
    luarocks --lua-version=5.4 make --deps-mode=none --tree="$scratch/tree" $rock) \
    >"$scratch/log" 2>&1 </dev/null; then
    cat "$scratch/log" >&2
    exit 1
fi
module=$scratch/tree/lib/lua/5.4/sse/core.so
scripts/check_hardening.sh "$module"
needed() { readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }
if [ "$(needed "$module")" != "$(needed "$1")" ]; then
    echo "the rock is linked with other libraries than $1:" >&2
    needed "$module" >&2
    exit 1
fi
# The symbols that a program or another module could link to: `luaopen_sse_core`, and nothing that
# could be taken for a function of the same name elsewhere in the process.
exported() {
    if [ "$(uname -s)" = Darwin ]; then nm -gU "$1" | sed 's/ _/ /'
    else nm -D --defined-only "$1"
    fi | awk '{ print $NF }'
}
symbols=$(exported "$module")
others=$(printf '%s\n' "$symbols" | grep -v '^luaopen_' || true)
if [ -n "$others" ] || [ -z "$symbols" ]; then
    echo "the rock exports $(printf '%s\n' "$symbols" | grep -c .) symbols, not only luaopen_*:" >&2
    printf '%s\n' "$others" >&2
    exit 1
fi
echo "exported: $(echo "$symbols" | paste -s -d ' ' -)"

cd /
share=$scratch/tree/share/lua/5.4
version=$(LUA_PATH_5_4="$share/?.lua;$share/?/init.lua" \
    LUA_CPATH_5_4="$scratch/tree/lib/lua/5.4/?.so" \
    "$LUA" -e 'local sse = require "sse" print(sse._VERSION)')
echo "rock: installed and required from another folder, version $version"
