-- sse.workers: what can't start ends the master with its error.
local child = require "spec.support.child"
local masters = require "spec.support.masters"
local socket = require "socket"

describe("workers that can't start", function()
  after_each(masters.stop)

  -- What the master returns for a program of the workers.
  local function result(text, options)
    local master = masters.start { app = text, options = options }
    assert.equal(0, master:wait(), master:output())
    return master:output()
  end

  it("because the file can't be read, or is no Lua", function()
    local output = result("local = 1")
    local says = "over\tnil\tsse.workers: [^\n]*:1: [^\n]*%[docs/errors.md#estart%]\tESTART\n$"
    assert.truthy(output:find(says), output)
    local program = child.script [[
      print(require "sse".workers { run = "nowhere/app.lua" })
    ]]
    assert.equal(0, program:wait())
    assert.truthy(program:output():find
      "nil\tsse.workers: cannot open nowhere/app.lua[^\n]*\tESTART\n$")
  end)

  for what, case in pairs {
    ["raises before it listens"] = {
      [[error "no configuration"]],
      "worker %d can't start: [^\n]*app[^\n]*:1: no configuration\nstack traceback:",
    },
    ["raises nil"] = { "error()", "worker %d can't start: [^\n]*nil[^\n]* %[docs" },
    ["raises an object"] = {
      [[error(setmetatable({}, { __tostring = function() return "an object" end }))]],
      "worker %d can't start: an object %[docs",
    },
    ["ends"] = {
      [[print "fine"]], "worker %d can't start: the program ended before it listened on "
        .. "127.0.0.1:%d+ %(server:listen, server:run%) %[docs",
    },
    ["exits"] = { "os.exit(3)", "worker %d ended with status 3 %[docs" },
    ["is killed"] = {
      [[local core = require "sse.core" core.kill(core.process_id(), "SIGKILL")]],
      "worker %d was ended by SIGKILL %[docs",
    },
    ["listens elsewhere alone"] = {
      [[require "sse".server {}:run()]],
      "can't start: it did not listen on all addresses within 200 ms %[docs",
      "start_timeout = 200",
    },
    ["never runs its loop"] = {
      [[assert(require "sse".server { port = PORT }:listen())]],
      "worker %d can't start: the program ended before its loop ran %(server:run, sse.run%)",
    },
    ["finds its own address in use"] = {
      [[assert(require "sse".server { host = "0.0.0.0", port = PORT }:run())]],
      "worker %d can't start: [^\n]*address 0.0.0.0:%d+ is already in use",
    },
  } do
    it("because the program " .. what, function()
      local output = result(case[1], case[3])
      assert.truthy(output:find("over\tnil\tsse.workers: "), output)
      assert.truthy(output:find(case[2]), output)
      assert.is_nil(output:find "another one starts")
    end)
  end

  it("because they lack what a worker needs, and never go on in the master's program", function()
    local master = masters.start { master = [[
      io.stdout:setvbuf "line"
      local core, sse = require "sse.core", require "sse"
      core.watch_descriptor = function() error "no descriptor is left" end
      print("over", pcall(sse.workers, { count = 2, listen = { port = PORT }, run = APP }))
    ]] }
    assert.equal(0, master:wait())
    local output = master:output()
    assert.truthy(output:find("over\ttrue\tnil\tsse.workers: worker %d can't start: [^\n]*no desc"),
      output)
    assert.equal(1, select(2, output:gsub("over", "")))
  end)

  it("because one of them alone fails, which ends the others", function()
    local output = result((masters.APP:gsub("ready%(text",
      "if worker.id == 2 then sse.sleep(20) error 'the second' end %0", 1)))
    assert.truthy(output:find "over\tnil\tsse.workers: worker 2 can't start: [^\n]*the second")
    for pid in output:gmatch "up 1 (%d+)" do assert.is_false(masters.lives(pid)) end
  end)

  it("because an address is in use, also by one that would share it", function()
    local other = assert(socket.tcp4())
    assert(other:setoption("reuseaddr", true))
    assert(other:setoption("reuseport", true))
    assert(other:bind("127.0.0.1", 0))
    assert(other:listen())
    local port = math.tointeger(tonumber((select(2, other:getsockname()))))
    local program = child.script(([[
      local sse = require "sse"
      print(sse.workers { count = 2, listen = { { port = 0 }, { port = %d } }, run = print })
    ]]):format(port))
    assert.equal(0, program:wait())
    local message = ("nil\taddress 127.0.0.1:%d is already in use; choose another port "
      .. "[docs/errors.md#eaddrinuse]\tEADDRINUSE\n"):format(port)
    assert.equal(message, program:output())
    other:close()
  end)

  it("shares an address with others where port_reuse says so", function()
    local one = masters.start { master = [[
      io.stdout:setvbuf "line"
      print(require "sse".workers { count = 2, run = APP,
        listen = { port = PORT, port_reuse = true } })
    ]] }
    one:workers(2)
    local two = child.script(([[
      io.stdout:setvbuf "line"
      print(require "sse".workers { count = 2, run = function() require "sse".server {
        port = %d }:run { within = 0 } end, listen = { port = %d, port_reuse = true },
        log = function(_, message) print(message) end })
    ]]):format(one.port, one.port))
    two:till "worker [12] is ready\n.*worker [12] is ready\n"
    two:kill "TERM"
    assert.equal(0, two:wait())
    one:ask_all(2)
  end)

  it("because a host or a path is wrong", function()
    for text, says in pairs {
      ["{ host = '192.0.2.1', port = 0 }"] = "cannot listen on 192.0.2.1:0: this machine has no "
        .. "such address [docs/errors.md#eaddrnotavail]\tEADDRNOTAVAIL",
      ["{ unix = '/nowhere/x.sock' }"] = "cannot listen on the Unix socket '/nowhere/x.sock': No "
        .. "such file or directory\tESYS",
      ["{ systemd = true }"] = "systemd has passed no socket to this process (LISTEN_FDS) "
        .. "[docs/errors.md#enotfound]\tENOTFOUND",
    } do
      local program = child.script(([[
        print(require "sse".workers { count = 2, listen = %s, run = print })
      ]]):format(text))
      assert.equal(0, program:wait())
      assert.equal("nil\t" .. says .. "\n", program:output())
    end
  end)
end)
