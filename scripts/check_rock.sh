#!/bin/sh
# check_rock.sh MODULE: installs the rock into a scratch tree and requires each of its modules from
# another folder, with that tree's paths only. Its module must be as hardened as MODULE, the one
# that make built, linked with the same libraries, and export no symbol but the function that Lua
# calls to open it. Then packs the rock of the release from a tag, in a copy of the repository, and
# installs what was packed. All rockspecs are linted. `make uninstall` must remove what
# `make install` has installed, and nothing else. KEEP=1 leaves the tree.
set -eu
cd "$(dirname "$0")/.."
LUA=${LUA:-lua5.4}
here=$PWD
MAKEFLAGS=-j2
export MAKEFLAGS
scratch=$(mktemp -d "${TMPDIR:-/tmp}/lua-sse-rock.XXXXXX")
[ -n "${KEEP:-}" ] || trap 'rm -rf "$scratch"' EXIT

# quietly COMMAND...: shows what it prints only if it fails.
quietly() {
    if ! "$@" >"$scratch/log" 2>&1 </dev/null; then
        cat "$scratch/log" >&2
        echo "failed: $*" >&2
        exit 1
    fi
}
rocks() { luarocks --lua-version=5.4 "$@"; }

for rockspec in *.rockspec; do quietly rocks lint "$rockspec"; done
echo "luarocks lint: $(echo ./*.rockspec | wc -w) rockspecs"

# A file of somebody else's stays where it is. The folder's name has a space. The second time there
# is nothing to remove, which is no error.
dest="$scratch/dest of it"
make_in() { make DEPS= LUA="$LUA" DESTDIR="$dest" PREFIX=/usr "$@"; }
quietly make_in install
installed=$(find "$dest" -type f | wc -l)
[ -f "$dest/usr/share/lua-sse/types/sse.lua" ]
mkdir -p "$dest/usr/share/lua/other"
own=$(find "$dest" -name server.lua | sed 's/server.lua$/own.lua/')
touch "$own"
quietly make_in uninstall
quietly make_in uninstall
if grep -q Error "$scratch/log"; then
    cat "$scratch/log" >&2
    exit 1
fi
left=$(find "$dest" -type f)
if [ "$left" != "$own" ] || [ ! -d "$dest/usr/share/lua/other" ]; then
    echo "make uninstall left these, and is to leave only $own:" >&2
    echo "$left" >&2
    exit 1
fi
echo "make install, make uninstall: $installed files"

# LuaRocks compiles beside the sources: give it a copy, so that the tree stays as it is.
mkdir "$scratch/source"
tar -cf - --exclude=./.git --exclude=node_modules --exclude='./build*' . |
    tar -xf - -C "$scratch/source"
make_rock() { cd "$scratch/source" && rocks make --deps-mode=none --tree="$scratch/tree" "$1"; }
(quietly make_rock lua-sse-scm-1.rockspec)
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

# try_tree TREE: requires each module of the tree from another folder, and prints the version. The
# rock has the types and the pages.
try_tree() {
    share=$1/share/lua/5.4
    modules=$(cd "$share" && find sse -name '*.lua' | sed 's/\.lua$//; s|/init$||; s|/|.|g' | sort)
    folder=$(rocks show --tree="$1" --rock-dir lua-sse)
    for file in types/sse.lua docs/reference.md docs/reference/loop.md; do
        [ -f "$folder/$file" ] || { echo "the rock has no $file" >&2; exit 1; }
    done
    cd /
    # shellcheck disable=SC2086
    LUA_PATH_5_4="$share/?.lua;$share/?/init.lua" LUA_CPATH_5_4="$1/lib/lua/5.4/?.so" "$LUA" -e '
        for _, name in ipairs(arg) do require(name) end
        print(("%s, %d modules"):format(require("sse")._VERSION, #arg))' /dev/null $modules
    cd "$here"
}
echo "rock: installed and required from another folder: $(try_tree "$scratch/tree")"

# The release, from a tag that only the copy has. Its commit is the tree as it is here.
version=$("$LUA" -e 'print(dofile "lua/sse/version.lua")')
repository=$scratch/repository
cp -R "$scratch/source" "$repository"
commit() {
    cd "$repository" && git init -q && git add -A &&
        git -c user.name=rock -c user.email=rock@example.com commit -q -m release &&
        git tag "v$version"
}
(quietly commit)
url=git+file://$repository
mkdir "$scratch/packed"
sed "s|url = \"git+https:[^\"]*\"|url = \"$url\"|" "lua-sse-$version-1.rockspec" \
    >"$scratch/packed/lua-sse-$version-1.rockspec"
pack() { cd "$scratch/packed" && rocks pack "lua-sse-$version-1.rockspec"; }
(quietly pack)
quietly rocks install --deps-mode=none --tree="$scratch/released" \
    "$scratch/packed/lua-sse-$version-1.src.rock"
echo "release: packed from a tag, installed and required: $(try_tree "$scratch/released")"
