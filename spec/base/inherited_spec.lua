-- A program that is started while connections, files and lookups are open must inherit none of
-- them: they would stay open after they are closed here.
local certs = require "spec.support.certs"
local child = require "spec.support.child"

local PROGRAM = [[
  local core = require "sse.core"
  local sse = require "sse"

  -- Runs a shell that lists its descriptors from 3 on, without those that this process itself
  -- inherited.
  local own = {}
  local function inherited()
    local list = {}
    local pipe <close> = io.popen(
      "n=3; while [ $n -lt 64 ]; do (: <&$n) 2>/dev/null && echo $n; n=$((n+1)); done")
    for line in pipe:lines() do
      if not own[line] then list[#list + 1] = line end
    end
    return list
  end

  local function turn_until(done)
    local tick = core.every(5, function() end)
    while not done() do core.turn() end
    tick:stop()
  end

  local function say(what) print(what .. ": [" .. table.concat(inherited(), " ") .. "]") end

  for _, number in ipairs(inherited()) do own[number] = true end
  local path, big = os.tmpname(), os.tmpname()
  io.open(big, "w"):write(("x"):rep(8 * 2 ^ 20)):close()
  local server = sse.server { tls = %s }
  server:get("/", function(_, res) res:event_stream():send "x" end)
  server:get("/file", sse.file(big))
  assert(server:listen())
  local scheme = %q
  local function url(where) return scheme .. "://127.0.0.1:" .. server.port .. where end
  local tls = { verify = false }
  say "listening"
  local opened = 0
  local sources = {}
  for i = 1, 3 do
    sources[i] = sse.EventSource(url "/", {
      withCredentials = true, cookieFile = path, tls = tls,
      httpVersion = i > 1 and "2-prior-knowledge" or "1.1",
    })
    sources[i].onmessage = function() opened = opened + 1 end
  end
  turn_until(function() return opened == 3 end)
  say "streams"
  local got
  sse.spawn(function() got = sse.fetch(url "/file", { tls = tls, httpVersion = "1.1" }) end)
  turn_until(function() return got end)
  say "a file on its way"
  sse.spawn(sse.fetch, "http://name.invalid:1/")
  for _ = 1, 3 do
    core.defer(function() end) -- a turn with a deferred call does not wait
    core.turn()
    say "a name looked up"
  end
  if scheme == "https" then assert(server:reload_tls()) end
  say "loaded again"
  os.remove(path)
  os.remove(big)
  print "end"
  os.exit(true)
]]

describe("a child that is run", function()
  after_each(child.stop)

  for _, scheme in ipairs { "http", "https" } do
    it("inherits no descriptor, over " .. scheme, function()
      local tls = "nil"
      if scheme == "https" then
        local files = certs.server()
        tls = ("{ cert = %q, key = %q }"):format(files.cert, files.key)
      end
      local program = child.script(PROGRAM:format(tls, scheme))
      program:till "end\n"
      local checks = 0
      for what, list in program:output():gmatch "([%l ]+): (%b[])\n" do
        assert.equal("[]", list, what)
        checks = checks + 1
      end
      assert.equal(7, checks)
    end)
  end
end)
