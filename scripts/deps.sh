#!/bin/sh
# deps.sh GROUP...: installs what groups of make targets need and the machine lacks: build, demo,
# cluster, test, lint, analyze, asan, valgrind, interop, bench, soak, fuzz, rock, doc. What is
# installed, from whatever source, is left alone; if all is, no package manager is called, and the
# script takes a few milliseconds. Installs with apt-get on Debian and Ubuntu; says what to install
# elsewhere.
set -eu
cd "$(dirname "$0")/.."
LUA=${LUA:-lua5.4}

# probe | why | apt | dnf | apk | brew   ("rock:NAME": luarocks install NAME)
packages_of() {
    case $1 in
    build) cat <<'LIST'
cc|the C compiler and the C library's headers|gcc libc6-dev|gcc glibc-devel|build-base|llvm
cmd:pkg-config|finds headers and libraries|pkg-config|pkgconf|pkgconf|pkgconf
cmd:LUA|Lua 5.4 or 5.5|lua5.4|lua|lua5.4|lua
pc:lua5.4 lua-5.4 lua54 lua5.5 lua-5.5 lua55 lua|Lua headers|liblua5.4-dev|lua-devel|lua5.4-dev|lua
pc:libevent_core|the event loop|libevent-dev|libevent-devel|libevent-dev|libevent
pc:libcurl|the client's HTTP|libcurl4-openssl-dev|libcurl-devel|curl-dev|curl
pc:libidn2|hosts that are not ASCII|libidn2-dev|libidn2-devel|libidn2-dev|libidn2
pc:libssl|the server's TLS|libssl-dev|openssl-devel|openssl-dev|openssl
pc:libnghttp2|the server's HTTP/2|libnghttp2-dev|libnghttp2-devel|nghttp2-dev|nghttp2
pc:zlib|compresses event streams|zlib1g-dev|zlib-devel|zlib-dev|zlib
pc:libbrotlidec|the client's brotli|libbrotli-dev|brotli-devel|brotli-dev|brotli
pc:sqlite3|the store sse.sqlite|libsqlite3-dev|sqlite-devel|sqlite-dev|sqlite
pc:hiredis|the store sse.redis|libhiredis-dev|hiredis-devel|hiredis-dev|hiredis
ca-bundle|authorities to trust|ca-certificates|ca-certificates|ca-certificates|ca-certificates
LIST
        ;;
    test) packages_of build; packages_of lfs; cat <<'LIST'
lua:busted.runner|runs the specs|lua-busted|rock:busted|rock:busted|rock:busted
lua:socket|raw clients in specs|lua-socket|rock:luasocket|lua5.4-socket|rock:luasocket
cmd:curl|a client that is not ours, in specs|curl|curl|curl|curl
cmd:sqlite3|SQLite's own shell, in specs|sqlite3|sqlite|sqlite|sqlite
redis|Redis or Valkey, in specs|redis-server|redis|redis|redis
cmd:ps|tells that a program is stopped, in specs|procps|procps-ng|procps|proctools
cmd:ip|makes hosts of network namespaces, in specs|iproute2|iproute|iproute2|iproute2mac
cmd:openssl|makes certificates, and a client of TLS, in specs|openssl|openssl|openssl|openssl
older-lua|a Lua that is refused, in specs|lua5.1|luajit|lua5.1|luajit
LIST
        ;;
    lint) packages_of build; packages_of lfs; cat <<'LIST'
cmd:luacheck|lints Lua|lua-check|rock:luacheck|rock:luacheck|rock:luacheck
cmd:cppcheck|lints C|cppcheck|cppcheck|cppcheck|cppcheck
cmd:clang-format|the form of C|clang-format|clang-tools-extra|clang-extra-tools|clang-format
cmd:shellcheck|lints sh|shellcheck|ShellCheck|shellcheck|shellcheck
LIST
        ;;
    analyze) packages_of build; cat <<'LIST'
cmd:clang-tidy|finds faults in C|clang-tidy|clang-tools-extra|clang-extra-tools|llvm
cmd:gcc|the same, by its analyzer|gcc|gcc|gcc|gcc
LIST
        ;;
    lfs) cat <<'LIST'
lua:lfs|folders in specs, scripts|lua-filesystem|rock:luafilesystem|lua5.4-lfs|rock:luafilesystem
LIST
        ;;
    node) cat <<'LIST'
cmd:node|other people's clients and servers|nodejs|nodejs|nodejs|node
cmd:npm|installs them|npm|npm|npm|node
LIST
        ;;
    interop) packages_of build; packages_of lfs; packages_of node; packages_of h2load; cat <<'LIST'
