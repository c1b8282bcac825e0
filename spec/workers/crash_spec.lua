-- sse.workers: a worker that dies is replaced, and nobody is refused meanwhile.
local masters = require "spec.support.masters"
local raw = require "spec.support.raw"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("a worker that dies", function()
  after_each(masters.stop)

  for _, how in ipairs { "KILL", "USR1", "TERM" } do
    it("by SIG" .. how .. " is replaced by one with its id", function()
      local master = masters.start()
      local workers = master:workers(2)
      masters.signal(workers[1].pid, how)
      local new = master:workers(3)[3]
      assert.equal(workers[1].id, new.id)
      assert.same({ [workers[2].id] = workers[2].pid, [new.id] = new.pid }, master:ask_all(2))
      local what = how == "TERM" and "ended with status 0" or "was ended by SIG" .. how
      master:till(("lua%%-sse: worker %d %%(process %d%%) %s; another one starts now\n"):format(
        new.id, workers[1].pid, what))
    end)
  end

  it("loses no connection that waits for it", function()
    local master = masters.start()
    local workers = master:workers(2)
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "STOP") end
    local clients = {}
    for i = 1, 8 do
      clients[i] = raw.connect(master.port)
      clients[i]:send "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    end
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "KILL") end
    master:workers(4)
    for _, client in ipairs(clients) do
      assert.equal(200, client:response().status)
      client:close()
    end
  end)

  it("under load is missed by nobody: none is refused, and its followers come back", function()
    local master = masters.start()
    local living = {}
    for _, worker in ipairs(master:workers(2)) do living[worker.id] = worker.pid end
    local refused, asked, stop = {}, 0, false
    local sources, seen = {}, {}
    for i = 1, 6 do
      sources[i] = sse.EventSource(master:url "/stream", { reconnect = "resilient" })
      sources[i].onmessage = function(ev) seen[i] = tonumber(ev.data:match "%d+ (%d+)") end
    end
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = sse.spawn(function()
        while not stop do
          local id, message = master:ask()
          if not id and not message:find "^closed" then refused[#refused + 1] = message end
          asked = asked + 1
        end
      end)
    end
    for round = 1, 4 do
      local before = asked
      wait.till(function() return asked > before + 20 end, "requests")
      local id = round % 2 + 1
      masters.signal(living[id], "KILL")
      living[id] = master:workers(2 + round)[2 + round].pid
    end
    stop = true
    for _, task in ipairs(tasks) do task:wait() end
    assert.same({}, refused)
    assert.same(living, master:ask_all(2))
    wait.till(function()
      for i = 1, 6 do
        if seen[i] ~= living[1] and seen[i] ~= living[2] then return false end
      end
      return true
    end, "all followers")
    for _, source in ipairs(sources) do source:close() end
  end)

  it("again and again is replaced after a pause that grows", function()
    local app = masters.APP:gsub("assert%(server:run.*$", [[
      if worker.id == 2 then sse.after(0, function() error "broken" end) end
      assert(server:run { within = 0 })
    ]])
    local master = masters.start { options = "max_pause = 400", clock = true, app = app }
    master:till "worker 2 [^\n]* starts now\n"
    local at = 0
    for i, least in ipairs { 100, 200, 400, 400 } do
      master:till_lines("starts in", i)
      local pause = tonumber(master:output():match ".*worker 2 [^\n]* starts in (%d+) ms\n")
      assert.is_true(pause >= least and pause <= least * 1.2, pause)
      at = at + pause
      master:at(at)
    end
    assert.truthy(master:output():find "lua%-sse: worker 2: [^\n]*broken\nstack traceback:")
    assert.is_nil(master:output():find "worker 1 [^\n]*starts")
  end)

  it("and was healthy for long is replaced without a pause each time", function()
    local master = masters.start { options = "max_pause = 0" }
    local workers = master:workers(2)
    for i = 3, 6 do
      masters.signal(workers[i - 1].pid, "KILL")
      workers = master:workers(i)
    end
    local _, now = master:output():gsub("starts now", "")
    assert.equal(4, now)
  end)

  it("and can't start again is tried again, while the other serves", function()
    local master = masters.start { options = "max_pause = 100" }
    local workers = master:workers(2)
    local flag = master.app .. ".broken"
    master:write "error 'never read: the master keeps what it has loaded'"
    masters.signal(workers[1].pid, "KILL")
    master:workers(3) -- it runs what the master has loaded
    master:kill "TERM"
    assert.equal(0, master:wait())
    os.remove(flag)
  end)

  it("as soon as all are ready was no failed start", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local core, sse = require "sse.core", require "sse"
      local wait = core.master_wait
      local function is_dead() return io.open(APP .. ".dead") end
      -- Is late once: it takes the signals, and has not looked what the workers said before.
      function core.master_wait(ms, fds)
        if #fds < 2 or is_dead() then return wait(ms, fds) end
        while not is_dead() do os.execute "sleep 0.01" end
        core.master_wait = wait
        return wait(0, {}), {}
      end
      print("over", sse.workers { count = 2, listen = { port = PORT }, run = APP })
    ]], app = masters.APP:gsub("ready%(text",
      'if io.open(APP .. ".broken") then error "not now" end %0', 1) }
    local workers = master:workers(2)
    io.open(master.app .. ".broken", "w"):close()
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "KILL") end
    for _, worker in ipairs(workers) do masters.till_dead(worker.pid) end
    io.open(master.app .. ".dead", "w"):close()
    master:till "can't start: [^\n]*not now.*can't start: [^\n]*not now"
    os.remove(master.app .. ".broken")
    master:workers(4)
    master:ask_all(2)
  end)

  it("leaves its sockets to another one until it is back", function()
    local master = masters.start {
      master = [[
        io.stdout:setvbuf "line"
        print("over", require "sse".workers { count = 3, listen = { port = PORT }, run = APP })
      ]],
      app = masters.APP:gsub("ready%(text",
        'if worker.id < 3 and io.open(APP .. ".broken") then error "not now" end %0', 1),
    }
    local pids = {}
    for _, worker in ipairs(master:workers(3)) do pids[worker.id] = worker.pid end
    local flag = master.app .. ".broken"
    io.open(flag, "w"):close()
    for id = 1, 2 do -- the second may have the sockets of the first by then
      masters.signal(pids[id], "KILL")
      master:till(("worker %d can't start"):format(id))
      for _ = 1, 20 do assert.is_true(master:ask() > id) end
    end
    os.remove(flag)
    master:workers(5)
    master:ask_all(3)
  end)

  it("leaves its sockets to one that comes back before it", function()
    local master = masters.start { app = masters.APP:gsub("ready%(text", [[
      local flag = APP .. ".slow" .. worker.id
      if io.open(flag) then
        print("slow " .. worker.id)
        sse.run(function() while io.open(flag) do sse.sleep(5) end end)
      end
      %0]], 1) }
    local workers = master:workers(2)
    local function flag(id) return master.app .. ".slow" .. id end
    for id = 1, 2 do io.open(flag(id), "w"):close() end
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "KILL") end
    master:till_lines("slow", 2)
    os.remove(flag(2))
    master:workers(3)
    for _ = 1, 20 do assert.equal(2, master:ask()) end
    assert.is_nil(master:output():find "can't start") -- they did not wait for that
    os.remove(flag(1))
    master:workers(4)
    master:ask_all(2)
  end)

  it("before it listens again is tried again, while the other serves", function()
    local master = masters.start { options = "max_pause = 100", app = masters.APP:gsub(
      "ready%(text", 'if io.open(APP .. ".broken") then error "not now" end %0', 1) }
    local workers = master:workers(2)
    local flag = master.app .. ".broken"
    io.open(flag, "w"):close()
    masters.signal(workers[1].pid, "KILL")
    local id = workers[1].id
    master:till(("worker %d can't start: [^\n]*not now"):format(id))
    master:till(("worker %d can't start: .*worker %d can't start: "):format(id, id))
    os.remove(flag)
    master:workers(3)
    master:ask_all(2)
  end)

  it("because it hangs, when its master is to notice that", function()
    local master = masters.start {
      options = "hang_timeout = 1000", clock = true,
      app = masters.APP:gsub('server:get%("/exit"', [[
        local here, turns = require "sse.server.worker", 0
        sse.every(5, function()
          local now = here.current.numbers:get(here.number(worker.id, "turns"))
          if now > turns then print(("worker %%d turns"):format(worker.id)) end
          turns = now
        end)
        server:get("/hang", function()
          print(("worker %%d hangs now"):format(worker.id))
          while true do end
        end)
        %0]], 1),
    }
    local workers = master:workers(2)
    local client = raw.connect(master.port)
    client:send "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n"
    local id = math.tointeger(tonumber(master:till "worker (%d) hangs now"))
    master:at(1) -- by then it knows that both are ready
    master:at(1001) -- it looks at them for the first time
    local turns = ("worker %d turns\n"):format(3 - id)
    local _, before = master:output():gsub(turns, "")
    master:till_lines(turns, before + 2) -- the first may be of a turn that it has seen
    master:at(2001)
    local pid = workers[1].id == id and workers[1].pid or workers[2].pid
    local says = "worker %d %%(process %d%%) hangs: its loop has not turned for 1000 ms"
    master:till(says:format(id, pid))
    master:workers(3)
    client:receive_all()
    client:close()
    master:ask_all(2)
    assert.is_nil(master:output():find("worker " .. 3 - id .. " %(process"))
  end)

  it("and never listens again is killed when its time is over", function()
    local master = masters.start {
      options = "start_timeout = 300", clock = true, app = masters.APP:gsub("ready%(text", [[
        if io.open(APP .. ".broken") then
          print "is broken"
          while true do end
        end
        %0]], 1),
    }
    local workers = master:workers(2)
    local flag = master.app .. ".broken"
    io.open(flag, "w"):close()
    masters.signal(workers[1].pid, "KILL")
    master:till "is broken"
    os.remove(flag)
    master:at(1) -- by then it has noted when it started that
    master:at(301)
    master:till "can't start: it did not listen on all addresses within 300 ms"
    master:at(1000) -- the next one starts after a pause
    master:workers(3)
  end)
end)
