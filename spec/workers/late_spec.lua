-- sse.workers: a master that is late itself, or that something would hold up.
local certs = require "spec.support.certs"
local masters = require "spec.support.masters"

describe("a master of workers", function()
  after_each(masters.stop)

  -- A master whose clock is `FILE` milliseconds ahead, and that prints each of its turns; OPTIONS
  -- are further ones.
  local function start(options, app)
    local file = certs.path "ahead"
    os.remove(file)
    local master = masters.start { options = options, app = app, master = ([[
      io.stdout:setvbuf "line"
      local core, sse = require "sse.core", require "sse"
      local now, wait = core.now, core.master_wait
      function core.now()
        local file <close> = io.open(%q)
        return now() + (file and file:read "n" or 0)
      end
      function core.master_wait(...)
        print "turn"
        return wait(...)
      end
      print("over", sse.workers { count = 2, listen = { port = PORT }, run = APP, OPTIONS })
    ]]):format(file) }

    -- Lets the master do what is due at a time; returns when it has.
    local function at(ms, signal)
      local out = assert(io.open(file .. ".new", "w"))
      out:write(ms)
      out:close()
      os.rename(file .. ".new", file)
      local _, turns = master:output():gsub("turn\n", "")
      master:kill(signal or "CHLD")
      master:till_lines("turn\n", turns + 1)
    end
    return master, at
  end

  local HOUR <const> = 3600 * 1000 -- no worker says within a quarter of it that it lives

  it("kills no worker that was stopped together with it", function()
    local master, at = start(("hang_timeout = %d"):format(HOUR))
    master:workers(2)
    at(HOUR + 60000)
    at(3 * HOUR) -- it comes an hour late
    assert.is_nil(master:output():find "hangs")
    at(4 * HOUR + 60000)
    master:till "hangs"
  end)

  it("that is told again and again to end does not wait for longer", function()
    local options = "stop_timeout = 3600 * 1000, log = function(_, message) print(message) end"
    local master, at = start(options, masters.APP:gsub("print%(\"up", [[
      local function hang()
        if not require("sse.server.worker").current.told then return sse.after(1, hang) end
        print(("hangs %%d"):format(core.process_id()))
        while true do end
      end
      sse.after(1, hang)
      %0]], 1))
    master:till_lines("is ready", 2)
    master:till_lines("hangs", 2)
    at(0, "INT")
    at(4000, "INT")
    at(6000)
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