cmd:curl|a client that is not ours|curl|curl|curl|curl
cmd:openssl|makes certificates|openssl|openssl|openssl|openssl
cmd:nginx|a server with TLS|nginx-light|nginx|nginx|nginx
cmd:haproxy|a proxy in front of a server|haproxy|haproxy|haproxy|haproxy
cmd:caddy|a proxy in front of a server|caddy|caddy|caddy|caddy
cmd:tinyproxy|a forward proxy|tinyproxy|tinyproxy|tinyproxy|tinyproxy
cmd:promtool|checks server:metrics|prometheus|golang-github-prometheus|prometheus|prometheus
redis|Redis or Valkey, which machines share|redis-server|redis|redis|redis
cmd:microsocks|a SOCKS5 proxy|microsocks|microsocks|microsocks|microsocks
browser|a browser for the demo's page|chromium|chromium|chromium|chromium
font|Chinese text|fontconfig fonts-wqy-microhei|wqy-microhei-fonts|font-wqy-zenhei|font-noto-sans-sc
LIST
        ;;
    bench) packages_of build; packages_of node; cat <<'LIST'
lua:cjson|JSON, a peer|lua-cjson|rock:lua-cjson|lua5.4-cjson|rock:lua-cjson
nchan|nginx + nchan, a peer|nginx-light libnginx-mod-nchan|nginx|nginx|nginx
cmd:openssl|makes a certificate|openssl|openssl|openssl|openssl
cmd:redis-server|Redis, in benchmarks|redis-server|redis|redis|redis
cmd:redis-benchmark|Redis's own benchmark, a peer|redis-tools|redis|redis|redis
cmd:ps|finds a server's processes|procps|procps-ng|procps|proctools
LIST
        ;;
    soak) packages_of build; packages_of lfs; cat <<'LIST'
cmd:openssl|makes certificates|openssl|openssl|openssl|openssl
LIST
        ;;
    h2load) cat <<'LIST'
cmd:h2load|HTTP/2 clients: nghttp, h2load|nghttp2-client|nghttp2|nghttp2|nghttp2
LIST
        ;;
    fuzz) packages_of build; cat <<'LIST'
libfuzzer|libFuzzer, sanitizers|clang libclang-rt-14-dev|clang compiler-rt|clang compiler-rt|llvm
LIST
        ;;
    asan) packages_of test ;;
    valgrind) packages_of test; cat <<'LIST'
cmd:valgrind|wrong reads and leaks|valgrind|valgrind|valgrind|valgrind
LIST
        ;;
    doc) packages_of build; cat <<'LIST'
cmd:ldoc|pages from the comments|lua-ldoc|rock:ldoc|rock:ldoc|rock:ldoc
LIST
        ;;
    rock) packages_of build; packages_of lfs; cat <<'LIST'
cmd:luarocks|installs the rock|luarocks|luarocks|luarocks5.4|luarocks
cmd:git|a tag that the rock is packed from|git|git|git|git
LIST
        ;;
    cluster) packages_of demo; cat <<'LIST'
redis|Redis or Valkey, which machines share|redis-server|redis|redis|redis
LIST
        ;;
    demo) packages_of build; cat <<'LIST'
cmd:curl|a client beside the demo's page|curl|curl|curl|curl
LIST
        ;;
    *) echo "deps.sh: unknown group '$1'" >&2; exit 2 ;;
    esac
}

have_lua_module() {
    "$LUA" -e 'local m = arg[1]
        local ok = package.searchpath(m, package.path) or package.searchpath(m, package.cpath)
        os.exit(ok and 0 or 1)' /dev/null "$1" 2>/dev/null
}

# The file that libcurl was built to look for, or one where systems have theirs.
have_ca_bundle() {
    for file in "$(curl-config --ca 2>/dev/null)" /etc/ssl/certs/ca-certificates.crt \
        /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ -s "$file" ] && return 0
    done
    return 1
}

have_browser() {
    [ -n "${CHROMIUM:-}" ] && return 0
    for name in chromium chromium-browser google-chrome; do
        command -v $name >/dev/null 2>&1 && return 0
    done
    [ -d /Applications/Chromium.app ] || [ -d "/Applications/Google Chrome.app" ]
}

have_older_lua() {
    for name in lua5.1 lua5.2 lua5.3 lua-5.1 lua51 lua53 luajit; do
        command -v $name >/dev/null 2>&1 && return 0
    done
    return 1
}

