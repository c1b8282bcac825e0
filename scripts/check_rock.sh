#!/bin/sh
# check_rock.sh CORE SQLITE REDIS: installs the three rocks into a scratch tree and requires each of
# their modules from another folder, with that tree's paths only. Their modules must be as hardened
# as CORE, SQLITE and REDIS, those that make built, linked with the same libraries, and export no
# symbol but the function that Lua calls to open each. Then packs the rocks of the release from a
# tag, in a copy of the repository, and installs what was packed. All rockspecs are linted. `make
# uninstall`, `make uninstall-sqlite` and `make uninstall-redis` must remove what was installed,
# nothing else. KEEP=1 leaves the tree.
set -eu
cd "$(dirname "$0")/.."
LUA=${LUA:-lua5.4}
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
quietly make_in install install-sqlite install-redis
installed=$(find "$dest" -type f | wc -l)
[ -f "$dest/usr/share/lua-sse/types/sse.lua" ]
mkdir -p "$dest/usr/share/lua/other"
own=$(find "$dest" -name server.lua | sed 's/server.lua$/own.lua/')
touch "$own"
quietly make_in uninstall-redis uninstall-sqlite uninstall
quietly make_in uninstall-redis uninstall-sqlite uninstall
if grep -q Error "$scratch/log"; then
    cat "$scratch/log" >&2
    exit 1
fi
left=$(find "$dest" -type f)
if [ "$left" != "$own" ] || [ ! -d "$dest/usr/share/lua/other" ]; then
    echo "make uninstall-redis and the like left these, and are to leave only $own:" >&2
    echo "$left" >&2
    exit 1
fi
echo "make install, make uninstall: $installed files"

# LuaRocks compiles beside the sources: give it a copy, so that the tree stays as it is.
mkdir "$scratch/source"
tar -cf - --exclude=./.git --exclude=node_modules --exclude='./build*' . |
    tar -xf - -C "$scratch/source"
needed() { readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }
# The symbols that a program or another module could link to: `luaopen_sse_core`, and nothing that
# could be taken for a function of the same name elsewhere in the process.
exported() {
    if [ "$(uname -s)" = Darwin ]; then nm -gU "$1" | sed 's/ _/ /'
    else nm -D --defined-only "$1"
    fi | awk '{ print $NF }'
}

# install_rock ROCKSPEC MODULE BUILT: installs a rock. Its MODULE is compared with BUILT, the one
# that make built.
make_rock() { cd "$scratch/source" && rocks make --deps-mode=none --tree="$scratch/tree" "$1"; }
install_rock() {
    (quietly make_rock "$1")
    module=$scratch/tree/lib/lua/5.4/$2
    scripts/check_hardening.sh "$module"
    if [ "$(needed "$module")" != "$(needed "$3")" ]; then
        echo "the rock is linked with other libraries than $3:" >&2
        needed "$module" >&2
        exit 1
    fi
    symbols=$(exported "$module")
    others=$(printf '%s\n' "$symbols" | grep -v '^luaopen_' || true)
    if [ -n "$others" ] || [ -z "$symbols" ]; then
        count=$(printf '%s\n' "$symbols" | grep -c .)
        echo "the rock exports $count symbols, not only luaopen_*:" >&2
        printf '%s\n' "$others" >&2
        exit 1
    fi
    echo "exported: $(echo "$symbols" | paste -s -d ' ' -)"
}

# in_tree TREE CODE ARGUMENT...: runs code with that tree's modules alone, in another folder.
in_tree() {
    (
        share=$1/share/lua/5.4 code=$2
        LUA_PATH_5_4="$share/?.lua;$share/?/init.lua" LUA_CPATH_5_4="$1/lib/lua/5.4/?.so"
        export LUA_PATH_5_4 LUA_CPATH_5_4
        shift 2
        cd /
        "$LUA" -e "$code" /dev/null "$@"
    )
}

install_rock lua-sse-scm-1.rockspec sse/core.so "$1"
in_tree "$scratch/tree" '
    for _, name in ipairs { "sqlite", "redis" } do
        local ok, err = pcall(function() return require("sse")[name] end)
        assert(not ok and err:find("luarocks install lua-sse-" .. name, 1, true), err)
    end'
install_rock lua-sse-sqlite-scm-1.rockspec sse/sqlite/core.so "$2"
install_rock lua-sse-redis-scm-1.rockspec sse/redis/core.so "$3"

# try_tree TREE: requires each module of the tree, and prints the version. An event goes through
# SQLite. The first rock has the types and the pages.
try_tree() {
    modules=$(cd "$1/share/lua/5.4" && find sse -name '*.lua' |
        sed 's/\.lua$//; s|/init$||; s|/|.|g' | sort)
    folder=$(rocks show --tree="$1" --rock-dir lua-sse)
    for file in types/sse.lua docs/reference.md docs/reference/loop.md; do
        [ -f "$folder/$file" ] || { echo "the rock has no $file" >&2; exit 1; }
    done
    # shellcheck disable=SC2086
    in_tree "$1" '
        local sse = require "sse"
        for i = 2, #arg do require(arg[i]) end
        local store <close> = sse.sqlite(arg[1])
        assert(sse.channel("try", { store = store }):publish "it")
        sse.redis("redis://127.0.0.1:1"):close()
        print(("%s, %d modules"):format(sse._VERSION, #arg - 1))' "$1/events.db" $modules
}
echo "rocks: installed and required from another folder: $(try_tree "$scratch/tree")"

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
packed=$scratch/packed
mkdir "$packed"
"$LUA" -e 'package.path = "scripts/?.lua;" .. package.path
    require("release.rockspecs").write(arg[1], arg[2])' /dev/null "$version" "$packed"
pack() { cd "$packed" && rocks pack "$1"; }
for rock in lua-sse lua-sse-sqlite lua-sse-redis; do
    rockspec=$rock-$version-1.rockspec
    sed "s|url = \"git+https:[^\"]*\"|url = \"$url\"|" "$packed/$rockspec" >"$scratch/edited"
    mv "$scratch/edited" "$packed/$rockspec"
    (quietly pack "$rockspec")
    # The other rocks need the first one, of the same version, in the same tree.
    quietly rocks install --deps-mode=one --tree="$scratch/released" \
        "$packed/$rock-$version-1.src.rock"
done
echo "release: packed from a tag, installed and required: $(try_tree "$scratch/released")"
