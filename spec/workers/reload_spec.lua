-- sse.workers and SIGHUP: the workers are replaced one by one, with the program as it is then.
local masters = require "spec.support.masters"
local raw = require "spec.support.raw"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("SIGHUP", function()
  after_each(masters.stop)

  local function app(version) return (masters.APP:gsub("VERSION = 1", "VERSION = " .. version)) end

  -- The versions that answer, until all do in one.
  local function till_version(master, version)
    wait.till(function()
      local seen = {}
      for _ = 1, 20 do
        local _, _, answered = master:ask()
        seen[answered or 0] = true
      end
      return seen[version] and not next(seen, version) and next(seen) == version
    end, "version " .. version)
  end

  it("runs the new program in all workers", function()
    local master = masters.start()
    local old = master:workers(2)
    master:write(app(2))
    assert.equal(1, (select(3, master:ask()))) -- not before the signal
    master:kill "HUP"
    local all, versions = master:workers(4), {}
    for i = 3, 4 do versions[all[i].id] = all[i].version end
    assert.same({ 2, 2 }, versions)
    for _, worker in ipairs(old) do masters.till_dead(worker.pid) end
    till_version(master, 2)
  end)

  it("waits with an old worker until the new one is ready", function()
    local master = masters.start()
    local old = master:workers(2)
    local flag = master.app .. ".go"
    master:write(app(2):gsub("local server", [[
      print "waits"
      sse.run(function() while not io.open(APP .. ".go") do sse.sleep(5) end end)
      local server]], 1))
    master:kill "HUP"
    master:till "waits"
    assert.is_true(masters.lives(old[1].pid))
    assert.same({ old[1].pid, old[2].pid }, {
      master:ask_all(2)[old[1].id], master:ask_all(2)[old[2].id],
    })
    io.open(flag, "w"):close()
    master:workers(4)
    till_version(master, 2)
    os.remove(flag)
  end)

  it("under load, ten times, is noticed by nobody, and new code runs", function()
    local master = masters.start()
    master:workers(2)
    local failed, asked, stop, tasks, last = {}, 0, false, {}, {}
    for i = 1, 6 do
      tasks[i] = sse.spawn(function()
        while not stop do
          local id, message, version = master:ask()
          if not id then failed[#failed + 1] = message end
          last[i] = version
          asked = asked + 1
        end
      end)
    end
    for version = 2, 11 do
      master:write(app(version))
      master:kill "HUP"
      master:workers(2 * version)
      local before = asked
      wait.till(function() return asked > before + 30 end, "requests")
    end
    till_version(master, 11)
    stop = true
    for _, task in ipairs(tasks) do task:wait() end
    assert.same({}, failed)
    assert.same({ 11, 11, 11, 11, 11, 11 }, last)
  end)

  it("ends streams with a time to come back, and their clients do", function()
    local master = masters.start()
    master:workers(2)
    local source <close> = sse.EventSource(master:url "/stream")
    local versions = {}
    source.onmessage = function(ev) versions[#versions + 1] = ev.data:match "%d+$" end
    wait.till(function() return versions[1] end, "an event")
    master:write(app(2))
    master:kill "HUP"
    wait.till(function() return versions[#versions] == "2" end, "an event of the new program")
    assert.equal("1", versions[1])
  end)

  it("again, while workers are replaced, replaces them once more", function()
    local master = masters.start()
    master:workers(2)
    master:write(app(2):gsub("local server", 'print "begins" %0', 1))
    master:kill "HUP"
    master:till "begins"
    master:write(app(3))
    master:kill "HUP"
    till_version(master, 3)
    master:workers(6)
  end)

  for what, text in pairs {
    ["can't be read"] = false,
    ["has a syntax error"] = "local = 1",
    ["raises"] = 'error "not like this"',
    ["ends"] = "",
    ["exits"] = "os.exit(7)",
    ["listens elsewhere"] = 'print "elsewhere" require "sse".server {}:run()',
  } do
    it("keeps the workers where the new program " .. what, function()
      local master = masters.start { options = "start_timeout = 500", clock = true }
      local old = master:workers(2)
      if text then master:write(text) else os.remove(master.app) end
      master:kill "HUP"
      if what == "listens elsewhere" then
        master:till "elsewhere"
        master:at(1) -- by then it has noted when it started that
        master:at(501)
      end
      master:till "lua%-sse: [^\n]*%S[^%z]*; the [%w]+ stay\n"
      assert.same({ old[1].pid, old[2].pid }, {
        master:ask_all(2)[old[1].id], master:ask_all(2)[old[2].id],
      })
      local said = {
        ["can't be read"] = "the new program can't be loaded: cannot open",
        ["has a syntax error"] = "the new program can't be loaded: [^\n]*:1: ",
        ["raises"] = "worker 1's new process can't start: [^\n]*:1: not like this",
        ["ends"] = "can't start: the program ended before it listened on 127.0.0.1:%d+",
        ["exits"] = "worker 1's new process ended with status 7; the others stay",
        ["listens elsewhere"] = "it did not listen on all addresses within 500 ms",
      }
      assert.truthy(master:output():find(said[what]), master:output())
      master:write(app(2))
      master:kill "HUP"
      till_version(master, 2)
    end)
  end

  it("runs a function again", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      print("over", sse.workers { count = 2, listen = { port = PORT }, run = function(worker)
        return dofile(APP, worker)
      end })
    ]], app = "local worker = { id = 1 }" .. masters.APP:gsub("local worker = ...", "", 1) }
    master:workers(2)
    master:write("local worker = { id = 1 }" .. app(2):gsub("local worker = ...", "", 1))
    master:kill "HUP"
    master:workers(4)
    till_version(master, 2)
  end)

  it("is done after the start, if it comes during that", function()
    local master = masters.start { app = masters.APP:gsub("local server", [[
      print "begins"
      sse.run(function() while not io.open(APP .. ".go") do sse.sleep(5) end end)
      local server]], 1) }
    master:till "begins\n.*begins\n"
    master:write(app(2))
    master:kill "HUP"
    io.open(master.app .. ".go", "w"):close()
    master:workers(4)
    till_version(master, 2)
    os.remove(master.app .. ".go")
  end)

  it("lets a request that an old worker has begun be finished", function()
    local master = masters.start { app = masters.APP:gsub("server:get%(\"/exit\"", [[
      server:get("/slow", function(_, res)
        res:write "begun"
        while not io.open(APP .. ".go") do sse.sleep(5) end
        res:write " and done"
      end)
      %0]], 1):gsub("within = 0", "within = 5000") }
    master:workers(2)
    local client = raw.connect(master.port)
    client:send "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    client:receive_until "begun"
    master:write(app(2))
    master:kill "HUP"
    master:workers(4)
    io.open(master.app .. ".go", "w"):close()
    assert.truthy(client:receive_all():find " and done\r\n0\r\n\r\n$")
    client:close()
    os.remove(master.app .. ".go")
  end)
end)
