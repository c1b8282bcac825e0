-- sse.encode: the bytes of events and comments, and that the parser reads them back.
local encode = require "sse.encode"
local json = require "sse.json"
local support = require "spec.support.parser"

local function raises(text, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(text, 1, true), tostring(err))
end

describe("the encoder", function()
  local cases = {
    { { data = "x" }, "data: x\n\n" },
    { "x", "data: x\n\n" },
    { { data = "two\nlines" }, "data: two\ndata: lines\n\n" },
    { { event = "tick", id = "7", data = "two\nlines", retry = 3000 },
      "event: tick\nid: 7\nretry: 3000\ndata: two\ndata: lines\n\n" },
    { { data = "" }, "data:\n\n" },
    { "", "data:\n\n" },
    { { data = " x" }, "data:  x\n\n" },
    { { data = "a\n" }, "data: a\ndata:\n\n" },
    { { data = "\n" }, "data:\ndata:\n\n" },
    { { data = "a\rb\r\nc\n\rd" }, "data: a\ndata: b\ndata: c\ndata:\ndata: d\n\n" },
    { { data = "a\r" }, "data: a\ndata:\n\n" },
    { { data = "a\r\n" }, "data: a\ndata:\n\n" },
    { { data = "a\0b" }, "data: a\0b\n\n" },
    { { event = "e", data = "" }, "event: e\ndata:\n\n" },
    { { id = "" }, "id:\n\n" },
    { { id = 7 }, "id: 7\n\n" },
    { { id = math.maxinteger }, "id: 9223372036854775807\n\n" },
    { { event = "", data = "" }, "event:\ndata:\n\n" },
    { { retry = 0 }, "retry: 0\n\n" },
    { { retry = 5.0 }, "retry: 5\n\n" },
    { { retry = math.maxinteger }, "retry: 9223372036854775807\n\n" },
    { { data = 42 }, "data: 42\n\n" },
    { { data = 1.5 }, "data: 1.5\n\n" },
    { { data = true }, "data: true\n\n" },
    { { data = false }, "data: false\n\n" },
    { { data = { "a\nb", 1 } }, 'data: ["a\\nb",1]\n\n' },
    { { data = {} }, "data: {}\n\n" },
    { { comment = "hi" }, ": hi\n\n" },
    { { comment = "" }, ":\n\n" },
    { { comment = "a\nb\rc" }, ": a\n: b\n: c\n\n" },
    { { comment = "a\n\ndata: x" }, ": a\n:\n: data: x\n\n" },
  }
  for i, case in ipairs(cases) do
    it(("line 45: writes case %d, %q"):format(i, case[2]), function()
      assert.equal(case[2], encode(case[1]))
    end)
  end

  it("line 45: refuses CR, LF and NUL in type and id", function()
    for _, field in ipairs{ "event", "id" } do
      for _, bad in ipairs{ "\n", "\r", "\0", "a\nb", "a\rb", "a\0b", "\ndata: x\n\n", "a\n" } do
        local bytes, message, code = encode{ [field] = bad, data = "x" }
        assert.is_nil(bytes)
        assert.equal("EINVAL", code)
        assert.equal(("field '%s' holds CR, LF or NUL, which can't be sent [docs/errors.md#events]")
          :format(field), message)
      end
    end
  end)

  it("names the wrong field", function()
    raises("unknown field 'evnt' (expected event, data, id, retry, comment; "
           .. "did you mean 'event'?)", encode, { evnt = "x", data = "y" })
    raises("unknown field '1'", encode, { "x" })
    raises("field 'event' must be a string, got number", encode, { event = 1 })
    raises("field 'id' must be a string or a number, got boolean", encode, { id = true })
    raises("field 'data' must be a string, a number, a boolean or a table, got function", encode,
           { data = print })
    raises("field 'comment' must be a string", encode, { comment = 1 })
    raises("field 'comment' stands alone", encode, { comment = "a", data = "b" })
    raises("field 'comment' stands alone", encode, { comment = "a", retry = 0 })
    for _, retry in ipairs{ -1, 1.5, "3000", math.huge, 0 / 0, {} } do
      raises("field 'retry' must be a whole number of milliseconds", encode, { retry = retry })
    end
    raises("an empty event", encode, {})
    raises("expected an event (a table) or its data (a string), got number", encode, 5)
    raises("value expected", encode)
    raises("a function can't be encoded (at a.f)", encode, { data = { a = { f = print } } })
  end)

  it("takes tables as data, of any size, one after the other", function()
    local list = {}
    for i = 1, 20000 do list[i] = i end
    for _ = 1, 3 do
      assert.equal("data: [1,2]\n\n", encode{ data = { 1, 2 } })
      assert.equal("event: e\nid: 7\nretry: 5\ndata: " .. json.encode(list) .. "\n\n",
        encode{ event = "e", id = 7, data = list, retry = 5 })
    end
    assert.equal("data: {}\n\n", encode{ data = {} })
    assert.equal("data: {\"a\":\"x\\r\\ny\"}\n\n", encode{ data = { a = "x\r\ny" } })
  end)

  it("makes JSON last, whatever reading the event's other fields does", function()
    local event = setmetatable({ id = 1 }, { __index = function(_, name)
      encode{ data = { "another" } }
      if name == "data" then return { "mine" } end
    end })
    assert.equal("id: 1\ndata: [\"mine\"]\n\n", encode(event))
  end)

  it("line 45: writes large data linearly and whole", function()
    local data = ("line\n"):rep(200000)
    local parser, seen = support.listener()
    assert(parser:feed(encode{ data = data }))
    assert.is_true(data == seen[1])
  end)
end)

