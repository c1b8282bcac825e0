-- sse.workers: a master that is late itself, or that something would hold up.
local certs = require "spec.support.certs"
local masters = require "spec.support.masters"

describe("a master of workers", function()
  after_each(masters.stop)

  local HOUR <const> = 3600 * 1000 -- no worker says within a quarter of it that it lives

  it("kills no worker that was stopped together with it", function()
    local master = masters.start { options = ("hang_timeout = %d"):format(HOUR), clock = true }
    master:workers(2)
    master:at(1) -- by then it knows that they are ready
    master:at(HOUR + 60000)
    master:at(3 * HOUR) -- it comes an hour late
    assert.is_nil(master:output():find "hangs")
    master:at(4 * HOUR + 60000)
    master:till "hangs"
  end)

  it("that is told again and again to end does not wait for longer", function()
    local options = "stop_timeout = 3600 * 1000, log = function(_, message) print(message) end"
    local master = masters.start { options = options, clock = true, app = masters.APP:gsub(
      "ready%(text", [[
      local function hang()
        if not require("sse.server.worker").current.told then return sse.after(1, hang) end
        print(("hangs %%d"):format(core.process_id()))
        while true do end
      end
      sse.after(1, hang)
      %0]], 1) }
    master:till_lines("is ready", 2)
    master:till_lines("hangs", 2)
    master:at(1, "INT")
    master:at(2) -- by then it has got that
    master:at(4000, "INT")
    master:at(4001)
    master:at(5002)
    master:till "over\ttrue"
    assert.equal(0, master:wait())
  end)

  it("is not held up by a standard error that nobody reads", function()
    local path = certs.path "full.fifo"
    local master = masters.start { master = ([[
      io.stdout:setvbuf "line"
      local core, sse = require "sse.core", require "sse"
      os.execute "mkfifo %s"
      reader = io.open(%q, "r+")
      core.close_descriptor(2)
      full = io.open(%q, "w") -- the lowest number is free: it is standard error now
      full:setvbuf "no"
      full:write(("x"):rep(65536))
      print("over", sse.workers { count = 2, listen = { port = PORT }, run = APP })
    ]]):format(path, path, path) }
    local workers = master:workers(2)
    masters.signal(workers[1].pid, "KILL")
    master:workers(3)
    master:kill "TERM"
    assert.equal(0, master:wait())
    assert.truthy(master:output():find "over\ttrue")
    os.remove(path)
  end)
end)
