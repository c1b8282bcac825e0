-- sse.parser over the cases of spec/cases/parser_cases.lua, in any pieces; its limits and options.
local new_parser = require "sse.parser"
local cases = require "spec.cases.parser_cases"
local support = require "spec.support.parser"
local recorder, listener, bytes_of = support.recorder, support.listener, support.bytes_of

local function feed_all(opts, ...)
  local parser, seen = recorder(opts)
  for _, piece in ipairs{ ... } do assert(parser:feed(piece)) end
  return seen
end

local function shown(text)
  return (("%q"):format(text):gsub("\\\n", "\\n"):gsub("\r", "\\r"))
end

local function feed_every_way(opts, input, expected)
  local function same(how, ...)
    assert.same(expected, feed_all({ utf8 = opts.utf8 }, ...), how .. " of " .. shown(input))
  end
  same("the whole", input)
  same("the bytes", table.unpack(bytes_of(input)))
  for i = 0, #input do
    local a, b = input:sub(1, i), input:sub(i + 1)
    same("the split at " .. i, a, b)
    same("the split with an empty piece at " .. i, a, "", b)
    for j = i + 1, #input <= 24 and #input or 0 do
      same(("the split at %d, %d"):format(i, j), a, input:sub(i + 1, j), input:sub(j + 1))
    end
  end
end

describe("the parser, every case in every chunking", function()
  for _, case in ipairs(cases) do
    local line, name, input, expected = table.unpack(case)
    it(("line %d: %s"):format(line, name), function() feed_every_way(case, input, expected) end)
  end
end)