-- CONFORMANCE line 45 for random events of a fixed seed.
describe("the encoder and the parser", function()
  local atoms = { "a", "b", " ", "  ", ":", "\t", "é", "漢", "😀", "data", "id: 1", "\xEF\xBB\xBF",
                  "0", "\u{2028}" }
  local in_data = { "\n", "\r", "\r\n", "\0", "\n\n" }

  local function text(more)
    local parts = {}
    for i = 1, math.random(0, 5) do
      local list = more and math.random(3) == 1 and more or atoms
      parts[i] = list[math.random(#list)]
    end
    return table.concat(parts)
  end

  local function maybe(value) return math.random(3) > 1 and value or nil end

  local function random_event()
    return { event = maybe(text()), id = maybe(text()), retry = maybe(math.random(0, 1e6)),
             data = text(in_data) }
  end

  -- What the parser must report of the event: its line ends are LF, an empty type is none. `id` is
  -- the last event id before it.
  local function arriving(event, id)
    local list = {}
    if event.retry then list[1] = { "retry", event.retry } end
    if event.id and event.id ~= id then list[#list + 1] = { "id", event.id } end
    id = event.id or id
    local type = event.event ~= "" and event.event or "message"
    list[#list + 1] = { "event", (event.data:gsub("\r\n?", "\n")), type, id }
    return list, id
  end

  it("line 45: decode(encode(event)) gives the event back, at every split", function()
    math.randomseed(45)
    for _ = 1, 150 do
      local bytes, expected, id = "", {}, ""
      for _ = 1, math.random(2) do
        local event = random_event()
        local list, now = arriving(event, id)
        id = now
        table.move(list, 1, #list, #expected + 1, expected)
        bytes = bytes .. assert(encode(event))
      end
      for i = 0, #bytes do
        local parser, seen = support.recorder()
        assert(parser:feed(bytes:sub(1, i)))
        assert(parser:feed(bytes:sub(i + 1)))
        assert.same(expected, seen)
      end
    end
  end)

  it("line 45: a comment comes back as comments", function()
    for _, comment in ipairs{ "", "x", "a\nb", "data: x\n\ndata: y", "\r\n" } do
      local parser, seen = support.recorder()
      assert(parser:feed(encode{ comment = comment }))
      local lines = {}
      for i, item in ipairs(seen) do
        assert.equal("comment", item[1])
        lines[i] = item[2]:gsub("^ ", "")
      end
      assert.equal((comment:gsub("\r\n?", "\n")), table.concat(lines, "\n"))
    end
  end)
end)