have_redis() {
    for name in "${REDIS_SERVER:-}" redis-server valkey-server; do
        [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

have_libfuzzer() {
    command -v clang >/dev/null 2>&1 || return 1
    # If clang lacks the runtime, it prints the name of a file that does not exist.
    for kind in "" "-$(uname -m)" _osx; do
        runtime=libclang_rt.fuzzer$kind.a
        [ -e "$(clang -print-file-name="$runtime")" ] && return 0
        [ -e "$(clang -print-runtime-dir 2>/dev/null)/$runtime" ] && return 0
    done
    return 1
}

# nchan is packaged for Debian and Ubuntu only; elsewhere the benchmark does without it.
have_nchan() {
    command -v apt-get >/dev/null 2>&1 || return 0
    command -v nginx >/dev/null 2>&1 || return 1
    modules=$(nginx -V 2>&1 | tr ' ' '\n' | sed -n 's/^--modules-path=//p')
    [ -e "${modules:-/usr/lib/nginx/modules}/ngx_nchan_module.so" ]
}

have() {
    case $1 in
    cc) echo '#include <stdio.h>' | ${CC:-cc} -E - >/dev/null 2>&1 ;;
    cmd:LUA) command -v "$LUA" >/dev/null 2>&1 ;;
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    lua:*) have_lua_module "${1#lua:}" ;;
    pc:*)
        for module in ${1#pc:}; do
            pkg-config --exists "$module" 2>/dev/null && return 0
        done
        return 1 ;;
    ca-bundle) have_ca_bundle ;;
    older-lua) have_older_lua ;;
    browser) have_browser ;;
    font) [ -n "$(fc-list :lang=zh 2>/dev/null)" ] ;;
    redis) have_redis ;;
    libfuzzer) have_libfuzzer ;;
    nchan) have_nchan ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "deps.sh: not root and no sudo; as root, run: $*" >&2
        exit 1
    fi
}

apt_install() {
    # On stderr, so that a target's output has only its own lines.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" \
        </dev/null >&2
}

apt_update() {
    as_root apt-get update -q </dev/null >&2
}

install_with_apt() {
    ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt_update
    # Old package lists name files that the mirror no longer has: update the lists and try once
    # more.
    apt_install "$@" || { apt_update && apt_install "$@"; }
}

# say_what_to_install COMMAND PACKAGE...: rocks are listed apart, since LuaRocks installs them on
# any system.
say_what_to_install() {
    manager=$1; shift
    plain=; rocks=
    for package in "$@"; do
        case $package in
        rock:*) rocks="$rocks ${package#rock:}" ;;
        *) plain="$plain $package" ;;
        esac
    done
    echo "deps.sh: install these, then try again:" >&2
    if [ -n "$plain" ]; then echo "  $manager$plain" >&2; fi
    for rock in $rocks; do echo "  luarocks --lua-version=5.4 install $rock" >&2; done
    exit 1
}

install_packages() {
    missing=$(for group in "$@"; do packages_of "$group"; done | awk '!seen[$0]++' |
        while IFS='|' read -r probe why apt dnf apk brew; do
            have "$probe" || echo "$why|$apt|$dnf|$apk|$brew"
        done)
    [ -n "$missing" ] || return 0
    echo "missing for $*:" >&2
    echo "$missing" | awk -F'|' '{ printf "  %-24s %s\n", $2, $1 }' >&2
    column() { echo "$missing" | cut -d'|' -f"$1" | tr ' ' '\n' | awk '!seen[$0]++' | tr '\n' ' '; }
    # shellcheck disable=SC2046
    if command -v apt-get >/dev/null 2>&1; then install_with_apt $(column 2)
    elif command -v dnf >/dev/null 2>&1; then say_what_to_install "sudo dnf install" $(column 3)
    elif command -v apk >/dev/null 2>&1; then say_what_to_install "sudo apk add" $(column 4)
    else say_what_to_install "brew install" $(column 5)
    fi
    for group in "$@"; do check_installed "$group"; done
}

check_installed() {
    packages_of "$1" | while IFS='|' read -r probe why apt rest; do
        have "$probe" && continue
        echo "deps.sh: $apt ($why) was installed, but is not found: ${LUA} elsewhere?" >&2
        exit 1
    done
}

# install_npm FOLDER: npm packages, in the versions of the folder's lock file.
install_npm() {
    [ -f "$1/package-lock.json" ] || return 0
    installed=$1/node_modules/.package-lock.json
    [ -f "$installed" ] && [ -n "$(find "$installed" -newer "$1/package-lock.json")" ] && return 0
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2)
    touch "$installed"
}

[ $# -gt 0 ] || { echo "usage: scripts/deps.sh GROUP..." >&2; exit 2; }
install_packages "$@"
for group in "$@"; do
    case $group in interop | bench) install_npm "$group" ;; esac
done
