-- A forked child has copies of the loop, the server and the client. Whatever it does to its copies,
-- the parent and its peers must notice nothing.
local child = require "spec.support.child"
local core = require "sse.core"
local process = require "spec.process"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

-- Runs fn in a forked child, which then ends by `ends`; returns the child's status.
local function fork(fn, ends)
  local id = process.fork()
  if id == 0 then
    local ok, message = pcall(fn)
    if not ok then io.stderr:write("in the child: ", tostring(message), "\n") end
    if ends then ends(ok) end
    process.exit(ok and 0 or 1)
  end
  return raw.pump(function() return process.ended(id) end, "the child's end")
end

local function nothing() end

serving.each("a forked child", function(transport)
  local made, streams, reasons, client, server, number = nil, nil, nil, nil, nil, 0

  -- A server with a stream that is followed and a route with a reply, and a client of both.
  before_each(function()
    streams, reasons = {}, {}
    number = number + 1
    made = sse.channel(("fork %s %d"):format(transport.name, number), {})
    server = serving.start(function(s)
      s:get("/", function(_, res)
        local stream = res:event_stream { compress = false }
        stream.on_close = function(reason) reasons[#reasons + 1] = reason end
        stream:follow(made)
        streams[#streams + 1] = stream
      end)
      s:get("/plain", function(_, res) res:reply(200, "fine") end)
    end)
    client = serving.listen "/"
    raw.pump(function() return made.followers == 1 end, "the follower")
    assert.equal("fine", serving.ask("GET /plain").body) -- keeps its connection
  end)

  after_each(function()
    client, server, streams = nil, nil, nil
    serving.stop()
    made:close()
  end)

  -- The parent's stream is open and receives what is published, and other requests are served.
  local function undisturbed()
    made:publish "after the fork"
    client:till "data: after the fork\n\n"
    assert.same({}, reasons)
    assert.equal("fine", serving.ask("GET /plain").body)
    local another = serving.listen "/"
    raw.pump(function() return made.followers == 2 end, "another follower")
    made:publish "to both"
    client:till "data: to both\n\n"
    another:till "data: to both\n\n"
    local fired
    local _timer <close> = core.after(1, function() fired = true end)
    raw.pump(function() return fired end, "a timer")
  end

  for name, act in pairs {
    ["ends at once"] = nothing,
    ["closes the server"] = function() server:close() end,
    ["closes the server and turns"] = function()
      server:close()
      for _ = 1, 20 do if not core.turn() then break end end
    end,
    ["closes a stream"] = function() streams[1]:close() end,
    ["publishes"] = function() made:publish "of the child" end,
    ["drains the server"] = function()
      server:shutdown { within = 10 }
    end,
    ["closes the channel"] = function()
      made:close()
      core.turn()
    end,
    ["gives the client's connections up"] = function()
      client:close()
      core.forget_connections()
    end,
    ["collects all"] = function()
      client, server, streams = nil, nil, nil
      wait.collect()
    end,
  } do
    it(("that %s does not touch the parent's connections"):format(name), function()
      assert.equal(0, fork(act))
      undisturbed()
    end)
  end

  it("that ends with its Lua state does not touch the parent's connections", function()
    local status = fork(nothing, function(ok)
      os.remove = function() end -- luacheck: ignore 122 (certificates go with the Lua state)
      os.exit(ok, true)
    end)
    assert.equal(0, status)
    undisturbed()
  end)

  it("finds its streams ended, and serves whom it accepts", function()
    local status = fork(function()
      wait.till(function() return #reasons == 1 end, "the stream's end in the child")
      assert(reasons[1] == "client", reasons[1])
      assert(made.followers == 0)
      serving.close()
      local own = sse.server { port = 0 }
      own:get("/", function(_, res) res:reply(200, "of the child") end)
      own:listen()
      local res = assert(sse.fetch(("http://127.0.0.1:%d/"):format(own.port)))
      assert(res:text() == "of the child")
    end)
    assert.equal(0, status)
    undisturbed()
  end)
end)

describe("a forked child", function()
  after_each(child.stop)

  it("has its own timers and signals", function()
    local fired = {}
    local _timer <close> = core.every(1, function() fired.timer = true end)
    local _signal <close> = sse.signal("SIGUSR1", function() fired.signal = true end)
    local status = fork(function()
      fired = {}
      os.execute("kill -USR1 $PPID")
      wait.till(function() return fired.timer and fired.signal end, "timer and signal")
    end)
    assert.equal(0, status)
    assert.is_nil(fired.signal)
    os.execute("kill -USR1 $PPID")
    wait.till(function() return fired.timer and fired.signal end, "timer and signal")
  end)

  it("that is forked in a handler and returns from it leaves the request to the parent", function()
    local text = [[
      local process = require "spec.process"
      local sse = require "sse"
      local server = sse.server { port = 0 }
      server:get("/", function(_, res)
        if process.fork() == 0 then server:close() return res:reply(200, "of the child") end
        res:reply(200, "of the parent")
      end)
      server:listen()
      io.write(server.port, "\n")
      io.flush()
      local signal
      signal = sse.signal("SIGTERM", function()
        server:close()
        signal:stop()
      end)
      sse.run()
      print "over"
    ]]
    local program = child.script(text)
    local port = program:till "^(%d+)\n"
    for _ = 1, 3 do
      local res = assert(sse.fetch(("http://127.0.0.1:%d/"):format(port)))
      assert.equal("of the parent", res:text())
    end
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)
end)