describe("the parser over connections", function()
  it("line 5: an empty piece changes neither the BOM check nor a pending CR", function()
    local expected = { { "event", "a", "message", "" } }
    local pieces = { "", "\xEF", "", "\xBB\xBF", "", "data:a\r", "", "", "\n\r\n" }
    assert.same(expected, feed_all(nil, table.unpack(pieces)))
    assert.same(expected, feed_all(nil, "\xEF\xBB\xBF", "", "data:a\r\n\r", "", "\n"))
  end)

  it("line 6: what the end of a stream leaves is forgotten by reset", function()
    local parser, seen = recorder()
    assert(parser:feed("id:1\ndata:a\n\nid:2\nevent:e\ndata:b\nda"))
    parser:reset()
    assert(parser:feed("ta:c\n\ndata:d\n\n"))
    local a, d = { "event", "a", "message", "1" }, { "event", "d", "message", "1" }
    assert.same({ { "id", "1" }, a, d }, seen)
  end)

  it("line 6: a CR at the end does not swallow the next connection's LF", function()
    local parser, seen = recorder()
    assert(parser:feed("data:a\r"))
    parser:reset()
    assert(parser:feed("\ndata:b\n\n"))
    assert.same({ { "event", "b", "message", "" } }, seen)
  end)

  it("line 8: the BOM check is armed again by reset", function()
    local parser, seen = listener()
    local bom = "\xEF\xBB\xBF"
    for _, piece in ipairs{ bom .. "data:a\n\n", bom .. "data:b\n\n", "data:c\n\n", "\xEF" } do
      parser:reset()
      assert(parser:feed(piece))
    end
    parser:reset()
    assert(parser:feed("\xBB\xBFdata:d\n\ndata:e\n\n"))
    assert.same({ "a", "b", "c", "e" }, seen)
  end)

  it("line 17: the last id stays over reset, and can be read and set", function()
    local parser, seen = recorder{ last_event_id = "0" }
    assert.equal("0", parser.last_event_id)
    assert(parser:feed("data:a\n\nid:1\n\n"))
    assert.equal("1", parser.last_event_id)
    parser:reset()
    assert(parser:feed("data:b\n\n"))
    parser.last_event_id = "seven"
    assert(parser:feed("data:c\n\n"))
    parser.last_event_id = ""
    assert(parser:feed("data:d\n\nid:x"))
    assert.equal("", parser.last_event_id)
    local events = {}
    for _, item in ipairs(seen) do
      if item[1] == "event" then events[#events + 1] = item[2] .. item[4] end
    end
    assert.same({ "a0", "b1", "cseven", "d" }, events)
  end)

  it("line 17: an id repeated, changed and repeated again is each time the right one", function()
    local input, expected = {}, {}
    for i = 1, 60 do
      local id = i % 7 < 3 and "same" or "n" .. i
      input[i] = i % 5 == 0 and "data\n\n" or ("id:%s\ndata\n\n"):format(id)
      expected[i] = i % 5 == 0 and expected[i - 1] or id
    end
    local got = {}
    local parser = new_parser{ on_event = function(_, _, id) got[#got + 1] = id end }
    assert(parser:feed(table.concat(input)))
    assert.same(expected, got)
  end)
end)

describe("the parser's size", function()
  it("line 21: one piece with many events dispatches them in order", function()
    local parser, seen = listener()
    local input, expected = {}, {}
    for i = 1, 5000 do input[i], expected[i] = ("data:%d\n\n"):format(i), tostring(i) end
    assert(parser:feed(table.concat(input)))
    assert.same(expected, seen)
  end)

  it("line 21: one 5 MB line arrives whole in any chunking", function()
    local line = ("0123456789abcde\xC3\xA9"):rep(5 * 2 ^ 20 // 17)
    local input = "data: " .. line .. "\n\n"
    for _, size in ipairs{ #input, 2 ^ 20, 65536, 16384, 4096, 1009 } do
      local parser, seen = listener()
      for at = 1, #input, size do assert(parser:feed(input:sub(at, at + size - 1))) end
      assert.equal(1, #seen)
      assert.is_true(line == seen[1], "pieces of " .. size)
    end
  end)

  it("line 21: 50,000 data lines in one event, and LFs after a CR", function()
    local parser, seen = listener()
    local input = ("data:x\n"):rep(50000) .. "\n"
    for at = 1, #input, 4 do assert(parser:feed(input:sub(at, at + 3))) end
    assert(parser:feed("\r" .. ("\n"):rep(2 ^ 20) .. "data:y\n\n"))
    assert.equal(2, #seen)
    assert.equal(("x\n"):rep(49999) .. "x", seen[1])
    assert.equal("y", seen[2])
  end)

  local function limited(max, ...)
    local function ignore() end
    local parser, seen = listener{ max_event_size = max, on_comment = ignore, on_retry = ignore }
    local ok, message, code
    for _, piece in ipairs{ ... } do
      ok, message, code = parser:feed(piece)
      if not ok then break end
    end
    return ok, message, code, seen, parser
  end

  it("line 22: an event of exactly the limit passes, one byte more does not", function()
    assert.is_true((limited(10, "data: 1234567890\n\n")))
    assert.is_true((limited(10, "data: 12345\ndata: 6789\n\n")))
    local inputs = {
      "data: 12345678901\n\n", "data: 12345\ndata: 67890\n\n", "event: 12345678901\n",
      "data: 12345\nevent: 123456\n", "id: 12345678901\n", ": 1234567890\n",
      "retry: 12345678901\n", "data: 1234\xFF\xFF123\n\n", "data:1234567890\ndata\n",
    }
    for _, input in ipairs(inputs) do
      local every = bytes_of(input)
      for i = 0, #input do
        local ok, message, code, seen, parser = limited(10, input:sub(1, i), input:sub(i + 1))
        assert.is_nil(ok, input)
        assert.equal("ETOOBIG", code)
        assert.truthy(message:find("10 bytes", 1, true))
        assert.same({}, seen)
        assert.same({ nil, message, "ETOOBIG" }, { parser:feed("data:x\n\n") })
      end
      assert.is_nil((limited(10, table.unpack(every))))
    end
  end)

  it("line 22: it is checked while the line is open, and holds until reset", function()
    local most, rest = "data:" .. ("x"):rep(900), ("x"):rep(100)
    local ok, _, _, seen, parser = limited(1000, "data:a\n\n", most, rest)
    assert.is_true(ok)
    assert.equal("ETOOBIG", (select(3, parser:feed("x"))))
    for _ = 1, 3 do assert.equal("ETOOBIG", (select(3, parser:feed("")))) end
    parser:reset()
    assert.is_true(parser:feed("data:b\n\n"))
    assert.same({ "a", "b" }, seen)
  end)

  it("line 22: events before the one that is too big are delivered, none after it", function()
    local ok, _, code, seen = limited(5, "data:a\n\ndata:b\n\ndata:123456\n\ndata:c\n\n")
    assert.same({ nil, "ETOOBIG", { "a", "b" } }, { ok, code, seen })
  end)

  it("line 22: what was given for one event is counted for no other", function()
    local parser, seen = listener{ max_event_size = 10 }
    for i = 1, 1000 do
      assert.is_true(parser:feed(("data:%05d\nevent:12345\nid:12345\n\n"):format(i)))
    end
    assert.equal(1000, #seen)
  end)

  it("line 23: what nobody listens to is skipped without being stored", function()
    local parser, seen = listener{ max_event_size = 100 }
    local idle = parser.memory
    for _, start in ipairs{ ":", "x", "datax:", "data\0", "retry:", "\xEF\xBB\xBFdata:" } do
      assert.is_true(parser:feed(start))
      for _ = 1, 100 do assert.is_true(parser:feed(("y"):rep(1000))) end
      assert.equal(idle, parser.memory)
      assert.is_true(parser:feed("\n"))
    end
    assert.is_true(parser:feed("data:x\n\n"))
    assert.same({ "x" }, seen)
  end)

  it("line 23: without on_event no data is stored", function()
    local ids = {}
    local parser = new_parser{ max_event_size = 100, on_id = function(id) ids[#ids + 1] = id end }
    assert.is_true(parser:feed("event:" .. ("e"):rep(1000) .. "\nid:1\ndata:" .. ("x"):rep(1e5)))
    assert.is_true(parser:feed("\n\n"))
    assert.same({ "1" }, ids)
  end)

  it("gives the memory of a large event back", function()
    local parser = listener()
    local idle = parser.memory
    local big = ("x"):rep(2 ^ 20)
    assert(parser:feed("data:" .. big))
    assert.is_true(parser.memory > 2 ^ 20)
    assert(parser:feed("\n\n"))
    assert.equal(idle, parser.memory)
    assert(parser:feed("data:" .. big .. "\ndata:" .. big .. "\n\ndata:small"))
    assert.is_true(parser.memory < 2 ^ 18 + idle + 1024)
    assert(parser:feed("data:" .. big))
    parser:reset()
    assert.equal(idle, parser.memory)
    assert(parser:feed("data:" .. big))
    parser:stop()
    assert.equal(idle, parser.memory)
  end)
end)
