-- sse.workers: how workers and their master end.
local certs = require "spec.support.certs"
local masters = require "spec.support.masters"
local raw = require "spec.support.raw"
local sse = require "sse"
local wait = require "spec.support.wait"

describe("the end of workers", function()
  after_each(masters.stop)

  -- A client whose stream has begun, and what it received.
  local function follow(master)
    local client = raw.connect(master.port)
    client:send "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
    return client, client:receive_until "data: [^\n]*\n"
  end

  -- As above, of each of two workers.
  local function follow_both(master)
    local clients = {}
    wait.till(function()
      local client, text = follow(master)
      local id = tonumber(text:match "data: (%d+)")
      if clients[id] then client:close() else clients[id] = client end
      return clients[1] and clients[2]
    end, "a stream of each worker")
    return clients
  end

  -- Whether a connection is refused.
  local function is_refused(master)
    local ok, client = pcall(raw.connect, master.port)
    if ok then client:close() end
    return not ok
  end

  it("of all by one SIGTERM to their group is no crash", function()
    local master = masters.start()
    local workers = master:workers(2)
    master:kill "STOP" -- so that the end of the workers comes to it together with the signal
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "TERM") end
    for _, worker in ipairs(workers) do masters.till_dead(worker.pid) end
    master:kill "TERM"
    master:kill "CONT"
    assert.equal(0, master:wait())
    assert.is_nil(master:output():find "another one starts", master:output())
  end)

  it("is in peace by SIGTERM: streams end with a time to come back", function()
    local master = masters.start()
    master:workers(2)
    local clients = follow_both(master)
    master:kill "TERM"
    for _, client in pairs(clients) do
      assert.truthy(client:receive_all():find "retry: %d+\n\n\r\n0\r\n\r\n$")
      client:close()
    end
    assert.equal(0, master:wait())
    assert.truthy(master:output():find "down.*down.*over\ttrue\tnil\tnil\n$")
    assert.is_true(is_refused(master))
  end)

  -- Workers whose streams would stay open for an hour.
  local SLOW = masters.APP:gsub("within = 0, grace = 1000",
    "within = 3600 * 1000, grace = 3600 * 1000")

  it("refuses newcomers while the last ones are served", function()
    local master = masters.start { app = SLOW }
    master:workers(2)
    local clients = follow_both(master)
    master:kill "TERM"
    wait.till(function() return is_refused(master) end, "a refused connection")
    assert.is_nil(master:status())
    for _, client in pairs(clients) do client:close() end
    assert.equal(0, master:wait())
  end)

  for _, names in ipairs { { "TERM", "TERM" }, { "TERM", "INT" }, { "INT" } } do
    it("is at once by SIG" .. table.concat(names, " and SIG"), function()
      local master = masters.start { app = SLOW }
      master:workers(2)
      local clients = follow_both(master)
      master:kill(names[1])
      if names[2] then
        wait.till(function() return is_refused(master) end, "a refused connection")
        master:kill(names[2])
      end
      for _, client in pairs(clients) do
        client:receive_all()
        client:close()
      end
      assert.equal(0, master:wait())
      assert.truthy(master:output():find "down.*down.*over\ttrue\tnil\tnil\n$")
    end)
  end

  it("is at once, too, for workers without servers", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      print("over", require "sse".workers { count = 2, run = APP })
    ]], app = [[
      local worker, core, sse = ..., require "sse.core", require "sse"
      sse.every(1000, function() end)
      require "spec.support.ready"(("%d %d 1"):format(worker.id, core.process_id()))
      sse.run()
    ]] }
    master:workers(2)
    master:kill "INT"
    assert.equal(0, master:wait())
    assert.truthy(master:output():find "over\ttrue")
    assert.is_nil(master:output():find "in time")
  end)

  it("is in peace, too, where workers get the signal from others as well", function()
    local master = masters.start { app = SLOW }
    local workers = master:workers(2)
    local clients = follow_both(master)
    master:kill "TERM"
    wait.till(function() return is_refused(master) end, "a refused connection")
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "TERM") end
    for _, worker in ipairs(workers) do masters.signal(worker.pid, "INT") end
    local late = raw.connect -- nothing is accepted, and the streams stay
    assert.is_false((pcall(late, master.port)))
    for _, client in pairs(clients) do
      client:take()
      assert.is_nil(client.eof, client.buffer .. master:output())
      client:close()
    end
    assert.equal(0, master:wait())
  end)

  it("is in peace in the first process of a container, which others leave children to", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local core, sse = require "sse.core", require "sse"
      process_id, core.process_id = core.process_id, function() return 1 end
      os.execute "true & true & true &"
      print("over", sse.workers { count = 2, listen = { port = PORT }, run = APP })
    ]], app = masters.APP:gsub("core.process_id%(%)", "process_id()") }
    local workers = master:workers(2)
    masters.signal(workers[1].pid, "KILL")
    master:workers(3)
    master:ask_all(2)
    master:kill "TERM"
    assert.equal(0, master:wait())
    assert.truthy(master:output():find "over\ttrue")
  end)

  it("kills a worker that does not end in time", function()
    local master = masters.start { options = "stop_timeout = 50", app = SLOW:gsub("%(0%)", "") }
    local workers = master:workers(2)
    local clients = follow_both(master)
    master:kill "TERM"
    assert.equal(0, master:wait())
    for _, client in pairs(clients) do client:close() end
    for _, worker in ipairs(workers) do
      local said = ("lua-sse: worker %d (process %d) did not end in time and is killed"):format(
        worker.id, worker.pid)
      assert.truthy(master:output():find(said, 1, true))
    end
  end)


  it("lets workers end in peace when their master dies", function()
    local master = masters.start()
    local workers = master:workers(2)
    local clients = follow_both(master)
    master:kill "KILL"
    for _, client in pairs(clients) do
      assert.truthy(client:receive_all():find "retry: %d+\n\n\r\n0\r\n\r\n$")
      client:close()
    end
    for _, worker in ipairs(workers) do masters.till_dead(worker.pid) end
    master:till_lines("down", 2)
    assert.is_true(is_refused(master))
  end)

  it("removes the file of a Unix socket, and leaves it to no worker", function()
    local path = certs.path "end.sock"
    local text = masters.APP:gsub("port = PORT", "port = PORT"):gsub("ready%(text",
      ("assert(server:listen()) assert(server:listen { unix = %q }) %%0"):format(path), 1)
    local master = masters.start { app = text, master = ([[
      io.stdout:setvbuf "line"
      local sse = require "sse"
      print("over", sse.workers { count = 2, listen = { PORT, { unix = %q } }, run = APP })
    ]]):format(path) }
    local workers = master:workers(2)
    masters.signal(workers[1].pid, "KILL")
    master:workers(3)
    assert.truthy(sse.fetch("http://localhost/", { unixSocket = path }):text())
    master:kill "TERM"
    assert.equal(0, master:wait())
    assert.is_nil((io.open(path)))
  end)
end)
