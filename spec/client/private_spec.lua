-- What the client's objects show: their documented fields. Nothing else can be read or written by a
-- name, and nothing internal is a field.
local fixture = require "spec.support.fixture"
local misuse = require "spec.support.misuse"
local sse = require "sse"

local blames = misuse.blames

-- The names that pairs() gives, as one text.
local function names(object)
  local list = {}
  for name in pairs(object) do list[#list + 1] = tostring(name) end
  table.sort(list)
  return table.concat(list, " ")
end

-- Names that the tables inside have.
local internal = {
  "closed", "done", "failure", "waiters", "controller", "options", "attempt", "retry_timer",
  "last_event_id", "state", "parser", "exchange", "queues", "listeners", "algorithms",
  "sources", "dependents", "body", "pieces", "limits", "head", "signal", "task", "stopped",
}

-- Checks an object: the names of its fields, and that none is written. `what` is its name in
-- errors.
local function check(object, what, shown, writable)
  assert.equal(shown, names(object))
  for _, name in ipairs(internal) do
    if not (" " .. shown .. " "):find(" " .. name .. " ", 1, true) then
      local ok, value = pcall(function() return object[name] end)
      assert.is_true(not ok or type(value) == "nil", what .. "." .. name)
    end
    blames(what, function() object[name] = 1 end)
  end
  for name in shown:gmatch "%S+" do
    if not writable or not name:find "^on" then
      blames(what, function() object[name] = 1 end)
    end
  end
  blames(what, function() object[1] = 1 end)
  blames(what, function() object.xyzzy = 1 end)
  assert.equal(shown, names(object))
end

describe("private state of the client", function()
  after_each(fixture.finish)

  it("of a Response", function()
    local server = fixture.serve(function(conn) conn:reply(200, "id: 1\nretry: 5\ndata: x\n\n") end)
    local res = assert(sse.fetch(server:url()))
    local shown = "headers ok protocol redirected status url"
    check(res, "a Response", shown)
    for ev in res:events() do assert.equal("x", ev.data) end
    check(res, "a Response", "headers lastEventId ok protocol redirected retry status url")
    assert.same({ 200, true, "1", 5 }, { res.status, res.ok, res.lastEventId, res.retry })
    assert.is_nil(res.tls)
    assert.is_nil(res.failure)
    blames("field 'statsu' of a Response does not exist (did you mean 'status'?)",
      function() return res.statsu end)
  end)

  it("of fetchEventSource's handle", function()
    local handle = sse.fetchEventSource("http://127.0.0.1:1/", { maxRetries = 0 })
    check(handle, "a handle", "")
    handle:wait()
    check(handle, "a handle", "")
    blames("field 'onerror' of a handle is not to be written",
      function() handle.onerror = print end)
  end)

  it("of an AbortController and its signal", function()
    local controller = sse.AbortController()
    check(controller, "an AbortController", "signal")
    local signal = controller.signal
    check(signal, "AbortSignal", "aborted", true)
    signal.onabort = print
    assert.equal("aborted onabort", names(signal))
    signal.onabort = nil
    controller:abort "why"
    check(signal, "AbortSignal", "aborted reason", true)
    check(sse.AbortSignal.any { sse.AbortController().signal }, "AbortSignal", "aborted", true)
  end)

  it("of an EventSource", function()
    local source = fixture.source("http://127.0.0.1:1/", { onopen = print, oncomment = print })
    local shown = "CLOSED CONNECTING OPEN oncomment onopen readyState url withCredentials"
    check(source, "EventSource", shown, true)
    source.onreconnect = print
    assert.equal(shown:gsub("onopen", "%0 onreconnect"), names(source))
    source:close()
    local reader = sse.EventSource.fromReader(function() end)
    check(reader, "EventSource", "CLOSED CONNECTING OPEN readyState url withCredentials", true)
    reader:close()
  end)

  it("of the classes", function()
    blames("field 'onopen' of sse.EventSource is not to be written",
      function() sse.EventSource.onopen = print end)
    blames("field 'onabort' of sse.AbortSignal is not to be written",
      function() sse.AbortSignal.onabort = print end)
  end)

  it("events carry the program's fields, whatever their names", function()
    local signal, seen = sse.AbortController().signal, {}
    local ev = sse.Event("tick", { stopped = true, detail = 7 })
    ev.mine = 1
    signal:addEventListener("tick", function(event)
      seen[#seen + 1] = event.detail
      event.stopped = "mine"
    end)
    signal:addEventListener("tick", function(event)
      seen[#seen + 1] = event.mine
      event:stopImmediatePropagation()
    end)
    signal:addEventListener("tick", function() seen[#seen + 1] = "never" end)
    signal:dispatchEvent(ev)
    assert.same({ 7, 1 }, seen)
    assert.equal("mine", ev.stopped)
    signal:dispatchEvent(ev) -- anew
    assert.equal(4, #seen)
  end)
end)
