--- Compressed event streams on real sockets: each event arrives at once; ends of streams; slow
-- clients; and which bytes count for which bound.
local core = require "sse.core"
local eventsource = require "sse.eventsource"
local following = require "spec.support.following"
local decoding = require "spec.support.decoding"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

-- The stream that the server opened last, and why it ended.
local opened, why

local function start(options, given)
  opened, why = nil, nil
  return serving.start(options or {}, function(server)
    server:get("/", function(req, res)
      local own = {}
      for name, value in pairs(given or {}) do own[name] = value end
      own.compress = req:header "x-compress"
      opened = res:event_stream(own)
      opened.on_close = function(reason) why = reason end
    end)
  end)
end

local kinds = {
  { "gzip" }, { "deflate" }, { "gzip", "X-Compress: window\r\n" },
  { "deflate", "X-Compress: window\r\n" },
}

local function noise(n)
  local bytes = {}
  for i = 1, n do bytes[i] = string.char(math.random(32, 126)) end
  return table.concat(bytes)
end

local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES " -- sanitizers are for our own code

local function read(name)
  local file <close> = assert(io.open(name, "rb"))
  return file:read "a"
end

-- Has curl write the body of / to a file while act() sends it. Returns curl's status.
local function curl_to(file, port, arguments, act)
  local done = os.tmpname()
  opened = nil
  local _pipe <close> = io.popen(("{ %s curl -sN %s http://127.0.0.1:%d/ >%s; echo $? >%s; } &")
    :format(CLEAN, arguments, port, file, done))
  raw.pump(function() return opened end, "curl's stream")
  act()
  local status = wait.till(function() return tonumber(read(done)) end, "curl's end")
  os.remove(done)
  return status
end

