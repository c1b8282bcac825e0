-- sse.workers: metrics of all workers in one answer, and which worker the logs are of.
local exposition = require "spec.support.exposition"
local masters = require "spec.support.masters"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("server:metrics in a worker", function()
  after_each(masters.stop)

  local APP = masters.APP:gsub("ready%(text", [[
    local news = sse.channel "news"
    if worker.id == 2 then sse.channel "of the second" end
    server:get("/publish", function(_, res)
      news:publish "x"
      res:reply(200, text)
    end)
    server:get("/piecewise", function(_, res) server:metrics { to = res } end)
    server:get("/alone", function(_, res)
      local text = server:metrics { channels = false }
      res:reply(200, text)
    end)
    server:get("/nowhere", function(_, res)
      core.defer(function() print("callback", pcall(server.metrics, server)) end)
      res:reply(200, "")
    end)
    %0]], 1)

  local function metrics(master, path)
    local values, families = exposition.read(sse.fetch(master:url(path or "/metrics")):text())
    return values, families
  end

  it("has the numbers of all, with a label, from whichever is asked", function()
    local master = masters.start { app = APP }
    master:workers(2)
    local asked = { 0, 0 }
    for _ = 1, 20 do
      local id = assert(master:ask())
      asked[id] = asked[id] + 1
    end
    for _ = 1, 4 do
      local values = metrics(master)
      for id = 1, 2 do
        local received = values[('sse_requests_received_total{worker=%d}'):format(id)]
        assert.is_true(received >= asked[id], ("%d: %s of %d"):format(id, received, asked[id]))
        assert.equal(1, values[("sse_worker_up{worker=%d}"):format(id)])
        assert.equal(1, values[("sse_worker_starts_total{worker=%d}"):format(id)])
        assert.equal(0, values[("sse_worker_crashes_total{worker=%d}"):format(id)])
        assert.equal(0, values[("sse_channel_followers{channel=news,worker=%d}"):format(id)])
        assert.equal(0, values[(
          "sse_connections_closed_total{reason=slow,worker=%d}"):format(id)])
      end
      assert.equal(0, values["sse_channel_followers{channel=of the second,worker=2}"])
      assert.is_nil(values["sse_channel_followers{channel=of the second,worker=1}"])
    end
  end)

  it("is sent piece by piece, and without the channels", function()
    local master = masters.start { app = APP }
    master:workers(2)
    local whole, pieces = metrics(master), metrics(master, "/piecewise")
    for name in pairs(whole) do assert.is_number(pieces[name], name) end
    local alone = metrics(master, "/alone")
    assert.is_number(alone["sse_streams_open{worker=1}"])
    assert.is_number(alone["sse_streams_open{worker=2}"])
    assert.is_nil(alone["sse_channel_followers{channel=news,worker=1}"])
  end)

  it("leaves out a worker that does not answer, and says so", function()
    local master = masters.start { app = APP }
    local workers = master:workers(2)
    local answered = assert(master:ask())
    local other = workers[1].id == answered and workers[2] or workers[1]
    -- A connection that the other one has not.
    local res = sse.fetch(master:url())
    while tonumber(res:text():match "^%d+") == other.id do
      require "sse.core".forget_connections()
      res = sse.fetch(master:url())
    end
    masters.signal(other.pid, "STOP")
    local values = metrics(master)
    masters.signal(other.pid, "CONT")
    assert.equal(0, values[("sse_worker_up{worker=%d}"):format(other.id)])
    assert.equal(1, values[("sse_worker_up{worker=%d}"):format(answered)])
    assert.is_number(values[("sse_streams_open{worker=%d}"):format(answered)])
    assert.is_nil(values[("sse_streams_open{worker=%d}"):format(other.id)])
    wait.till(function()
      return metrics(master)[("sse_worker_up{worker=%d}"):format(other.id)] == 1
    end, "the other's answer")
  end)

  it("has all of one that answers much, while others don't answer", function()
    local master = masters.start {
      master = [[
        io.stdout:setvbuf "line"
        print("over", require "sse".workers { count = 4, run = APP })
      ]],
      app = masters.APP:gsub("port = PORT", ""):gsub("ready%(text", [[
        rooms = {} -- which keeps them
        for i = 1, worker.id == 4 and 250 or 0 do rooms[i] = sse.channel("room " .. i) end
        assert(server:listen())
        print("port of " .. worker.id .. " is " .. server.port .. ".")
        %0]], 1),
    }
    local silent = {}
    for _, worker in ipairs(master:workers(4)) do
      if worker.id == 2 or worker.id == 3 then silent[#silent + 1] = worker.pid end
    end
    for _, pid in ipairs(silent) do masters.signal(pid, "STOP") end
    local port = master:output():match "port of 1 is (%d+)%."
    local values = exposition.read(sse.fetch(("http://127.0.0.1:%d/metrics"):format(port)):text())
    for _, pid in ipairs(silent) do masters.signal(pid, "CONT") end
    for id, up in ipairs { 1, 0, 0, 1 } do
      assert.equal(up, values[("sse_worker_up{worker=%d}"):format(id)])
    end
    assert.equal(0, values["sse_channel_gaps_total{channel=room 250,reason=slow,worker=4}"])
  end)

  it("counts how often each was started, and crashed", function()
    local master = masters.start { app = APP }
    local workers = master:workers(2)
    masters.signal(workers[1].pid, "KILL")
    master:workers(3)
    local id = workers[1].id
    local values = metrics(master)
    assert.equal(2, values[("sse_worker_starts_total{worker=%d}"):format(id)])
    assert.equal(1, values[("sse_worker_crashes_total{worker=%d}"):format(id)])
    assert.equal(0, values[("sse_worker_crashes_total{worker=%d}"):format(3 - id)])
  end)

  it("raises where nothing can wait", function()
    local master = masters.start { app = APP }
    master:workers(2)
    assert.equal(200, sse.fetch(master:url "/nowhere").status)
    master:till "callback\tfalse\t[^\n]*server:metrics: a callback can't wait"
  end)

  it("asks of several workers and many channels, by several at once", function()
    local master = masters.start { app = APP:gsub("local news", [[
      rooms = {} -- which keeps them
      for i = 1, 100 do rooms[i] = sse.channel("room " .. i) end
      local news]], 1), master = [[
        io.stdout:setvbuf "line"
        print("over", require "sse".workers { count = 4, listen = { port = PORT }, run = APP })
      ]] }
    master:workers(4)
    local tasks = {}
    for i, path in ipairs { "/metrics", "/piecewise" } do
      tasks[i] = sse.spawn(function()
        local values = metrics(master, path)
        local gaps = "sse_channel_gaps_total{channel=room 100,reason=slow,worker=%d}"
        for id = 1, 4 do
          assert.equal(1, values[("sse_worker_up{worker=%d}"):format(id)])
          assert.equal(0, values[gaps:format(id)])
        end
        return true
      end)
    end
    for _, task in ipairs(tasks) do assert.is_true(task:wait()) end
  end)
end)

describe("the logs of a worker", function()
  after_each(masters.stop)

  it("have its id", function()
    local master = masters.start { app = masters.APP:gsub("port = PORT", [[port = PORT,
      access_log = worker.id == 1 and "common" or "json",
      on_response = function(entry) print("entry of " .. entry.worker) end]])
      :gsub("server:get%(\"/exit\"", [[
        server:get("/wrong", function() error "in the handler" end)
        %0]], 1) }
    master:workers(2)
    master:ask_all(2)
    master:till '" 200 %d+ "%-" "%-" [%d.]+ %a+ %x+ 1\n'
    master:till '{"time":[^\n]*"user_agent":null,"worker":2}\n'
    master:till "entry of 1"
    master:till "entry of 2"
    assert.equal(500, sse.fetch(master:url "/wrong").status)
    master:till "lua%-sse: worker [12]: error in handler GET /wrong: [^\n]*in the handler"
  end)

  it("go to the master's hook where they are of workers' lives", function()
    local master = masters.start { options = [[log = function(level, message, details)
      print(("log %s|%s|%s|%s"):format(level, message, details.worker, details.pid ~= nil))
    end]] }
    local workers = master:workers(2)
    local id = workers[1].id
    master:till(("log info|worker %d starts|%d|true\n"):format(id, id))
    master:till(("log info|worker %d is ready|%d|true\n"):format(id, id))
    masters.signal(workers[1].pid, "KILL")
    local says = "log error|worker %d [^|]* was ended by SIGKILL; another one starts now|%d|"
    master:till(says:format(id, id))
    assert.is_nil(master:output():find "lua%-sse:")
  end)
end)
