-- Events of the client's that a server sends on as they came: a MessageEvent for stream:send,
-- channel:publish and sse.encode.
local event = require "sse.event"
local json = require "sse.json"
local misuse = require "spec.support.misuse"
local objects = require "spec.support.objects"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames = misuse.blames

local UP = table.concat {
  "data: one\n\n", "id: 7\nevent: tick\ndata: two\ndata: lines\n\n", "event: tick\ndata:\n\n",
  ": comment\n\n", "id: ü 8\ndata: last\n\n",
}

-- What a relay sends of it: the id that holds is written each time.
local DOWN = table.concat {
  "data: one\n\n", "event: tick\nid: 7\ndata: two\ndata: lines\n\n",
  "event: tick\nid: 7\ndata:\n\n", "id: ü 8\ndata: last\n\n",
}

-- Event, id and data of each event in bytes, as a client has them.
local function seen(bytes)
  local list = {}
  for i, ev in ipairs(sse.decode(bytes)) do list[i] = { ev.type, ev.lastEventId, ev.data } end
  return list
end

local function new(type_, data, id) return event.message(type_, data, id or "", "") end

serving.each("a relay", function()
  after_each(serving.stop)

  local function start(relay)
    serving.start(function(server)
      server:get("/up", function(_, res)
        res:reply(200, UP, { ["Content-Type"] = "text/event-stream" })
      end)
      server:get("/relay", relay)
    end)
  end

  local function upstream() return serving.send("GET /up"):events() end

  it("sends each event of fetch on by stream:send", function()
    start(function(_, res)
      local stream = res:event_stream { compress = false }
      for ev in upstream() do assert(stream:send(ev)) end
      stream:close()
    end)
    assert.same(seen(DOWN), seen(serving.ask("GET /relay").body))
    assert.same(seen(UP), seen(serving.ask("GET /relay").body))
    assert.same({}, serving.errors)
  end)

  it("publishes each event on a channel, with the ids that it has of its own", function()
    local channel = objects.channel()
    start(function(_, res)
      res:event_stream { compress = false }:follow(channel, { from = "oldest" })
    end)
    local ids = {}
    for ev in upstream() do ids[#ids + 1] = assert(channel:publish(ev)) end
    local own = ids[1]:match "^(.+)%-%d+$"
    assert.same({ own .. "-1", "7", own .. "-3", "ü 8" }, ids)
    local listener = serving.listen "/relay"
    local text = listener:till "data: last\n\n"
    local got = seen(text)
    assert.same({ { "message", ids[1], "one" }, { "tick", "7", "two\nlines" },
      { "tick", ids[3], "" }, { "message", "ü 8", "last" } }, got)
    channel:close()
  end)
end)

describe("a MessageEvent", function()
  it("of a source goes to the followers of a channel", function()
    local function start()
      local channel, done = objects.channel(), false
      serving.start(function(server)
        server:get("/up", function(_, res)
          res:event_stream { retry = 60000 }:send { id = 1, event = "e", data = { a = 1 } }
        end)
      end)
      local source = sse.EventSource(serving.url "/up")
      source:addEventListener("e", function(ev) done = channel:publish(ev) end)
      raw.pump(function() return done end, "the event")
      source:close()
      channel:close()
      return done
    end
    assert.equal("1", start())
    serving.stop()
  end)

  it("is encoded with its type and id where they say something", function()
    assert.equal("data: x\n\n", sse.encode(new("message", "x")))
    assert.equal("event: a\nid: 7\ndata: x\ndata: y\n\n", sse.encode(new("a", "x\ny", "7")))
    assert.equal("data:\n\n", sse.encode(new("message", "")))
  end)

  it("may have fields of the program's, and other data", function()
    local ev = new("a", '{"b":1}', "7")
    ev.mine, ev.data = print, json.decode(ev.data)
    assert.equal('event: a\nid: 7\ndata: {"b":1}\n\n', sse.encode(ev))
    ev.data = 5
    assert.equal("event: a\nid: 7\ndata: 5\n\n", sse.encode(ev))
  end)

  it("that a program has spoilt raises at its line; what can't be sent is EINVAL", function()
    local channel = objects.channel()
    local ev = new("a", "x")
    ev.type = 5
    blames("field 'type' must be a string, got number", function() channel:publish(ev) end)
    ev = new("a", "x")
    ev.lastEventId = nil
    blames("field 'lastEventId' must be a string, got nil", function() sse.encode(ev) end)
    ev = new("a", nil)
    blames("an event needs data", function() channel:publish(ev) end)
    ev = new("a", print)
    blames("field 'data' must be", function() channel:publish(ev) end)
    assert.equal("EINVAL", select(3, channel:publish(new("a\nb", "x"))))
    assert.equal("EINVAL", select(3, sse.encode(new("a", "x", "1\0002"))))
    assert.equal("ETOOBIG", select(3, channel:publish(new("a", "x", ("i"):rep(1025)))))
    blames("unknown field", function() sse.encode(sse.Event("a", { data = "x" })) end)
    channel:close()
  end)

  it("with the id of one that is held, but not of the one before, is refused", function()
    local channel = objects.channel()
    assert.equal("1", channel:publish(new("a", "x", "1")))
    assert.equal("2", channel:publish(new("a", "x", "2")))
    assert.same({ nil, "field 'id': an event with that id is held already [docs/errors.md#eexist]",
      "EEXIST" },
      { channel:publish(new("a", "x", "1")) })
    assert.equal("EEXIST", select(3, channel:publish(new("a", "x", "2"))))
    assert.truthy(channel:publish(new("a", "x", "2")):find "%-3$")
    assert.truthy(channel:publish(new("a", "x")):find "%-4$")
    assert.equal(4, channel:stats().events.published)
    channel:close()
  end)

  it("is not what a table with a type is: that raises at the caller's line", function()
    local channel = objects.channel()
    local message = "unknown field 'type' (expected event, data, id, retry, key, dedupe, meta; "
      .. "did you mean 'event'?)"
    blames(message, function() channel:publish { type = "a", data = "b" } end)
    blames(message, function() return channel:publish { type = "a", data = "b" } end)
    channel:close()
  end)
end)
