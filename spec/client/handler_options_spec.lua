-- EventSource's handlers as options.
local fixture = require "spec.support.fixture"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames

local function stream(conn)
  conn:head(200, "Content-Type: text/event-stream"):send(": c\n\ndata: x\n\n"):close()
end

describe("a handler among EventSource's options", function()
  after_each(fixture.finish)

  it("hears from the first attempt on, and is the field's value", function()
    local server, seen = fixture.script(stream), {}
    local function note(ev) seen[#seen + 1] = ev.type end
    local source = fixture.source(server:url(), {
      onopen = note, onmessage = note, onerror = note,
      oncomment = function(text) seen[#seen + 1] = text end,
      onreconnect = function() seen[#seen + 1] = "reconnect" end,
    })
    assert.same({ note, note, note }, { source.onopen, source.onmessage, source.onerror })
    assert.is_function(source.oncomment)
    assert.is_function(source.onreconnect)
    wait.till(function() return #seen >= 5 end, "all handlers")
    assert.equal("open  c message error reconnect", table.concat(seen, " ", 1, 5))
  end)

  it("can be replaced and taken away", function()
    local server, seen = fixture.script(stream), {}
    local source = fixture.source(server:url(), {
      onopen = function() seen[#seen + 1] = "first" end,
      onmessage = function() seen[#seen + 1] = "message" end,
    })
    source.onopen = function() seen[#seen + 1] = "second" end
    source.onmessage = nil
    source:addEventListener("message", function() source:close() end)
    wait.till(function() return source.readyState == 2 end, "the event")
    assert.same({ "second" }, seen)
  end)

  it("is not kept by the source once it was replaced", function()
    local server = fixture.serve(function(conn)
      conn:head(200, "Content-Type: text/event-stream")
    end)
    local weak = setmetatable({}, { __mode = "v" })
    local source
    do
      local fn, comment = function() return weak end, function() return weak end
      weak.fn, weak.comment = fn, comment
      source = fixture.source(server:url(), { onmessage = fn, oncomment = comment })
    end
    source.onmessage, source.oncomment = nil, nil
    collectgarbage()
    assert.same({}, weak)
  end)

  it("keeps its source alive, and keeps it open when a loop is left", function()
    local server, seen = fixture.script(stream), nil
    do
      sse.EventSource(server:url(), { onmessage = function(ev) seen = ev.target end })
    end
    collectgarbage()
    wait.till(function() return seen end, "the event")
    seen:close()
    local source = fixture.source(server:url(), { onmessage = function() end })
    for _ in source:events() do break end
    assert.not_equal(2, source.readyState)
  end)

  it("leaves the caller's table as it is", function()
    local function fn() end
    local options = { onmessage = fn, onerror = fn, oncomment = fn, onreconnect = fn }
    sse.EventSource("http://127.0.0.1:1/", options):close()
    assert.same({ onmessage = fn, onerror = fn, oncomment = fn, onreconnect = fn }, options)
    options.onreconnect = nil
    sse.EventSource.fromReader(fn, options):close()
    assert.same({ onmessage = fn, onerror = fn, oncomment = fn }, options)
  end)

  it("is an option of fromReader, too", function()
    local pieces, seen = { "data: x\n\n" }, {}
    local function note(ev) seen[#seen + 1] = ev.type end
    sse.EventSource.fromReader(function() return table.remove(pieces) end,
      { onopen = note, onmessage = note, onerror = note })
    wait.till(function() return #seen == 3 end, "the end")
    assert.equal("open message error", table.concat(seen, " "))
  end)

  it("must be a function", function()
    for _, name in ipairs { "onopen", "onmessage", "onerror" } do
      local told = ("option '%s' must be function, got string \"x\""):format(name)
      blames("sse.EventSource: " .. told, function()
        sse.EventSource("http://127.0.0.1:1/", { [name] = "x" })
      end)
      blames("EventSource.fromReader: " .. told, function()
        sse.EventSource.fromReader(print, { [name] = "x" })
      end)
    end
    blames("did you mean 'onmessage'?", function()
      sse.EventSource("http://127.0.0.1:1/", { on_message = print })
    end)
  end)
end)