describe("a compressed stream", function()
  after_each(serving.stop)

  for _, kind in ipairs(kinds) do
    it(("gets each event at once: %s %s"):format(kind[1], kind[2] or ""), function()
      local server = start(nil, { retry = 1234 })
      local client = decoding.open("/", kind[1], kind[2])
      assert.equal(kind[1], client.coding)
      assert.equal("retry: 1234\n\n", client:till "\n\n")
      for n = 1, 20 do
        opened:send { id = n, event = "tick", data = { n = n, text = "the same again, " .. n } }
        client:till(('"text":"the same again, %d"'):format(n))
        opened:comment("still here " .. n)
        client:till((": still here %d\n\n"):format(n))
      end
      assert.equal(1, server:stats().compression.streams)
      assert.equal(kind[2] and 1 or 0, server:stats().compression.streams_with_window)
      opened:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      wait.till(function() return server:stats().streams.open == 0 end, "the end to be told")
      local stats = server:stats()
      assert.same({ 0, 0 }, { stats.compression.streams, stats.compression.streams_with_window })
      assert.equal(#client.text, stats.compression.input_bytes)
      assert.equal("server", why)
    end)

    it(("breaks off without a trailer: %s %s"):format(kind[1], kind[2] or ""), function()
      local server = start()
      local client = decoding.open("/", kind[1], kind[2])
      opened:send "first"
      client:till "data: first\n\n"
      core.break_off(opened)
      local clean, intact = client:till_end()
      assert.is_false(clean or intact)
      client = decoding.open("/", kind[1], kind[2])
      opened:send "second"
      client:till "data: second\n\n"
      server:close()
      clean, intact = client:till_end()
      assert.is_false(clean or intact)
    end)

    it(("has no event, and that is right too: %s %s"):format(kind[1], kind[2] or ""), function()
      start()
      local client = decoding.open("/", kind[1], kind[2])
      opened:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.equal(":\n\n", client.text)
    end)
  end

  it("carries anything: noise, every byte there is, more than a block holds", function()
    math.randomseed(5)
    start(nil, { max_pending = 4 * 2 ^ 20 })
    local all = {}
    for code = 1, 255 do all[code] = string.char(code) end
    local bytes = table.concat(all):gsub("[\r\n]", "")
    local pieces = { "", "a", noise(127), noise(128), noise(129), bytes, bytes:rep(300),
      noise(200000), ("x"):rep(1000000), noise(65535 - 8), noise(65536 - 8) }
    for _, kind in ipairs(kinds) do
      local client = decoding.open("/", kind[1], kind[2])
      local expected = ":\n\n" -- the byte that a stream begins with
      for _, piece in ipairs(pieces) do
        assert(opened:send(piece))
        expected = expected .. core.encode { data = piece }
      end
      opened:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.is_true(client.text == expected)
    end
  end)

  it("is what gzip itself takes for whole, or for cut off", function()
    local server = start()
    local file = os.tmpname()
    local ask = "-H 'Accept-Encoding: gzip'" -- without --compressed, curl does not decode
    for _, mode in ipairs { "", " -H 'X-Compress: window'" } do
      assert.equal(0, curl_to(file, server.port, ask .. mode, function()
        for n = 1, 50 do opened:send { data = { n = n } } end
        opened:close()
      end))
      assert.is_true(os.execute(CLEAN .. "gzip -t <" .. file))
      local pipe <close> = io.popen(CLEAN .. "gzip -dc <" .. file)
      -- A stream that has sent something when its head goes out needs no comment.
      assert.matches('^:?\n?\n?data: {"n":1}\n\n.*data: {"n":50}\n\n$', pipe:read "a")
      assert.equal(18, curl_to(file, server.port, ask .. mode, function()
        opened:send "half of it"
        -- A response of which nothing has gone out would become a 500.
        raw.pump(function() return opened.pending == 0 end, "the head and the event to go out")
        core.break_off(opened)
      end))
      assert.is_nil(os.execute(CLEAN .. "gzip -t <" .. file .. " 2>/dev/null"))
    end
    os.remove(file)
  end)

  it("is what curl --compressed reads", function()
    local server = start()
    local file = os.tmpname()
    for _, accept in ipairs { "gzip", "deflate" } do
      local ask = ("--compressed -H 'Accept-Encoding: %s'"):format(accept)
      assert.equal(0, curl_to(file, server.port, ask, function()
        opened:send "for curl"
        opened:close()
      end))
      assert.matches("^:?\n?\n?data: for curl\n\n$", read(file))
    end
    os.remove(file)
  end)

  it("is what our own client reads, event by event", function()
    local server = start()
    for _, headers in ipairs { {}, { ["X-Compress"] = "window" } } do
      local url = ("http://127.0.0.1:%d/"):format(server.port)
      local source = eventsource(url, { headers = headers })
      local got = {}
      source.onmessage = function(ev) got[#got + 1] = ev.data end
      opened = nil
      wait.till(function() return opened and source.readyState == 1 end, "the source to open")
      for n = 1, 10 do
        opened:send(tostring(n))
        wait.till(function() return got[n] == tostring(n) end, "event " .. n)
      end
      assert.is_true(server:stats().compression.streams == 1)
      source:close()
      wait.till(function() return server:stats().streams.open == 0 end, "the source to be gone")
    end
    core.forget_connections()
  end)

  it("keeps itself alive by comments", function()
    start(nil, { heartbeat = 20 })
    for _, kind in ipairs(kinds) do
      local client = decoding.open("/", kind[1], kind[2])
      client:till ":\n\n:\n\n"
      opened:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
  end)

  it("counts what is held, and refuses what is too big for anybody", function()
    start(nil, { max_pending = 20000 })
    for _, kind in ipairs(kinds) do
      local client = decoding.open("/", kind[1], kind[2])
      local text = noise(20000 - #"data: \n\n")
      assert.is_true(opened:send(text)) -- exactly max_pending; compressed it would be no smaller
      client:till(text)
      local sent, message, code = opened:send(text .. "x")
      assert.same({ nil, "ETOOBIG" }, { sent, code }, message)
      -- Far more than max_pending before compression.
      for _ = 1, 20 do
        assert.is_true(opened:send(("y"):rep(15000)))
        assert.is_true(opened.pending < 10000)
      end
      opened:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
      assert.equal(#":\n\n" + 20000 + 20 * 15008, #client.text)
    end
  end)

  it("is full for a client that takes nothing, and whole once it does", function()
    local server = start(nil, { max_pending = 100000 })
    following.shrink_buffers(server.port)
    local text = noise(20000)
    for _, kind in ipairs(kinds) do
      local client = decoding.open("/", kind[1], kind[2], true)
      local sent = 0
      while true do
        local ok, reason = opened:send(sent + 1 .. " " .. text)
        if not ok then
          assert.equal("full", reason)
          break
        end
        sent = sent + 1
        assert.is_true(opened.pending <= 100000 + 100)
      end
      client:till(("data: %d "):format(sent))
      raw.pump(function()
        client:take()
        return opened.pending == 0
      end, "the stream to drain")
      assert.is_true(opened:send "after")
      client:till "data: after\n\n"
      local seen = 0
      for n in client.text:gmatch("data: (%d+) ") do
        seen = seen + 1
        assert.equal(tostring(seen), n)
      end
      assert.equal(sent, seen)
      opened:close()
      local clean, intact = client:till_end()
      assert.is_true(clean and intact)
    end
    assert.is_true(server:stats().compression.input_bytes > 0)
  end)

  it("begins, and is sent to, though others have filled the server's buffer", function()
    following.shrink_buffers(start({ max_pending_total = 200000 }).port)
    local slow = decoding.open("/", "gzip", "", true)
    local first = opened
    repeat until not first:send(noise(20000))
    local client = decoding.open "/"
    assert.equal("gzip", client.coding)
    assert.is_true(opened:send "room for one more")
    client:till "data: room for one more\n\n"
    slow.client:reset()
    opened:close()
    local clean, intact = client:till_end()
    assert.is_true(clean and intact)
  end)

  it("ends by itself where its client leaves", function()
    local server = start()
    for _, kind in ipairs(kinds) do
      local client = decoding.open("/", kind[1], kind[2])
      opened:send "one"
      client:till "data: one"
      why = nil -- what the streams before it told
      client.client:reset()
      raw.pump(function() return why end, "the end to be told")
      assert.equal("client", why)
      assert.same({ nil, "closed", "ECLOSED" }, { opened:send "two" })
      local now = server:stats().compression
      assert.same({ 0, 0 }, { now.streams, now.streams_with_window })
    end
  end)
end)
