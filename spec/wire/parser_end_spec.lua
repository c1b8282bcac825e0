-- What the parser says at the end of a stream: an event that lacks its empty line alone, and the
-- blocks of unknown fields since the last event. Each case is fed in every chunking.
local core = require "sse.core"
local support = require "spec.support.parser"

-- Input; the data of all events, with the one that the end completes; whether the end cuts an
-- event; the number of blocks of unknown fields; the lines of the last one.
local cases = {
  { "", "", false, 0 },
  { "data: a\n", "a", false, 0 },
  { "data: a\r", "a", false, 0 },
  { "data: a\r\n", "a", false, 0 },
  { "data: a\n\n", "a", false, 0 },
  { "data\n", "", false, 0 },
  { "data: a", "", true, 0 },
  { "data", "", true, 0 },
  { "d", "", true, 0 },
  { "data:", "", true, 0 },
  { "data: a\nd", "", true, 0 },
  { "data: a\nev", "", true, 0 },
  { "data: a\nid: 1", "", true, 0 },
  { "data: a\nretry: 1", "", true, 0 },
  { "data: a\n: x", "a", false, 0 },
  { "data: a\nx", "a", false, 0 },
  { "data: a\nx: y\n", "a", false, 0 },
  { "event: a\nid: 1\n", "", false, 0 },
  { "id: 1", "", false, 0 },
  { "ev", "", false, 0 },
  { "x", "", false, 1, "x" },
  { "error: {}\n", "", false, 1, "error: {}" },
  { "error: {}\n\n", "", false, 1, "error: {}" },
  { "dat: 1\n\n", "", false, 1, "dat: 1" },
  { "dat\n\n", "", false, 1, "dat" },
  { "datax: 1\n\n", "", false, 1, "datax: 1" },
  { "Data: 1\n\n", "", false, 1, "Data: 1" },
  { "x\n\ny: 2\nz\n\n", "", false, 2, "y: 2\nz" },
  { "x\n\ny: 2\nz", "", false, 2, "y: 2\nz" },
  { "x\n\ndata: a\n\n", "a", false, 0 },
  { "x\n\ndata: a\n\ny\n\n: c\n\n", "a", false, 1, "y" },
  { "event: error\nx: 1\n\n", "", false, 1, "x: 1" },
  { "{\r\n  \"e\": 1\r\n}", "", false, 1, '{\n  "e": 1\n}' },
  { "\xEF\xBB\xBFx\n\n", "", false, 1, "x" },
  { "a: 1\n\n\xEF\xBB\xBFdata: x\n\n", "", false, 2, "\xEF\xBB\xBFdata: x" },
}

local function check(case, how, ...)
  local data = {}
  local parser = core.parser {
    keep_ignored = true, on_event = function(text) data[#data + 1] = text end,
  }
  for _ = 1, 2 do -- the second time after a reset
    data = {}
    for _, piece in ipairs { ... } do assert(parser:feed(piece)) end
    local ok, _, code = core.finish_parser(parser)
    local count, text = core.ignored_blocks(parser)
    assert.same({ case[2], case[3] and "EUNFINISHED" or nil, case[4], case[5] },
      { table.concat(data, " "), not ok and code or nil, count, count > 0 and text or nil },
      ("%s of %q"):format(how, case[1]))
    parser:reset()
    assert.equal(0, (core.ignored_blocks(parser)))
  end
end

describe("the end of a stream, in every chunking:", function()
  for _, case in ipairs(cases) do
    it(("%q"):format(case[1]):gsub("\\\n", "\\n"), function()
      local input = case[1]
      check(case, "the whole", input)
      check(case, "the bytes", table.unpack(support.bytes_of(input)))
      for i = 0, #input do
        check(case, "the split at " .. i, input:sub(1, i), "", input:sub(i + 1))
      end
    end)
  end

  it("keeps 1 KiB of unknown lines, in whatever pieces", function()
    local line = ("x"):rep(700)
    for _, size in ipairs { 1, 7, 699, 5000 } do
      local parser = core.parser { keep_ignored = true, on_event = print }
      local input = (line .. "\n"):rep(5)
      for at = 1, #input, size do assert(parser:feed(input:sub(at, at + size - 1))) end
      local count, text = core.ignored_blocks(parser)
      assert.same({ 1, (line .. "\n" .. line):sub(1, 1024) }, { count, text })
      assert.is_true(parser.memory < 4096)
    end
  end)

  it("is the same twice, and nothing without keep_ignored or after an error", function()
    local parser = core.parser { keep_ignored = true, on_event = print }
    assert(parser:feed "x\n\ny")
    assert.same({ { 2, "y" }, { 2, "y" } },
      { { core.ignored_blocks(parser) }, { core.ignored_blocks(parser) } })
    parser = core.parser { on_event = print }
    assert(parser:feed "x\n\ny")
    assert.equal(0, (core.ignored_blocks(parser)))
    parser = core.parser { keep_ignored = true, on_event = print, max_event_size = 3 }
    assert(parser:feed "x\n\n")
    assert.is_nil((parser:feed "data: long"))
    assert.equal("ETOOBIG", select(3, core.finish_parser(parser)))
    assert.equal(0, (core.ignored_blocks(parser)))
  end)

  it("an event at the end has its id; a callback may raise, stop and feed", function()
    local seen
    local parser = core.parser { on_event = function(...) seen = { ... } end }
    assert(parser:feed "id: 7\nevent: t\ndata: x\n")
    assert.is_true(core.finish_parser(parser))
    assert.same({ "x", "t", "7" }, seen)
    assert.equal("7", parser.last_event_id)
    parser = core.parser { on_event = function() error("mistake", 0) end }
    assert(parser:feed "data: x\n")
    assert.error_matches(function() core.finish_parser(parser) end, "mistake")
    parser = core.parser { on_event = function() parser:stop() end }
    assert(parser:feed "data: x\n")
    assert.equal("ESTOPPED", select(3, core.finish_parser(parser)))
    seen = {}
    parser = core.parser { on_event = function(data)
      seen[#seen + 1] = data
      if #seen == 1 then
        assert.equal("EBUSY", select(3, core.finish_parser(parser)))
        parser:feed "data: y\n\n"
      end
    end }
    assert(parser:feed "data: x\n")
    assert.is_true(core.finish_parser(parser))
    assert.same({ "x", "y" }, seen)
  end)
end)
