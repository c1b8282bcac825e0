-- CONFORMANCE line 53: a client that was stopped (SIGSTOP, a laptop's lid) past its limits reads
-- the bytes that wait in its sockets before it judges.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local relay = require "spec.support.relay"
local sse = require "sse"
local wait = require "spec.support.wait"

local PATIENCE = tonumber(os.getenv "SSE_TEST_PATIENCE" or 1)
local LIMIT = 2000 * PATIENCE -- ms: each limit
-- More than libevent asks the kernel for at once, and than a turn can serve.
local MANY = PATIENCE > 1 and 80 or 500

-- Prints a line for each thing that happens: a name and what it is.
local CLIENT = ([[
local sse = require "sse"
local limit, tls = %d, { ca = %q }
local plain, secure, slow = %q, %q, %q
io.stdout:setvbuf "no"
local many, begun = %d, 0
local ask_all
local function note(name, what)
  print(name, what)
  if what == "begun" then begun = begun + 1 end
  if what == "begun" and begun == many + 5 then ask_all() end
end
local function say(name) return function(ev) note(name, ev.data or ev.message) end end
local function open(name, url)
  return sse.EventSource(url, { heartbeatTimeout = limit, tls = tls,
    onmessage = say(name), onerror = say(name) })
end
local sources = {}
for i = 1, many do sources[i] = open("source", plain .. "stream") end
for i = 1, 3 do table.insert(sources, open("http2", secure .. "stream")) end
local other = sse.fetchEventSource(plain .. "stream", { heartbeatTimeout = limit,
  onmessage = say "fetchEventSource", onerror = say "fetchEventSource" })
sse.spawn(function()
  local res = assert(sse.fetch(plain .. "stream", { heartbeatTimeout = limit }))
  for ev in res:events() do note("fetch", ev.data) end
  print("fetch", res.failure)
end)
local function ask(name, url, options)
  sse.spawn(function()
    local res, message = sse.fetch(url, options)
    print(name, res and res:text() or message)
  end)
end
function ask_all() -- their limits begin once all streams are there, however long that takes
  ask("timeout", plain .. "late", { timeout = limit })
  ask("AbortSignal.timeout", plain .. "late", { signal = sse.AbortSignal.timeout(limit) })
  ask("connectTimeout", slow .. "end", { connectTimeout = limit, tls = tls })
end
sse.run()
]])

local EXPECTED = {
  source = MANY, http2 = 3, fetchEventSource = 1, fetch = 1, timeout = 1,
  ["AbortSignal.timeout"] = 1, connectTimeout = 1,
}

-- A server of streams, which it keeps alive, and of late responses; `finish` completes both.
local function start(tls)
  local streams, late = {}, {}
  local server = sse.server { port = 0, tls = tls, head_timeout = 10 * LIMIT } -- of handshakes, too
  server:get("/stream", function(_, res)
    local stream = res:event_stream { heartbeat = 20, compress = false }
    stream:send "begun"
    streams[#streams + 1] = stream
  end)
  server:get("/late", function(_, res)
    res:detach()
    late[#late + 1] = res
  end)
  server:get("/end", function(_, res) res:reply(200, "end") end)
  assert(server:listen())
  return {
    url = ("http%s://127.0.0.1:%d/"):format(tls and "s" or "", server.port), port = server.port,
    has = function(n, m) return #streams == n and #late == m end,
    answer = function() for _, res in ipairs(late) do res:reply(200, "end") end end,
    finish = function() for _, stream in ipairs(streams) do stream:send "end" end end,
    close = function() server:close() end,
  }
end

-- What was printed since the start, as counts by line.
local function counts(text)
  local found = {}
  for line in text:gmatch "[^\n]+" do found[line] = (found[line] or 0) + 1 end
  return found
end

local function has_all(text, what)
  local found = counts(text)
  for name, n in pairs(EXPECTED) do
    if (found[name .. "\t" .. what] or 0) < n then return false end
  end
  return true
end

describe("line 53: a client that slept", function()
  after_each(child.stop)

  it("reads what waits before heartbeatTimeout, timeout, connectTimeout and signals", function()
    local plain, secure = start(), start(certs.server())
    local between = relay.start(secure.port) -- holds an answer to the client's handshake back
    local slow = ("https://127.0.0.1:%d/"):format(between.port)
    local run = child.script(CLIENT:format(LIMIT, certs.client().ca, plain.url, secure.url, slow,
      MANY))
    wait.till(function()
      local pair = between.pairs[1]
      if pair then pair.down.blocked = true end
      return plain.has(MANY + 2, 2) and secure.has(3, 0) and pair and #pair.down.held > 0
    end, "the client's requests")
    run:sleep(LIMIT + 300, function()
      plain.answer()
      between.pairs[1].down.blocked = false
    end)
    wait.till(function() return run:output():find "connectTimeout" end, "the handshake")
    plain.finish()
    secure.finish()
    wait.till(function()
      return has_all(run:output(), "end") or run:output():find "silent" or run:status()
    end, "the ends")
    local expected = {}
    for name, n in pairs(EXPECTED) do
      expected[name .. "\tend"] = n
      if not name:lower():find "timeout" then expected[name .. "\tbegun"] = n end
    end
    assert.same(expected, counts(run:output()))
    between:close()
    plain.close()
    secure.close()
  end)
end)
