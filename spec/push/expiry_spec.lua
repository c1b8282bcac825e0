-- Streams that end when their time is over: stream:expire_at and max_life.
local keep = require "spec.support.kept"
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames
local PLAIN = { ["Accept-Encoding"] = "identity" }

-- A handler that opens a stream, calls begin(stream), and notes in `ends` why the stream ended.
local function opens(ends, begin, options)
  return function(_, res)
    local stream = res:event_stream(options)
    stream.on_close = function(reason) ends[#ends + 1] = reason end
    keep(stream)
    begin(stream)
  end
end

local function nothing() end

local function retry_of(body)
  return tonumber(body:match "retry: (%d+)\n\n$")
end

serving.each("a stream that expires", function()
  after_each(serving.stop)

  it("ends at once where the time is over, after what was sent, with a retry", function()
    local ends = {}
    local server = serving.start(function(s)
      s:get("/", opens(ends, function(stream)
        stream:send "last"
        assert.is_true(stream:expire_at(os.time() - 1))
        assert.is_true(stream.closed)
        assert.same({ nil, "closed", "ECLOSED" }, { stream:expire_at(os.time()) })
        assert.same({ nil, "closed", "ECLOSED" }, { stream:send "more" })
      end))
    end)
    for _, fields in ipairs { PLAIN, { ["Accept-Encoding"] = "gzip" } } do
      local body, why = serving.listen("/", fields):rest()
      assert.is_nil(why)
      assert.truthy(body:find("data: last\n\n", 1, true), body)
      local retry = retry_of(body)
      assert.is_true(retry >= 1000 and retry <= 1500, tostring(retry))
    end
    wait.till(function() return #ends == 2 end, "both ends")
    assert.same({ "expired", "expired" }, ends)
    assert.equal(2, server:stats().streams.ended.expired)
    assert.truthy(server:metrics():find('sse_streams_ended_total{reason="expired"} 2', 1, true))
    assert.is_nil(rawget(server:stats().connections.closed, "expired"))
  end)

  it("lives no longer than max_life, the server's or its own", function()
    local ends = {}
    serving.start({ max_life = 40, heartbeat = false }, function(s)
      s:get("/", opens(ends, nothing))
      s:get("/own", opens(ends, nothing, { max_life = 10 }))
      s:get("/none", opens(ends, function(stream) stream:send "free" end, { max_life = false }))
    end)
    local free = serving.listen("/none", PLAIN)
    free:till "free"
    for i, path in ipairs { "/", "/own" } do
      assert.truthy(retry_of((serving.listen(path, PLAIN):rest())))
      wait.till(function() return #ends == i end, "the end")
    end
    assert.same({ "expired", "expired" }, ends)
    assert.is_nil(free.failure)
  end)

  it("tells its channel's listeners", function()
    local channel, told = sse.channel("expiry " .. serving.transport.name), nil
    channel:on("leave", function(_, _, reason) told = reason end)
    serving.start(function(s)
      s:get("/", function(_, res)
        res:event_stream():follow(channel):expire_at(0)
      end)
    end)
    serving.listen("/", PLAIN):rest()
    wait.till(function() return told end, "the leave")
    assert.equal("expired", told)
    channel:close()
  end)

  it("breaks off where its end means that the answer is whole", function()
    local ends = {}
    serving.start(function(s)
      s:get("/", opens(ends, function(stream)
        stream:send "half"
        stream:sleep(1)
        stream:expire_at(1)
      end, { finish = true }))
    end)
    local _, why = serving.listen("/", PLAIN):rest()
    assert.truthy(why)
    assert.same({ "expired" }, ends)
  end)
end)

describe("stream:expire_at", function()
  after_each(serving.stop)

  -- The reason for which a stream ends on which act(stream) is called.
  local function reason_of(act, options)
    local ends = {}
    serving.start({ max_life = options and options.max_life }, function(s)
      s:get("/", opens(ends, act))
    end)
    local client = serving.listen("/", PLAIN)
    client:rest()
    wait.till(function() return ends[1] end, "the end")
    assert.equal(1, #ends)
    serving.stop()
    return ends[1]
  end

  it("counts as it was called last", function()
    assert.equal("server", reason_of(function(stream)
      local now = os.time()
      assert.is_true(stream:expire_at(now + 60))
      assert.is_true(stream:expire_at(now + 3600))
      assert.is_true(stream:expire_at(nil))
      assert.is_false(stream.closed)
      stream:sleep(1)
      stream:close()
    end))
    assert.equal("expired", reason_of(function(stream)
      stream:expire_at(2 ^ 32 - 1)
      assert.is_true(stream:expire_at(253402300799)) -- the end of 9999, which tokens have
      assert.is_false(stream.closed)
      stream:expire_at(os.time())
    end))
  end)

  it("ends the stream when the time comes, with or without heartbeats between", function()
    local ends, due = {}, os.time() + 2
    local function expire(stream) stream:expire_at(due + 0.9) end
    serving.start(function(s)
      s:get("/", opens(ends, expire, { heartbeat = false }))
      s:get("/beating", opens(ends, expire, { heartbeat = 20 }))
    end)
    local silent, beating = serving.listen("/", PLAIN), serving.listen("/beating", PLAIN)
    beating:till ":\n\n:\n\n:\n\n"
    for _, client in ipairs { silent, beating } do
      local body, why = client:rest()
      assert.is_nil(why)
      assert.truthy(retry_of(body), body)
      assert.is_true(os.time() >= due)
    end
    wait.till(function() return ends[2] end, "both ends")
    assert.same({ "expired", "expired" }, ends)
  end)

  it("does not lengthen max_life", function()
    assert.equal("expired", reason_of(function(stream) stream:expire_at(os.time() + 3600) end,
      { max_life = 20 }))
  end)

  it("may be called while a shutdown ends the stream, which keeps its retry", function()
    for _, act in ipairs { "before", "after" } do
      local opened = {}
      local server = serving.start(function(s)
        s:get("/", function(_, res) opened.stream = res:event_stream() end)
      end)
      local client = serving.listen("/", PLAIN)
      client:till ":\n\n"
      if act == "before" then opened.stream:expire_at(os.time() + 3600) end
      sse.spawn(function() server:shutdown { within = 50, retry = 7000 } end)
      sse.sleep(1)
      if act == "after" then opened.stream:expire_at(os.time() + 3600) end
      local body = client:rest()
      local retry = retry_of(body)
      assert.is_true(retry >= 7000 and retry <= 10500, body)
      opened.stream, server = nil, nil
      serving.stop()
    end
  end)

  it("raises on what is no time", function()
    serving.start(function(s)
      s:get("/", function(_, res)
        local stream <close> = res:event_stream()
        local wrong = "stream:expire_at: expected seconds since 1970, as of os.time(), or nil, got "
        for text, value in pairs {
          ['string "1"'] = "1", ["number -1"] = -1, ["table"] = {}, ["boolean true"] = true,
          ["number 1764500000000 (are these milliseconds?)"] = 1764500000000,
        } do
          blames(wrong .. text, function() stream:expire_at(value) end)
        end
        assert.has_error(function() stream:expire_at(0 / 0) end)
        blames("stream:expire_at(time): one argument too many",
          function() stream:expire_at(1, 2) end)
        assert.is_false(stream.closed)
      end)
    end)
    serving.listen("/", PLAIN):rest()
    assert.same({}, serving.errors)
  end)
end)
