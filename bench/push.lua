--- make bench-push: what a delivered event costs the server, over HTTP/1.1 with a connection a
-- stream and over HTTP/2 with a hundred streams each; the client is h2load. `push.lua BUILD
-- [STREAMS [EVENTS [BYTES]]]`.
local build, streams = arg[1], tonumber(arg[2] or 10000)
local events, bytes = tonumber(arg[3] or 30), tonumber(arg[4] or 100)

local function limit()
  local pipe = io.popen "ulimit -n"
  local n = tonumber(pipe:read "l") or streams
  pipe:close()
  return n
end

local function run(name, clients, flags)
  local server <close> = assert(io.popen(("%s/push_server %d %d %d 200"):format(
    build, streams, events, bytes)))
  local port = assert(server:read "l", "the server did not start")
  local ok = os.execute(("h2load %s -n %d -c %d http://127.0.0.1:%s/ >/dev/null 2>&1"):format(
    flags, streams, clients, port))
  assert(ok, "h2load failed: is it installed?")
  local line = server:read "l"
  print(("%-9s %s"):format(name, line))
  return tonumber(line:match "([%d.]+) us of CPU")
end

streams = math.min(streams, limit() - 100) // 100 * 100
local http1 = run("HTTP/1.1", streams, "--h1")
local http2 = run("HTTP/2", streams // 100, "-m 100 -w 20 -W 24")
print(("an event over HTTP/2 costs %.2f of one over HTTP/1.1"):format(http2 / http1))
