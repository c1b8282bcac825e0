-- sse.parser: what its callbacks may do to it, and errors that they raise.
local core = require "sse.core"
local new_parser = require "sse.parser"
local support = require "spec.support.parser"
local listener, bytes_of = support.listener, support.bytes_of

local stopped = "the parser was stopped or reset"

describe("the parser and its callbacks", function()
  it("line 24: fed by its callback, the bytes come behind those at hand", function()
    local parser, seen
    seen = {}
    parser = new_parser{ on_event = function(data)
      seen[#seen + 1] = data
      if data == "a" then assert.is_true(parser:feed("data:x\n\ndata:")) end
      if data == "x" then assert.is_true(parser:feed("y\n\n")) end
    end }
    assert.is_true(parser:feed("data:a\n\ndata:b\n\n"))
    assert.same({ "a", "b", "x", "y" }, seen)
    assert.is_true(parser:feed("data:a\n\ndata:c"))
    assert.is_true(parser:feed("\n\n"))
    assert.same({ "a", "b", "x", "y", "a", "cdata:x", "" }, seen)
  end)

  it("line 24: fed by its callback without end, the stack does not grow", function()
    local parser
    local count = 0
    parser = new_parser{ on_event = function()
      count = count + 1
      if count < 50000 then assert(parser:feed("data\n\n")) end
    end }
    assert.is_true(parser:feed("data\n\n"))
    assert.equal(50000, count)
  end)

  local heads = {
    on_event = "data:a\n\n", on_retry = "retry:1\n", on_comment = ":c\n",
    on_id = "id:1\ndata:b\n\n",
  }
  for _, kind in ipairs{ "on_event", "on_retry", "on_comment", "on_id" } do
    for _, how in ipairs{ "reset", "stop" } do
      local what = "line 24: %s in %s: no further callback from the bytes at hand"
      it(what:format(how, kind), function()
        local parser
        local count = 0
        local function other() count = count + 1 end
        local function first()
          count = count + 1
          parser[how](parser)
        end
        local opts = { on_event = other, on_retry = other, on_comment = other, on_id = other }
        opts[kind] = first
        parser = new_parser(opts)
        local head = heads[kind]
        for _, pieces in ipairs{ { head .. "data:b\n\nid:2\n\n:c\nretry:2\n" }, bytes_of(head) } do
          parser.last_event_id = ""
          parser:reset()
          count = 0
          local code
          for _, piece in ipairs(pieces) do code = select(3, parser:feed(piece)) end
          assert.equal(1, count)
          assert.equal("ESTOPPED", code)
        end
        local again, message, code = parser:feed("retry:9\n:c\nid:9\ndata:c\n\n")
        assert.same({ nil, stopped, "ESTOPPED" }, { again, message, code })
        assert.equal(how == "reset", count > 1)
      end)
    end
  end

  it("line 24: reset and then fed in a callback, the new bytes are a new connection's", function()
    local parser
    local seen = {}
    parser = new_parser{ on_event = function(data)
      seen[#seen + 1] = data
      if data == "a" then
        parser:feed("data:dropped\n\n")
        parser:reset()
        assert.is_true(parser:feed("\xEF\xBB\xBFdata:n\n\ndata:o"))
      end
    end }
    assert.equal("ESTOPPED", (select(3, parser:feed("data:a\n\ndata:b\n\n"))))
    assert.is_true(parser:feed("\n\n"))
    assert.same({ "a", "n", "o" }, seen)
  end)

  it("line 24: dropped and collected in its callback", function()
    local count = 0
    local weak = setmetatable({}, { __mode = "v" })
    do
      local parser
      parser = new_parser{ on_event = function(data, type, id)
        count = count + 1
        parser = nil
        collectgarbage()
        collectgarbage()
        assert.same({ "x" .. count, "t", "7" }, { data, type, id })
      end }
      weak[1] = parser
      parser:feed("event:t\nid:7\ndata:x1\n\nevent:t\ndata:x2\n\n")
    end
    collectgarbage()
    collectgarbage()
    assert.equal(2, count)
    assert.is_nil(weak[1])
  end)

  it("line 24: feeds another parser from a callback", function()
    local inner, seen = listener()
    local outer = new_parser{ on_event = function(data) assert(inner:feed(data .. "\n")) end }
    assert.is_true(outer:feed("data:data:a\ndata:\n\ndata:data:b\n\ndata:\n\n"))
    assert.same({ "a", "b" }, seen)
  end)

  it("raises a callback's error, and is stopped until reset", function()
    local seen = {}
    local parser
    local problem = setmetatable({}, { __tostring = function() return "problem" end })
    parser = new_parser{ on_event = function(data)
      seen[#seen + 1] = data
      if data == "b" then error(problem) end
    end }
    local ok, err = pcall(parser.feed, parser, "data:a\n\ndata:b\n\ndata:c\n\n")
    assert.is_false(ok)
    assert.is_true(err == problem)
    assert.equal("ESTOPPED", (select(3, parser:feed("data:d\n\n"))))
    parser:reset()
    assert.is_true(parser:feed("data:e\n\n"))
    assert.same({ "a", "b", "e" }, seen)
  end)

  it("raises errors of each kind of callback, also of nested feeds", function()
    for _, kind in ipairs{ "on_event", "on_retry", "on_comment", "on_id" } do
      local parser = new_parser{ [kind] = function() error("in " .. kind, 0) end }
      for _ = 1, 2 do
        parser.last_event_id = ""
        parser:reset()
        local ok, err = pcall(parser.feed, parser, "id:1\n:c\nretry:1\ndata:x\n\n")
        assert.same({ false, "in " .. kind }, { ok, err })
      end
    end
    local parser
    parser = new_parser{ on_event = function(data)
      if data == "a" then parser:feed("data:b\n\n") else error("nested", 0) end
    end }
    assert.same({ false, "nested" }, { pcall(parser.feed, parser, "data:a\n\n") })
  end)

  it("sets the last id in a callback", function()
    local parser
    local seen = {}
    parser = new_parser{ on_event = function(data, _, id)
      seen[#seen + 1] = data .. id
      parser.last_event_id = ("i"):rep(100)
    end }
    assert.is_true(parser:feed("id:1\ndata:a\n\ndata:b\n\nid:2\ndata:c\n\ndata:d\n\n"))
    assert.same({ "a1", "b" .. ("i"):rep(100), "c2", "d" .. ("i"):rep(100) }, seen)
  end)

  it("delivers to a coroutine that feeds", function()
    local seen = {}
    local parser = new_parser{ on_event = function(data) seen[#seen + 1] = data end }
    for i = 1, 3 do
      coroutine.wrap(function() assert(parser:feed(("data:%d\n\n"):format(i))) end)()
    end
    assert.same({ "1", "2", "3" }, seen)
  end)
end)

describe("the core's parser", function()
  it("calls back with its owner, where it has one", function()
    local owner, got = {}, {}
    local function note(kind)
      return function(...) got[#got + 1] = { kind, ... } end
    end
    local parser = core.parser { owner = owner, on_event = note "event", on_retry = note "retry",
      on_comment = note "comment", on_id = note "id" }
    assert(parser:feed ":c\nretry:7\nid:1\ndata:x\n\nevent:e\ndata:y\n\n")
    assert.same({ { "comment", owner, "c" }, { "retry", owner, 7 }, { "id", owner, "1" },
      { "event", owner, "x", "message", "1" }, { "event", owner, "y", "e", "1" } }, got)
    assert.equal(owner, got[1][2])
    assert.equal(2, parser.events)
  end)

  it("delivers what is behind an error, which the loop raises", function()
    local got = {}
    local parser = core.parser { on_event = function(data)
      got[#got + 1] = data
      if data == "b" then error("in b", 0) end
    end }
    assert.is_true(parser:deliver "data:a\n\ndata:b\n\ndata:c\n\n")
    assert.same({ "a", "b", "c" }, got)
    local ok, err = pcall(core.turn)
    assert.is_false(ok)
    assert.matches("in b", err)
    parser:stop()
    assert.equal("ESTOPPED", select(3, parser:deliver "data:d\n\n"))
  end)
end)

describe("the parser misused", function()
  local function raises(text, fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.truthy(tostring(err):find(text, 1, true), tostring(err))
  end

  it("names the wrong option", function()
    raises("unknown option 'on_evnt' (did you mean 'on_event'?)", new_parser, { on_evnt = print })
    raises("'on_event' must be function, got number", new_parser, { on_event = 1 })
    raises("'max_event_size' must be a whole number", new_parser, { max_event_size = 0 })
    raises("'max_event_size' must be a whole number", new_parser, { max_event_size = 1.5 })
    raises("'utf8' must be \"replace\" or \"raw\"", new_parser, { utf8 = "latin1" })
    raises("expected a table of options", new_parser, "x")
  end)

  it("is checked by the core too", function()
    raises("'on_comment' must be a function, got table", core.parser, { on_comment = {} })
    raises("'max_event_size' must be a whole number", core.parser, { max_event_size = "9" })
    raises("'utf8' must be", core.parser, { utf8 = 8 })
    raises("last_event_id must be a string", core.parser, { last_event_id = 1 })
    raises("table expected", core.parser)
  end)

  it("refuses an id that can't be one, and unknown fields", function()
    local parser = new_parser{}
    for _, id in ipairs{ "a\nb", "a\rb", "a\0b" } do
      raises("can't be part of an id", function() parser.last_event_id = id end)
    end
    raises("must be a string", function() parser.last_event_id = 7 end)
    raises("not to be written", function() parser.on_event = print end)
    raises("string expected", function() parser:feed({}) end)
    raises("call it with ':' (parser:feed)", function() parser.feed({}, "x") end)
    assert.equal("", parser.last_event_id)
  end)

  it("is served without options", function()
    local parser = new_parser()
    assert.is_true(parser:feed("id:7\ndata:x\n\n"))
    assert.equal("7", parser.last_event_id)
  end)
end)
