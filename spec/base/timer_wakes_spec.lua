local core = require "sse.core"
local sse = require "sse"

-- How often the process has waited so far; nil where the system doesn't tell.
local function count_waits()
  local file <close> = io.open "/proc/self/status"
  local count = file and file:read("a"):match "\nvoluntary_ctxt_switches:%s*(%d+)"
  return tonumber(count)
end

describe("timers", function()
  it("are never early", function()
    for _, ms in ipairs { 0, 0.5, 1, 2, 3, 5, 8 } do
      for _ = 1, 5 do
        local began = core.now()
        sse.sleep(ms)
        assert.is_true(core.now() - began >= ms, ("sleep(%s) was early"):format(ms))
      end
    end
  end)

  it("wake the process once", function()
    local before, sleeps = count_waits(), 50
    if not before then return pending "this system does not count waits" end
    for _ = 1, sleeps do sse.sleep(2) end
    local waits = count_waits() - before
    assert.is_true(waits < 1.5 * sleeps, ("%d waits for %d sleeps"):format(waits, sleeps))
  end)

  it("let an idle process wait", function()
    local before = count_waits()
    if not before then return pending "this system does not count waits" end
    local server = sse.server { port = 0, heartbeat = 15000 }
    assert(server:listen())
    local idle = sse.every(600000, function() end)
    sse.sleep(200)
    idle:stop()
    server:close()
    local waits = count_waits() - before
    assert.is_true(waits < 10, ("%d waits in 200 ms of nothing"):format(waits))
  end)
end)
