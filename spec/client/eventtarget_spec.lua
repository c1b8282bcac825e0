-- EventTarget by the DOM's rules: CONFORMANCE lines 39 and 40. No network.
local event_target = require "sse.shared.event_target"
local sse = require "sse"

local class = event_target.class {
  name = "Target", methods = {}, getters = { size = function() return 7 end },
  handlers = { onping = "ping", onmessage = "message" },
}

local function target()
  return event_target.new(class, {})
end

local function ping(init)
  return sse.Event("ping", init)
end

describe("an event target", function()
  local log
  before_each(function() log = {} end)

  local function say(text)
    return function() log[#log + 1] = text end
  end

  local function said()
    return table.concat(log, " ")
  end

  it("line 39: calls listeners in the order they were added", function()
    local t = target()
    for i = 1, 5 do t:addEventListener("ping", say(tostring(i))) end
    t:dispatchEvent(ping())
    assert.equal("1 2 3 4 5", said())
  end)

  it("line 39: adds the same listener once, and again after it was removed", function()
    local t, a = target(), say("a")
    t:addEventListener("ping", a)
    t:addEventListener("ping", say("b"))
    t:addEventListener("ping", a)
    t:dispatchEvent(ping())
    t:removeEventListener("ping", a)
    t:removeEventListener("ping", a)
    t:addEventListener("ping", a)
    t:dispatchEvent(ping())
    assert.equal("a b b a", said())
  end)

  it("line 39: the same listener under two types is two", function()
    local t, a = target(), say("a")
    t:addEventListener("ping", a)
    t:addEventListener("pong", a)
    t:removeEventListener("pong", a)
    t:dispatchEvent(ping())
    t:dispatchEvent(sse.Event("pong"))
    assert.equal("a", said())
  end)

  it("line 39: a handler's place is where it was first set; replacing keeps it, nil gives it up",
    function()
    local t = target()
    t:addEventListener("ping", say("1"))
    t.onping = say("old")
    t:addEventListener("ping", say("2"))
    local new = say("new")
    t.onping = new
    assert.equal(new, t.onping)
    t:dispatchEvent(ping())
    t.onping = nil
    assert.is_nil(t.onping)
    t.onping = nil
    t:dispatchEvent(ping())
    t.onping = say("late")
    t:dispatchEvent(ping())
    assert.equal("1 new 2 1 2 1 2 late", said())
  end)

  it("line 39: a handler is not a listener of the same function", function()
    local t, a = target(), say("a")
    t.onping = a
    t:addEventListener("ping", a)
    t:dispatchEvent(ping())
    t:removeEventListener("ping", a)
    t:dispatchEvent(ping())
    assert.equal("a a a", said())
  end)

  it("line 39: once, also for a listener that dispatches again", function()
    local t = target()
    t:addEventListener("ping", function()
      log[#log + 1] = "once"
      t:dispatchEvent(ping())
    end, { once = true })
    t:addEventListener("ping", say("more"))
    t:dispatchEvent(ping())
    assert.equal("once more more", said())
  end)

  it("line 39: a signal removes the listener; an aborted one adds none", function()
    local t, controller = target(), sse.AbortController()
    t:addEventListener("ping", say("a"), { signal = controller.signal })
    t:addEventListener("ping", function() controller:abort() end)
    t:addEventListener("ping", say("b"), { signal = controller.signal })
    t:dispatchEvent(ping())
    t:dispatchEvent(ping())
    t:addEventListener("ping", say("c"), { signal = controller.signal })
    t:dispatchEvent(ping())
    assert.equal("a", said())
  end)

  it("line 39: handleEvent is looked up at each call and gets its object", function()
    local t, object = target(), {}
    object.handleEvent = function(self, ev)
      assert.equal(object, self)
      log[#log + 1] = ev.type
      object.handleEvent = say("replaced")
    end
    t:addEventListener("ping", object)
    t:dispatchEvent(ping())
    t:dispatchEvent(ping())
    t:removeEventListener("ping", object)
    t:dispatchEvent(ping())
    assert.equal("ping replaced", said())
  end)

  it("line 39: a listener removed meanwhile is not called, one added meanwhile waits", function()
    local t, b = target(), say("b")
    t:addEventListener("ping", function()
      log[#log + 1] = "a"
      t:removeEventListener("ping", b)
      t:addEventListener("ping", say("c"), { once = true })
    end, { once = true })
    t:addEventListener("ping", b)
    t:dispatchEvent(ping())
    t:dispatchEvent(ping())
    assert.equal("a c", said())
  end)

  it("line 39: stopImmediatePropagation ends the row; an event can be dispatched again", function()
    local t = target()
    local stop = true
    t:addEventListener("ping", function(ev)
      log[#log + 1] = "a"
      if stop then ev:stopImmediatePropagation() end
    end)
    t:addEventListener("ping", say("b"))
    local ev = ping()
    t:dispatchEvent(ev)
    stop = false
    t:dispatchEvent(ev)
    assert.equal("a a b", said())
  end)

  it("gives an event its targets, and preventDefault's word", function()
    local t, seen = target(), nil
    t.onping = function(ev)
      seen = { ev.target, ev.currentTarget, ev.detail }
      ev:preventDefault()
    end
    local ev = ping { detail = 7 }
    assert.is_true(t:dispatchEvent(ev))
    assert.same({ t, t, 7 }, seen)
    assert.equal(t, ev.target)
    assert.is_nil(ev.currentTarget)
    assert.is_false(t:dispatchEvent(ping { cancelable = true }))
    t.onping = function() return false end
    assert.is_false(t:dispatchEvent(ping { cancelable = true }))
  end)

  it("refuses to dispatch an event within its own dispatch", function()
    local t, ok = target(), nil
    t.onping = function(ev) ok = pcall(t.dispatchEvent, t, ev) end
    t:dispatchEvent(ping())
    assert.is_false(ok)
  end)

  it("line 40: a listener that raises is reported by the loop; the others still run", function()
    local t = target()
    t:addEventListener("ping", function() error("broken listener") end)
    t:addEventListener("ping", { handleEvent = "no function" })
    t:addEventListener("ping", say("b"))
    t:dispatchEvent(ping())
    assert.equal("b", said())
    local ok, message = pcall(sse.run)
    assert.is_false(ok)
    assert.matches("broken listener", message)
    assert.matches("stack traceback", message)
    ok, message = pcall(sse.run)
    assert.is_false(ok)
    assert.matches("handleEvent", message)
    sse.run()
  end)

  it("line 40: an error of any type is kept as it is", function()
    local t, err = target(), { code = 7 }
    t.onping = function() error(err) end
    t:dispatchEvent(ping())
    local ok, raised = pcall(sse.run)
    assert.is_false(ok)
    assert.equal(err, raised)
  end)

  it("refuses what is no type, listener, event or field", function()
    local t = target()
    for _, wrong in ipairs {
      function() t:addEventListener(1, say("a")) end,
      function() t:addEventListener("ping", "text") end,
      function() t:removeEventListener() end,
      function() t:dispatchEvent("ping") end,
      function() t.onpong = say("a") end,
      function() t.onping = 7 end,
      function() t.size = 8 end,
      function() sse.Event(7) end,
    } do
      local ok, message = pcall(wrong)
      assert.is_false(ok)
      assert.matches("client/eventtarget_spec.lua", message)
    end
    t:addEventListener("ping", nil)
    assert.is_true(t:dispatchEvent(ping()))
    assert.equal(7, t.size)
  end)
end)
