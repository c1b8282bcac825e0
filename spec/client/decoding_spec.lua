-- Compressed bodies: each coding cut into any pieces, broken bodies, bodies that grow out of all
-- proportion, and how much of a body is decoded in one turn of the loop.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local serve, open, record = fixture.serve, fixture.source, fixture.record

local TURN = 64 * 1024 -- most bytes that a transfer decodes in a turn of the loop
local BR = "\x0B\x05\x80data: one\n\n\x03" -- brotli of "data: one\n\n"

local function run(command)
  local pipe <close> = assert(io.popen(command, "r"))
  return pipe:read "a"
end

local function gzip(text) return run(("printf '%s' | gzip -n"):format(text)) end

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function adler(text)
  local a, b = 1, 0
  for i = 1, #text do
    a = (a + text:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return (">I2I2"):pack(b, a)
end

-- Compresses to zlib's format: the blocks of gzip with another head and checksum.
local function zlib(text) return "\x78\x9C" .. gzip(text):sub(11, -9) .. adler(text) end

-- Brotli of 2 GiB of line feeds in 1,793 bytes: 16 MiB a block.
local BOMB = unhex "cfffff7f002414e2b14072efff0d"
  .. unhex("fcffff074002200e0b40f7fedf00"):rep(127) .. "\3"

-- Serves `body`, whole or `step` bytes at a time.
local function serve_body(coding, body, step)
  return serve(function(conn)
    conn:head(200, "Content-Type: text/event-stream", "Content-Encoding: " .. coding,
      "Content-Length: " .. #body)
    for i = 1, #body, step or #body do conn:send(body:sub(i, i + (step or #body) - 1)) end
  end)
end

local function get(server, options) return assert(sse.fetch(server:url(), options)) end

-- Runs the loop until done(); returns the most bytes that the source received in one turn.
local function largest_turn(source, done)
  local most, before = 0, source:stats().bytes
  wait.till(function()
    local now = source:stats().bytes
    most, before = math.max(most, now - before), now
    return done()
  end, "the end")
  return most
end

describe("a coded body", function()
  after_each(fixture.finish)

  local text = "data: one\n\n"
  for name, case in pairs {
    gzip = { "gzip", gzip(text) },
    ["x-gzip"] = { "X-GZIP", gzip(text) },
    ["gzip in two members"] = { "gzip", gzip "data: " .. gzip "one\n\n" },
    deflate = { "deflate", zlib(text) },
    ["deflate without zlib's format"] = { "deflate", gzip(text):sub(11, -9) },
    ["deflate with a checksum alone"] = { "deflate", gzip(text):sub(11, -9) .. adler(text) },
    brotli = { "br", BR },
    identity = { "identity", text },
  } do
    it(name .. " is read whole and byte by byte", function()
      for _, step in ipairs { 100, 1 } do
        local server = serve_body(case[1], case[2], step)
        assert.equal(text, get(server):text())
        assert.equal("gzip, deflate, br", server.requests[1].headers["accept-encoding"])
      end
    end)
  end

  for name, case in pairs {
    ["broken gzip"] = { "gzip", ("x"):rep(100), "broken" },
    ["broken deflate"] = { "deflate", "\xFF\xFF\xFF", "broken" },
    ["broken brotli"] = { "br", ("\xFF"):rep(100), "broken" },
    ["bytes behind gzip"] = { "gzip", gzip(text) .. "more bytes", "broken" },
    ["bytes behind deflate"] = { "deflate", zlib(text) .. "more bytes", "broken" },
    ["bytes behind brotli"] = { "br", BR .. "more bytes", "broken" },
    ["an unknown coding"] = { "zstd", text, "expected gzip, deflate, br" },
    ["two codings"] = { "gzip, br", text, "expected gzip, deflate, br" },
  } do
    it("fails with EPROTO: " .. name, function()
      local got, message, code = get(serve_body(case[1], case[2])):text()
      assert.is_nil(got)
      assert.equal("EPROTO", code)
      assert.matches(case[3], message)
    end)
  end

  for name, case in pairs {
    ["gzip, by a byte"] = { "gzip", gzip(text):sub(1, -2) },
    ["gzip, within its blocks"] = { "gzip", gzip(text .. "data: two\n\n"):sub(1, -14) },
    ["gzip, within its head"] = { "gzip", gzip(text):sub(1, 5) },
    ["gzip, within its second member"] = { "gzip", gzip(text) .. gzip(text):sub(1, -9) },
    ["deflate"] = { "deflate", zlib(text):sub(1, -2) },
    ["deflate without zlib's format"] = { "deflate", gzip(text):sub(11, -10) },
    ["deflate, after a byte"] = { "deflate", "\x78" },
    ["brotli"] = { "br", BR:sub(1, 8) },
  } do
    it("that was cut fails though HTTP says it is whole: " .. name, function()
      for _, step in ipairs { 100, 1 } do
        local got, message, code = get(serve_body(case[1], case[2], step)):text()
        assert.same({ nil, "the compressed body broke off before its end", "ECONNRESET" },
          { got, message, code })
      end
    end)
  end

  it("without its end is whole only if it was flushed between events", function()
    local head = gzip(""):sub(1, 10)
    local function block(piece) return ("<BI2I2"):pack(0, #piece, ~#piece & 0xFFFF) .. piece end
    local function read(body)
      local res, data = get(serve_body("gzip", body)), {}
      for ev in res:events() do data[#data + 1] = ev.data end
      return table.concat(data, " "), res.failure and res.failure.code
    end
    local whole = head .. block "data: 1\n\n" .. block "data: 2\r\n\r\n"
    assert.same({ "1 2" }, { read(whole) })
    assert.same({ "" }, { read(head) })
    assert.same({ "1 2 3" }, { read(whole .. block "data: 3\r\r") })
    for _, cut in ipairs { "data: 3\n", "data: 3", "data: 3\r\n", ":\n" } do
      assert.same({ "1 2", "ECONNRESET" }, { read(whole .. block(cut)) })
    end
    assert.same({ "1 2", "ECONNRESET" }, { read(whole .. block("data: 3\n\n"):sub(1, 4)) })
  end)

  it("that was cut is a lost connection to a source, which gets the rest from the next", function()
    local body, n = gzip "id: 1\ndata: one\n\nid: 2\ndata: two\n\n", 0
    local server = serve(function(conn)
      n = n + 1
      local part = n == 1 and body:sub(1, -12) or body
      conn:stream("Content-Encoding: gzip", "Content-Length: " .. #part):send(part)
    end)
    local log = record(open(server:url()))
    local failed = log.till("error").event
    assert.same({ "ECONNRESET", true }, { failed.code, failed.willRetry })
    log.till("message", 2)
  end)

  it("that was not asked for in Transfer-Encoding fails with EPROTO", function()
    for _, coding in ipairs { "br, chunked", "gzip" } do
      local server = serve(function(conn)
        conn:head(200, "Transfer-Encoding: " .. coding):chunk(BR):chunk("")
      end)
      local res, message, code = sse.fetch(server:url())
      assert.is_nil(res)
      assert.equal("EPROTO", code)
      assert.matches("transfer coding", message)
    end
  end)

  it("of no body is none", function()
    local server = serve(function(conn) conn:head(204, "Content-Encoding: zstd") end)
    assert.equal("", get(server):text())
  end)

  it("asked for otherwise is decoded, too", function()
    local server = serve_body("gzip", gzip(text))
    assert.equal(text, get(server, { headers = { ["Accept-Encoding"] = "gzip" } }):text())
    assert.equal("gzip", server.requests[1].headers["accept-encoding"])
  end)
end)

describe("a body that becomes far more than was sent", function()
  after_each(fixture.finish)

  it("out of all proportion ends with ETOOBIG, a little in each turn", function()
    local server = serve(function(conn) conn:stream("Content-Encoding: br"):send(BOMB) end)
    local source = open(server:url())
    local most = largest_turn(source, function()
      return source.readyState == sse.EventSource.CLOSED
    end)
    assert.equal("ETOOBIG", source.failure.code)
    assert.matches("proportion", source.failure.message)
    assert.is_true(most > 0 and most <= TURN, most .. " bytes in a turn")
    assert.is_true(source:stats().bytes <= 16 * 2 ^ 20 + TURN)
  end)

  it("is fetch's ETOOBIG, too", function()
    local res = get(serve_body("br", BOMB), { maxBodySize = 2 ^ 40 })
    assert.equal("ETOOBIG", select(3, res:text()))
  end)

  it("as gzip can is read a little in each turn, and others have theirs", function()
    local size = 24 * 2 ^ 20
    local body = run(("head -c %d /dev/zero | tr '\\0' '\\n' | gzip -9n"):format(size))
    local server = serve(function(conn, request)
      if request.target == "/other" then return conn:reply(200, "x") end
      conn:stream("Content-Encoding: gzip"):send(body)
    end)
    local source, between = open(server:url()), nil
    record(source).till("open")
    sse.spawn(function()
      assert(sse.fetch(server:url "/other")):text()
      between = source:stats().bytes
    end)
    local most = largest_turn(source, function() return source:stats().bytes == size end)
    assert.is_true(most <= TURN, most .. " bytes in a turn")
    assert.is_true(between < size, "nobody else had a turn")
  end)

  it("waits for its reader, and its end with it", function()
    local size = 4 * 2 ^ 20
    local body = run(("head -c %d /dev/zero | gzip -9n"):format(size))
    local res = get(serve_body("gzip", body))
    local taken = 0
    for piece in res:chunks() do
      taken = taken + #piece
      for _ = 1, 5 do core.turn() end
      assert.is_true(#piece <= 16384)
    end
    assert.equal(size, taken)
    assert.is_nil(res.failure)
  end)

  it("paused within an event stream, takes no more than a piece", function()
    local body = run "yes 'data: x\n' 2>&- | head -n 1000000 | gzip -9n"
    local source = open(serve_body("gzip", body, 1000):url())
    local count = 0
    for _ in source:events() do
      count = count + 1
      if count == 1 then
        local held = wait.unchanged(function() return source:stats().bytes end)
        assert.is_true(held <= TURN, held .. " bytes ahead of the reader")
        break
      end
    end
  end)

  it("holds up no other one, though its events take long", function()
    local block = gzip("data: " .. ("x"):rep(2 ^ 14) .. "\n\n")
    local endless = serve(function(conn)
      conn:stream("Content-Encoding: gzip"):send(block:rep(10000))
    end)
    local other = serve_body("gzip", gzip(("y"):rep(2 ^ 15)):rep(32))
    local source, events = open(endless:url()), 0
    source.onmessage = function()
      events = events + 1
      local till = core.now() + 4 -- past the time that deferred calls share in a turn
      while core.now() < till do end
    end
    wait.till(function() return events > 10 end, "the endless one")
    local text
    fixture.in_task(function() text = get(other):text() end)
    assert.equal(2 ^ 20, #text)
    assert.is_true(events < 10000)
  end)
end)

describe("a body that is not compressed", function()
  after_each(fixture.finish)

  it("has a share of a turn's time, too: a flood of events leaves room for others", function()
    local events = os.getenv "SSE_STRESS_GC" and 15000 or 300000 -- there each event collects
    local flood = ("data:\n\n"):rep(events)
    local server = serve(function(conn) conn:stream():send(flood) end)
    local source, heard = open(server:url()), 0
    source.onmessage = function()
      heard = heard + 1
      if heard % 1000 ~= 0 then return end
      local till = sse.now() + 2
      while sse.now() < till do end -- 16 KiB of events take longer than a turn's share
    end
    local most = largest_turn(source, function() return heard == events end)
    assert.is_true(most <= 2 * 16384, most .. " bytes in a turn")
  end)
end)
