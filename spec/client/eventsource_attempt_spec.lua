-- What an attempt sends: headers and body given as functions, and the last event id.
local fixture = require "spec.support.fixture"
local sse = require "sse"
local wait = require "spec.support.wait"

local open, record, script = fixture.source, fixture.record, fixture.script
local good, sends = fixture.good, fixture.sends
local CONNECTING, CLOSED = 0, 2

local LONG = ("x"):rep(8193)

-- Two events with the long id, then one with an id that can be sent, then one more.
local function long_ids()
  return script(sends("id: " .. LONG .. "\ndata: a\n\n"), sends("data: b\n\n"),
    sends("id: " .. LONG:sub(2) .. "\ndata: c\n\n"), good)
end

local function check_ids(server, ids, told)
  assert.same({ 8193, 8193, 8192, 8192 }, ids)
  local sent = {}
  for i = 1, 4 do sent[i] = server.requests[i].headers["last-event-id"] or "none" end
  assert.same({ "none", "none", "none", LONG:sub(2) }, sent)
  local why = {}
  for _, message in ipairs(told) do why[#why + 1] = message:match "longer than 8192 bytes" end
  assert.equal(1, #why)
end

describe("an attempt", function()
  after_each(fixture.finish)

  it("a function for headers or body that raises fails the source, told and reported", function()
    for _, name in ipairs { "headers", "body" } do
      local told
      local source = open("http://127.0.0.1:1/", { [name] = function() error("no token") end })
      source.onerror = function(ev) told = ev end
      assert.equal(CONNECTING, source.readyState)
      local ok, message = pcall(sse.run)
      assert.is_false(ok)
      assert.matches("no token", message)
      assert.matches("no token", source.failure.message)
      assert.equal(CLOSED, source.readyState)
      assert.same({ "EINVAL", source.failure, false }, { told.code, told.failure, told.willRetry })
    end
  end)

  it("what a function for the body gives beside the body is left out", function()
    local server = script(sends(""), good)
    record(open(server:url(), { body = function() return "the body", "more" end })).till("message")
    for i = 1, 2 do assert.equal("the body", server.requests[i].body) end
  end)

  it("sends no id that is too long: a source keeps the id and tells the log once", function()
    local server, ids, told = long_ids(), {}, {}
    local source = open(server:url(), {
      log = function(level, message) if level == "warn" then told[#told + 1] = message end end,
    })
    source.onmessage = function(ev) ids[#ids + 1] = #ev.lastEventId end
    wait.till(function() return #ids == 4 end, "four messages")
    check_ids(server, ids, told)
  end)

  it("sends no id that is too long: fetchEventSource does the same", function()
    local server, ids, told = long_ids(), {}, {}
    local handle = sse.fetchEventSource(server:url(), {
      log = function(level, message) if level == "warn" then told[#told + 1] = message end end,
      onmessage = function(ev) ids[#ids + 1] = #ev.lastEventId end,
      onclose = function() error("again", 0) end,
      onerror = function() return 1 end,
    })
    wait.till(function() return #ids == 4 end, "four messages")
    handle:close()
    check_ids(server, ids, told)
  end)
end)
