-- Many transfers at once: the connections they take, what they leave to everything else, and that
-- those which wait for their turn are as good as started ones.
local certs = require "spec.support.certs"
local core = require "sse.core"
local process = require "spec.process"
local raw = require "spec.support.raw"
local sse = require "sse"
local wait = require "spec.support.wait"

local streams
local server, sources, opened, failures, encodings

-- A server of streams. `encodings` gets what each request asks for, false where it does not.
local function start(options)
  options.port, options.max_connections_per_address = 0, 2000
  server = sse.server(options)
  server:get("/stream", function(req, res)
    encodings[#encodings + 1] = req.headers["accept-encoding"] or false
    local stream = res:event_stream()
    streams[stream] = true -- else the collector ends it
    stream.on_close = function() streams[stream] = nil end
  end)
  server:get("/", function(req, res)
    encodings[#encodings + 1] = req.headers["accept-encoding"] or false
    res:reply(200, "fine")
  end)
  assert(server:listen())
  return ("%s://127.0.0.1:%d"):format(options.tls and "https" or "http", server.port)
end

local function open(url, n, options)
  for _ = 1, n do
    local source = sse.EventSource(url .. "/stream", options)
    source.onopen = function() opened = opened + 1 end
    source.onerror = function(ev) failures[#failures + 1] = ev.message end
    sources[#sources + 1] = source
  end
end

local function close_all()
  for _, source in ipairs(sources) do source:close() end
end

local function stats() return server:stats() end

describe("many transfers", function()
  before_each(function()
    streams, sources, opened, failures, encodings = {}, {}, 0, {}, {}
  end)

  after_each(function()
    close_all()
    if server then server:close() end
    server = nil
    wait.idle()
    assert.same({}, failures)
  end)

  for limit, n in pairs { [10] = 35, [100] = 250, [250] = 260 } do
    it(("over HTTP/2: %d sources, %d on a connection"):format(n, limit), function()
      local url = start { tls = certs.server(), max_concurrent_requests = limit }
      open(url, n, { tls = certs.client() })
      wait.till(function() return opened == n end, "all sources")
      assert.equal(n, stats().streams.open)
      local most = math.ceil(n / limit) + 1
      assert.is_true(stats().connections.accepted <= most,
        ("%d connections, at most %d expected"):format(stats().connections.accepted, most))
    end)
  end

  it("over HTTP/2: those that wait go on when the one before them is closed", function()
    local url = start { tls = certs.server() }
    open(url, 20, { tls = certs.client() })
    local first = true
    -- In each turn the oldest source that is not open is closed, whatever it waits for.
    while first do
      first = nil
      core.turn()
      for i = 1, 15 do
        if not first and sources[i].readyState == sse.EventSource.CONNECTING then
          first = sources[i]
        end
      end
      if first then first:close() end
    end
    wait.till(function()
      for i = 16, 20 do
        if sources[i].readyState ~= sse.EventSource.OPEN then return false end
      end
      return true
    end, "the last five")
  end)

  it("over HTTP/2: each of them fails where nobody listens", function()
    local listener = sse.server { port = 0 }
    assert(listener:listen())
    local port, seen = listener.port, 0
    listener:close()
    wait.idle()
    for _ = 1, 30 do
      sse.spawn(function()
        local res, _, code = sse.fetch(("https://127.0.0.1:%d/"):format(port))
        assert.is_nil(res)
        assert.equal("ECONNREFUSED", code)
        seen = seen + 1
      end)
    end
    wait.till(function() return seen == 30 end, "all failures")
  end)

  it("with TLS and HTTP/1.1 have a connection each, which does not wait for others", function()
    local url = start { tls = certs.server() }
    open(url, 40, { tls = certs.client(), httpVersion = "1.1" })
    wait.till(function() return opened == 40 end, "all sources")
    assert.equal(40, stats().connections.open)
  end)

  it("begin in several turns, between which the loop serves others", function()
    local url, n, seen = start {}, 400, {}
    local timer <close> = sse.every(1, function() seen[stats().streams.opened] = true end)
    open(url, n)
    wait.till(function() return opened == n end, "all sources")
    local different = 0
    for count in pairs(seen) do
      if count > 0 and count < n then different = different + 1 end
    end
    assert.is_true(different >= 3, ("a timer ran %d times between them"):format(different))
    timer:stop()
  end)

  it("end in several turns, between which the loop serves others", function()
    local url, n, seen = start {}, 400, {}
    open(url, n)
    wait.till(function() return opened == n end, "all sources")
    core.defer(close_all) -- in the loop: outside of it all end at once
    local timer <close> = sse.every(1, function() seen[stats().streams.open] = true end)
    wait.till(function() return stats().streams.open == 0 end, "all ends")
    local different = 0
    for count in pairs(seen) do
      if count > 0 and count < n then different = different + 1 end
    end
    assert.is_true(different >= 1, "no timer ran between them")
    timer:stop()
  end)

  it("end at once outside of the loop, which may never turn again", function()
    local url, n = start {}, 400
    open(url, n)
    wait.till(function() return opened == n end, "all sources")
    local before = wait.fds()
    close_all()
    assert.is_true(wait.fds() <= before - n)
  end)

  it("that are closed while they wait make no request", function()
    local url, n = start {}, 400
    open(url, n)
    for i = 1, n - 1 do sources[i]:close() end
    wait.till(function() return opened == 1 end, "the last one")
    assert.is_true(#encodings < n / 2, #encodings .. " requests")
  end)

  it("that are aborted while they wait give the signal's reason", function()
    local url, n = start {}, 400
    local controller, given, fine = sse.AbortController(), 0, 0
    for i = 1, n do
      sse.spawn(function()
        local signal = i % 2 == 0 and controller.signal or nil
        local res, _, code = sse.fetch(url .. "/", { signal = signal })
        if res and res:text() == "fine" then fine = fine + 1 end
        if code == "EABORTED" then given = given + 1 end
      end)
    end
    core.turn()
    controller:abort()
    wait.till(function() return fine + given == n end, "all results")
    assert.is_true(fine >= n / 2)
    assert.is_true(given > 0)
  end)

  it("that end leave connections that later ones use", function()
    local url, n, done = start {}, 300, 0
    for _ = 1, n do
      sse.spawn(function()
        assert.equal("fine", assert(sse.fetch(url .. "/")):text())
        done = done + 1
      end)
    end
    wait.till(function() return done == n end, "all responses")
    local accepted = stats().connections.accepted
    for _ = 1, 5 do assert.equal("fine", assert(sse.fetch(url .. "/")):text()) end
    assert.equal(accepted, stats().connections.accepted)
  end)

  it("ask for compression only as long as they are few", function()
    local url, n = start {}, 300
    open(url, n)
    wait.till(function() return opened == n end, "all sources")
    local asked = 0
    for i = 1, n do asked = asked + (encodings[i] and 1 or 0) end
    assert.equal(256, asked)
    assert.equal("fine", assert(sse.fetch(url .. "/")):text())
    assert.matches("gzip", encodings[n + 1])
    open(url, 1, { headers = { ["Accept-Encoding"] = "br" } })
    wait.till(function() return opened == n + 1 end, "one that asks itself")
    assert.equal("br", encodings[n + 2])
  end)

  for name, tls in pairs { ["plain"] = false, ["HTTP/2"] = true } do
    it(("that a forked child closes go on in the parent: %s"):format(name), function()
      local url, n, heard = start { tls = tls and certs.server() or nil }, 300, 0
      open(url, n, { tls = tls and certs.client() or nil })
      for i = 1, n do sources[i].onmessage = function() heard = heard + 1 end end
      wait.till(function() return opened > n / 4 end, "some sources")
      assert.is_true(opened < n)
      local id = process.fork()
      if id == 0 then
        close_all()
        core.forget_connections()
        process.exit(0)
      end
      assert.equal(0, raw.pump(function() return process.ended(id) end, "the child's end"))
      wait.till(function() return opened == n end, "the other sources")
      for stream in pairs(streams) do stream:send "news" end
      wait.till(function() return heard == n end, "an event of each")
    end)
  end
end)
