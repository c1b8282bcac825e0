-- AbortController and AbortSignal.
local core = require "sse.core"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("an AbortController", function()
  it("aborts its signal once, with a reason", function()
    local controller, heard = sse.AbortController(), {}
    local signal = controller.signal
    assert.is_false(signal.aborted)
    assert.is_nil(signal.reason)
    signal:throwIfAborted()
    signal.onabort = function(ev) heard[#heard + 1] = ev.type end
    signal:addEventListener("abort", function(ev) heard[#heard + 1] = ev.target == signal end)
    controller:abort("enough")
    controller:abort("again")
    assert.is_true(signal.aborted)
    assert.equal("enough", signal.reason)
    assert.same({ "abort", true }, heard)
    local ok, err = pcall(signal.throwIfAborted, signal)
    assert.is_false(ok)
    assert.equal("enough", err)
  end)

  it("gives an AbortError where no reason is given", function()
    local controller = sse.AbortController()
    controller:abort()
    assert.equal("AbortError", controller.signal.reason.name)
    assert.equal("EABORTED", controller.signal.reason.code)
    assert.equal("the operation was aborted", tostring(controller.signal.reason))
  end)

  it("takes a reason that can't be a text", function()
    local bad = setmetatable({}, { __tostring = function() error "no text" end })
    for _, reason in ipairs { bad, { message = bad } } do
      local _, message, code, why = sse.fetch("http://127.0.0.1:1/", {
        signal = sse.AbortSignal.abort(reason),
      })
      assert.same({ "an object whose __tostring raises", "EABORTED" }, { message, code })
      assert.equal(reason, why.reason)
    end
  end)

  it("has a signal that cannot be written to", function()
    local signal = sse.AbortController().signal
    assert.has_error(function() signal.aborted = true end)
    assert.has_error(function() signal.reason = 1 end)
  end)
end)

describe("AbortSignal", function()
  it("abort() is aborted already", function()
    local signal = sse.AbortSignal.abort("why")
    assert.is_true(signal.aborted)
    assert.equal("why", signal.reason)
  end)

  it("timeout() aborts after its time and keeps no loop running", function()
    local signal = sse.AbortSignal.timeout(5)
    sse.run() -- returns at once
    assert.is_false(signal.aborted)
    wait.till(function() return signal.aborted end, "the timeout")
    assert.equal("TimeoutError", signal.reason.name)
    assert.equal("ETIMEDOUT", signal.reason.code)
    assert.has_error(function() sse.AbortSignal.timeout("1") end)
    assert.has_error(function() sse.AbortSignal.timeout(-1) end)
  end)

  it("any() follows the first of several, and forgets the others", function()
    local a, b = sse.AbortController(), sse.AbortController()
    local signal, n = sse.AbortSignal.any { a.signal, b.signal }, 0
    signal.onabort = function() n = n + 1 end
    b:abort("b")
    a:abort("a")
    assert.equal("b", signal.reason)
    assert.equal(1, n)
    assert.equal("b", sse.AbortSignal.any { sse.AbortController().signal, b.signal }.reason)
    assert.is_false(sse.AbortSignal.any {}.aborted)
    assert.has_error(function() sse.AbortSignal.any { {} } end)
  end)

  it("any() of any() follows in order: first what was started, then the listeners", function()
    local root, heard = sse.AbortController(), {}
    local outer = sse.AbortSignal.any { sse.AbortSignal.any { root.signal }, root.signal }
    root.signal.onabort = function() heard[#heard + 1] = "root" end
    outer.onabort = function() heard[#heard + 1] = outer.reason end
    root:abort("why")
    assert.same({ "why", "root" }, heard)
  end)

  it("any() leaves nothing behind with what it follows, unless somebody hears it", function()
    local root, held, n = sse.AbortController(), setmetatable({}, { __mode = "v" }), 0
    local function count() n = n + 1 end
    for i = 1, 10 do
      local inner = sse.AbortSignal.any { root.signal, sse.AbortController().signal }
      held[i] = sse.AbortSignal.any { inner }
      if i > 8 then held[i]:addEventListener("abort", count) end
      if i == 10 then held[i]:removeEventListener("abort", count) end
      local source = sse.EventSource("http://127.0.0.1:1/", { signal = held[i] })
      source:close()
    end
    wait.till(function() -- what the sources have begun ends in the loop's next turns
      wait.collect()
      local first = next(held)
      return first and not next(held, first)
    end, "one that is left")
    assert.equal(9, (next(held)))
    root:abort()
    assert.equal(1, n)
    wait.collect()
    assert.is_nil(next(held))
  end)

  it("a listener that raises is reported, the others run", function()
    local controller, ran = sse.AbortController(), false
    controller.signal:addEventListener("abort", function() error("in abort") end)
    controller.signal:addEventListener("abort", function() ran = true end)
    controller:abort()
    assert.is_true(ran)
    local ok, message = pcall(core.run)
    assert.is_false(ok)
    assert.matches("in abort", message)
  end)

  it("a timeout whose signal nobody holds is harmless", function()
    sse.AbortSignal.timeout(1)
    collectgarbage()
    wait.past(5)
  end)
end)
