--- What the shell commands of the pages do. A line of a block `sh` is one of these:
--
-- `curl ...`: run against the server of the page's Lua block that `serve` names by a piece of its
-- code, or of `routes`, until it has printed `gets`. All others have a `check`, a command that is
-- to succeed in this tree, with the line as $1. A page whose commands change the machine, or are
-- another system's, has the file that checks them instead.
local function clock(server)
  server:get("/clock", function(_, res)
    res:event_stream():send { event = "time", data = "noon" }
  end)
end

-- The targets that a page names exist, and what they would run can be worked out.
local MAKE = 'make -n DEPS= TEST_DEPS= "${1#make }" >/dev/null'

-- The packages are those that scripts/deps.sh installs to build, and four: for the clone, the rock,
-- and the first words.
local PACKAGES = [[
more="luarocks git make curl "
want=$(sed -n "/^    build) cat/,/^LIST/p" scripts/deps.sh | cut -d"|" -f3 -s | tr " " "\n" | sort)
test "$(echo "${1#sudo apt install $more}" | tr " " "\n" | sort)" = "$want"
]]

-- The address is the rockspec's.
local CLONE = [[
url=${1#git clone }
grep -qF "git+${url%% *}" lua-sse-scm-1.rockspec
]]

-- Lua finds both parts of the library, and what it found before.
local ENV = [[
unset LUA_PATH_5_4 LUA_PATH_5_5 LUA_CPATH LUA_CPATH_5_4 LUA_CPATH_5_5
LUA_PATH="/own/?.lua;;"
eval "$(make -s DEPS= env)"
test "$LUA_PATH_5_4$LUA_PATH_5_5" = "$PWD/lua/?.lua;$PWD/lua/?/init.lua;/own/?.lua;;" || exit 1
case $LUA_CPATH_5_4$LUA_CPATH_5_5 in "$PWD"/*"/?.so;;") exit 0 ;; esac
exit 1
]]

-- The command makes a certificate of the name, and its key, in another folder than /etc/ssl.
local CERTIFICATE = [[
folder=$(mktemp -d)
sh -c "$(echo "${1#sudo }" | sed "s,/etc/ssl,$folder,g")" 2>/dev/null &&
  openssl x509 -in "$folder/app.pem" -noout -checkhost app.example | grep -q "does match" &&
  test -s "$folder/app.key"
status=$?
rm -r "$folder"
exit $status
]]

-- SQLite's shell, with a file that has one event, and what it prints or publishes.
local SHELL = [[
folder=$(mktemp -d)
LD_PRELOAD=$PRELOAD "${LUA:-lua5.4}" -e 'local sse = require "sse"
    local store <close> = sse.sqlite(arg[1])
    assert(sse.channel("news", { store = store }):publish "Snow")' /dev/null "$folder/events.db"
cd "$folder" && eval "$1" && sqlite3 events.db "SELECT event FROM history" | grep -q "%s"
status=$?
rm -r "$folder"
exit $status
]]

-- Each file of /etc that the command names is one of the page's settings.
local SETTINGS = [[
for file in $(echo "$1" | grep -o "/etc/[a-z/.-]*[a-z]"); do
  grep -v "^sudo \|^curl " docs/production.md | grep -qF "$file" || exit 1
done
]]

-- Makes each line end with CRLF, also when it is run again.
local AWAY = [[
file=$(mktemp)
printf 'a\n\n' >"$file"
for i in 1 2; do sh -c "$(echo "${1#sudo }" | sed "s,/etc/haproxy/away.http,$file,")"; done
test "$(od -An -c "$file" | tr -d ' ')" = 'a\r\n\r\n'
status=$?
rm "$file"
exit $status
]]

-- Where systemd's tools are, they find nothing wrong in the units.
local UNITS = [[
command -v systemd-analyze >/dev/null || exit 0
folder=$(mktemp -d)
cp docs/lua-sse.socket "$folder"
sed "s,=/usr/bin/lua5.4,=/bin/sh," docs/lua-sse.service >"$folder/lua-sse.service"
said=$(systemd-analyze verify "$folder/lua-sse.service" "$folder/lua-sse.socket" 2>&1)
status=$?
rm -r "$folder"
echo "$said"
test $status = 0 && ! echo "$said" | grep -q lua-sse
]]

local HEALTH = "grep -q '\"/health\"' docs/app.lua"

-- The variables that are passed on are those that `make env` sets.
local ACTIVATED = [[
test -f docs/app.lua || exit 1
for name in $(echo "$1" | grep -o "E [A-Z_0-9]*" | cut -c3-); do
  make -s DEPS= LUA=lua5.4 env | grep -q "^export $name=" || exit 1
done
]]

return {
  ["README.md"] = {
    ["make demo"] = { check = MAKE },
    ["make test"] = { check = MAKE },
    ['eval "$(make -s env)"'] = { check = ENV },
    ["git clone"] = { check = CLONE },
    -- make rock
    ["sudo luarocks --lua-version=5.4 make"] = { check = "test -f lua-sse-scm-1.rockspec" },
    ["sudo apt install luarocks"] = { check = PACKAGES },
  },
  ["docs/production.md"] = { -- no container is built here, no service of the machine is changed
    ["sudo openssl req"] = { check = CERTIFICATE },
    ["curl -N --interface 127.0.0.5 --cacert"] = { check = SETTINGS },
    ["sudo nginx -t"] = { check = SETTINGS },
    ["sudo sed -i"] = { check = AWAY },
    ["sudo sh -c 'umask 077; cat"] = { check = SETTINGS },
    ["sudo haproxy -c"] = { check = SETTINGS },
    ["sudo chgrp caddy"] = { check = SETTINGS },
    ["sudo caddy validate"] = { check = SETTINGS },
    ["sudo make install"] = { check = 'make -n DEPS= "${1#sudo make }" >/dev/null' },
    ["sudo install -D"] = { check = "test -f docs/app.lua" },
    ["sudo cp docs/lua-sse.service"] = { check = UNITS },
    ["sudo systemctl enable"] = { check = UNITS },
    ["curl http://127.0.0.1:9522/health"] = { check = HEALTH },
    ["systemd-socket-activate"] = { check = ACTIVATED },
    ["docker build"] = { check = "test -f docs/Dockerfile" },
    ["docker run"] = { check = "grep -q EXPOSE docs/Dockerfile" },
    ["docker stop -t 15 app"] = { check = "grep -q '^CMD' docs/Dockerfile" },
    ["curl -s http://127.0.0.1:9524/metrics"] = {
      check = "grep -q 'port = 9524' docs/production.md",
    },
  },
  ["docs/install.md"] = "scripts/release/packages.lua",
  ["docs/stores.md"] = {
    ['sqlite3 events.db "SELECT'] = { check = SHELL:format "data: Snow" },
    ['sqlite3 events.db "INSERT'] = { check = SHELL:format "data: It rains" },
  },
  ["docs/howto/migrate.md"] = {
    ["curl -N http://127.0.0.1:9522/clock | grep"] = { routes = clock, gets = "^data: noon\n" },
  },
  ["docs/howto/per-user.md"] = {
    ["curl -N -H 'Authorization: Bearer hush'"] = {
      serve = "channel_of(user)", gets = '"Lunch%?"', stays = true,
    },
    ["curl -H 'Authorization: Bearer s3cret'"] = { gets = "^$" },
  },
  ["docs/howto/progress.md"] = {
    ["curl -d '' 127.0.0.1:9522/jobs"] = { serve = 'server:post("/jobs"', gets = '^{"id":"1"}' },
    ["curl -N 127.0.0.1:9522/jobs/1"] = { gets = 'data: {"percent":100}\n\n.*event: done\n' },
  },
  ["docs/howto/two-processes.md"] = {
    ["curl -H 'Authorization: Bearer secret'"] = { serve = "PUBLISH_KEY", gets = '^{"id":"' },
  },
}
