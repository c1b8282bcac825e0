-- sse.decode: the events of a whole text, and back by sse.encode.
local misuse = require "spec.support.misuse"
local sse = require "sse"

local blames = misuse.blames

-- The events of a list, encoded one after the other.
local function encode_all(list)
  local pieces = {}
  for i, ev in ipairs(list) do pieces[i] = assert(sse.encode(ev)) end
  return table.concat(pieces)
end

describe("sse.decode", function()
  it("gives the events with the fields that sse.encode takes", function()
    local list = sse.decode "event: tick\nid: 7\nretry: 50\ndata: a\ndata: b\n\n: hi\n\ndata: c\n\n"
    assert.same({
      { event = "tick", id = "7", retry = 50, data = "a\nb" }, { data = "c" },
    }, list)
    assert.same({}, sse.decode "")
    assert.same({ { data = "x" } }, sse.decode "\u{FEFF}data: x\r\r")
  end)

  it("line 45: gives back what was encoded", function()
    for _, ev in ipairs {
      { data = "" }, { data = "x" }, { data = "a\nb\n\nc\n" }, { data = " x" }, { data = "x\0y" },
      { event = "e", data = "x" }, { id = "1", data = "x" }, { id = "", data = "x" },
      { retry = 0, data = "x" }, { event = "ä", id = " ", data = "\u{2028}", retry = 86400000 },
    } do
      assert.same({ ev }, sse.decode(assert(sse.encode(ev))))
    end
    assert.same({ { data = "a\nb\nc" } }, sse.decode(sse.encode { data = "a\r\nb\rc" }))
    assert.same({ { data = "x" } }, sse.decode(sse.encode { event = "message", data = "x" }))
  end)

  it("gives back lists, also where an id is repeated or taken back", function()
    local list = {
      { data = "0" }, { id = "1", data = "1" }, { id = "1", data = "2" }, { data = "3" },
      { id = "", data = "4" }, { id = "", data = "5" }, { data = "6", retry = 5 }, { data = "7" },
    }
    local decoded = sse.decode(encode_all(list))
    assert.same(list, decoded)
    assert.same(list, sse.decode(encode_all(decoded)))
  end)

  it("gives events that can be read as a client's", function()
    local bytes = "data: {\"x\":1}\n\nid: 1\nevent: t\ndata: b\n\ndata: c\n\ndata: d\n\n"
      .. "id: 2\ndata: e\n\nid\ndata: f\n\n"
    local types, ids = {}, {}
    local list = sse.decode(bytes, { last_event_id = "0" })
    for i, ev in ipairs(list) do types[i], ids[i] = ev.type, ev.lastEventId end
    assert.same({ "message", "t", "message", "message", "message", "message" }, types)
    assert.same({ "0", "1", "1", "1", "2", "" }, ids)
    assert.same({ x = 1 }, list[1]:json())
    local value, problem = list[2]:json()
    assert.is_nil(value)
    assert.is_string(problem)
    assert.equal("", sse.decode("data: x\n\n")[1].lastEventId)
    assert.is_nil(list[1].origin)
    blames("call it with ':' (event:json)", function() list[1].json() end)
    assert.equal(1, list[1]:json("x"))
    assert.is_nil(list[1]:json("y", 1))
    blames("JSON: a place is a whole number from 1, got 0", function() list[1]:json(0) end)
  end)

  it("gives the id and the retry of blocks without data to the next event", function()
    assert.same({ { id = "5", retry = 10, data = "x" }, { data = "y" } },
      sse.decode "id: 5\nretry: 10\n\n: c\n\ndata: x\n\ndata: y\n\nid: 6\nretry: 20\n\n")
  end)

  it("leaves out an event that has no end, as a client does", function()
    assert.same({ { data = "a" } }, sse.decode "data: a\n\ndata: b\n")
    assert.same({ { data = "a" } }, sse.decode "data: a\n\ndata: b")
    assert.same({}, sse.decode "id: 1\ndata: b")
    assert.same({ { data = "b" } }, sse.decode("data: b" .. "\n\n"))
  end)

  it("replaces broken UTF-8, or leaves it", function()
    local bytes = "id: \xff\nevent: \xff\ndata: \xff\n\n"
    local replaced = "\u{FFFD}"
    assert.same({ { id = replaced, event = replaced, data = replaced } }, sse.decode(bytes))
    assert.same({ { id = "\xff", event = "\xff", data = "\xff" } },
      sse.decode(bytes, { utf8 = "raw" }))
  end)

  it("bounds an event", function()
    local list, message, code = sse.decode("data: 1\n\ndata: 12345\n\n", { max_event_size = 4 })
    assert.same({ nil, "ETOOBIG" }, { list, code })
    assert.matches("larger than 4 bytes", message)
    assert.equal(2, #sse.decode("data: 1\n\ndata: 12345\n\n", { max_event_size = 5 }))
  end)

  it("gives a thousand events their ids", function()
    local list = sse.decode(("id: 1\ndata: x\n\n"):rep(1000))
    assert.equal(1000, #list)
    assert.same({ id = "1", data = "x" }, list[1000])
  end)

  it("raises misuse at the caller's line", function()
    blames("sse.decode: expected a string, got nil", function() sse.decode() end)
    blames("expected a table of options, got number 1", function() sse.decode("", 1) end)
    blames("unknown option 'maxEventSize'", function() sse.decode("", { maxEventSize = 1 }) end)
    blames("option 'utf8' must be \"replace\" or \"raw\"", function()
      sse.decode("", { utf8 = "x" })
    end)
    blames("one argument too many", function() sse.decode("", {}, 1) end)
  end)
end)
