-- sse.workers: options and states in which workers can't be.
local child = require "spec.support.child"
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local objects = require "spec.support.objects"
local interface = require "spec.support.interface"
local sse = require "sse"

local blames = misuse.blames

describe("sse.workers", function()
  after_each(child.stop)

  it("names options that are wrong", function()
    local function refuses(message, options)
      blames(message, function() sse.workers(options) end)
    end
    refuses("sse.workers: expected a table of options, got number 4 (give it as 'count')", 4)
    refuses("sse.workers: option 'run' is missing: it is the path of a Lua file, or a "
      .. "function(worker) [docs/errors.md#options]", { count = 2 })
    refuses("option 'run' must be the path of a Lua file, or a function(worker), got table",
      { run = {} })
    refuses("option 'count' must be a whole number from 1 to 1024, got number 0",
      { run = print, count = 0 })
    refuses("unknown option 'workers' (did you mean 'count'?)", { run = print, workers = 2 })
    refuses("unknown option 'port' (it is part of 'listen')", { run = print, port = 9522 })
    refuses("option 'listen' must be a port, an address such as { port = 9522 }, or a list of "
      .. "addresses, got string \"x\"", { run = print, listen = "x" })
    refuses("sse.workers: listen: option 'port' must be a whole number from 0 to 65535",
      { run = print, listen = { port = 99999 } })
    refuses("sse.workers: listen: option 'port' must be a whole number from 0 to 65535",
      { run = print, listen = { 80, { port = -1 } } })
    refuses("sse.workers: listen: expected a table of options, got boolean true",
      { run = print, listen = { true } })
    refuses("sse.workers: listen: give 'unix' or 'systemd', not both",
      { run = print, listen = { { unix = "/x", systemd = true } } })
    refuses("sse.workers: listen: 'mode' needs 'unix'", { run = print, listen = { mode = "0600" } })
    refuses("sse.workers: listen: unknown option 'tls' (it is an option of sse.server and "
      .. "server:listen)", { run = print, listen = { port = 1, tls = {} } })
    refuses("sse.workers: listen: a list of addresses has no 'port'",
      { run = print, listen = { 80, port = 81 } })
    refuses("max_pause", { run = print, max_pause = -1 })
    blames("call it with '.' (sse.workers)", function() sse:workers { run = print } end)
    blames("sse.workers(options): one argument too many",
      function() sse.workers({ run = print }, 2) end)
  end)

  it("blames the call for values of every type", function()
    objects.start()
    local report = interface.report()
    for _, value in ipairs(objects.values()) do
      -- A function or a file would be run.
      if type(value[2]) ~= "function" and type(value[2]) ~= "string" then
        report.check("sse.workers with " .. value[1], sse.workers, interface.real(value[2]))
        report.check("sse.workers: listen with " .. value[1], sse.workers,
          { run = "nowhere.lua", listen = interface.real(value[2]) })
      end
    end
    objects.finish()
    objects.stop()
    report.clean()
  end)

  -- What a program says that calls sse.workers in `text`, in place of CALL.
  local function said(text)
    text = text:gsub("CALL", 'print(pcall(sse.workers, { run = function() print "ran" end }))')
    local program = child.script("local sse = require 'sse'\n" .. text)
    assert.equal(0, program:wait(), program:output())
    return program:output()
  end

  for what, case in pairs {
    ["a task"] = { "sse.run(function() CALL end)", "the loop runs: workers are forked before it" },
    ["a callback"] = { [[
      sse.parser { on_event = function() end }
      require "sse.core".defer(function() CALL end)
      sse.run()]], "the loop runs" },
    ["a program with a server that listens"] = {
      "local s = sse.server {} s:listen() CALL os.exit(0)",
      "something is open that the loop would run: a server that listens, an EventSource, a timer "
        .. "or a task; each worker opens its own, in 'run' [docs/errors.md#workers]" },
    ["a program with a timer"] = { "sse.after(1, print) CALL os.exit(0)", "something is open" },
    ["a program with a task"] = { "sse.spawn(print) CALL os.exit(0)", "something is open" },
    ["a program with a source"] = {
      "local s = sse.EventSource 'http://127.0.0.1:1/' CALL s:close() os.exit(0)",
      "something is open" },
    ["a program with a signal"] = {
      "local s = sse.signal('SIGTERM', print) CALL", "a signal is watched; each worker opens" },
    ["a program with a channel"] = {
      "local c = sse.channel 'news' CALL c:close()",
      "the channel 'news' is open; each worker opens its own, in 'run'" },
    ["a program with a store"] = {
      "local s = sse.sqlite(os.tmpname()) CALL s:close()", "is open; each worker opens its own" },
    ["a program with a store, as any that says so"] = { [[
      local open = true
      local before_fork = require "sse.shared.before_fork"
      before_fork.add(function() return open and "the store 'x.db' is open" end)
      CALL]], "the store 'x.db' is open; each worker opens its own" },
    ["a system without fork"] = { "require 'sse.core'.has_fork = false CALL",
      "this system has no fork, so a program is one process [docs/errors.md#workers]" },
  } do
    it("raises in " .. what, function()
      local output = said(case[1])
      assert.truthy(output:find("^false\t"), output)
      assert.truthy(output:find(case[2], 1, true), output)
      assert.is_nil(output:find "ran")
    end)
  end

  it("forks where all that was open is closed, or forgotten", function()
    local output = said [[
      local c = sse.channel "news"
      c:publish "x"
      c:close()
      local s = sse.server {}
      assert(s:listen())
      s:close()
      sse.run()
      sse.signal("SIGTERM", print):stop()
      local server = sse.server {}
      sse.sleep(1)
      CALL
    ]]
    assert.truthy(output:find "ran\n", output)
    assert.truthy(output:find "true\tnil\tsse.workers: worker %d+ can't start: the program ended "
      .. "before its loop ran", output)
  end)

  it("raises in a worker", function()
    local output = said [[
      print(sse.workers { count = 1, run = function() CALL end })
    ]]
    assert.truthy(output:find(
      "false\tsse.workers: this is worker 1: workers have none of their own", 1, true), output)
  end)

  it("gives the error of a fork that fails", function()
    local output = said [[
      local core = require "sse.core"
      core.fork = function() return nil, "Resource temporarily unavailable", "ESYS" end
      CALL
    ]]
    assert.truthy(output:find("true\tnil\tsse.workers: worker 1 cannot fork: Resource temporarily "
      .. "unavailable\tESYS", 1, true), output)
  end)

  it("raises about fields that a worker has not", function()
    local worker = require("sse.server.worker").object(1, 2)
    blames("field 'number' of a worker does not exist (did you mean 'id'?)",
      function() return worker.number end)
    blames("field 'name' of a worker is not to be written", function() worker.name = 2 end)
  end)

  it("leaves a process that is no worker alone", function()
    assert.is_nil(require("sse.server.worker").current)
    assert.is_false(core.kept() and core.watches_signals())
  end)
end)
