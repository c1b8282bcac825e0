-- examples/cluster.lua: in this process; by two machines of two workers each, of which one is lost;
-- and all that make demo-cluster starts and ends.
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local masters = require "spec.support.masters"
local ports = require "spec.support.ports"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local serving = require "spec.support.serving"
local sse = require "sse"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local JSON = { ["Content-Type"] = "application/json" }

describe("example cluster", function()
  after_each(function()
    require("examples.cluster").timer:stop()
    for _, name in ipairs { "messages", "beats" } do sse.channel(name):close() end
    examples.stop()
    redis_stores.close()
  end)

  local function serve(pause)
    local store = redis_stores.open_used(redis.shared().url, { prefix = redis.prefix() })
    return examples.serve("cluster", { store = store, pause = pause })
  end

  local function post(fields, headers)
    return serving.request("POST /messages", headers or JSON, sse.json.encode(fields))
  end

  it("serves its page, the beats, and what was written", function()
    local cluster, url, log = serve(10)
    local page = serving.request "GET /"
    assert.equal("text/html; charset=utf-8", page.headers["content-type"])
    assert.truthy(page.body:find("new EventSource(", 1, true))
    local source = cluster.client(url)
    log.till 'client served {"'
    log.till "client beat "
    local res = post { text = "two\nlines", dedupe = "a" }
    assert.equal(201, res.status)
    assert.truthy(log.till '"text":"two\\nlines"':find '"machine":"a"')
    source:close()
  end)

  it("has a message once that was sent twice, and refuses what is none", function()
    serve(60000)
    local id = sse.json.decode(post({ text = "one", dedupe = "a" }).body).id
    assert.equal(id, sse.json.decode(post({ text = "one", dedupe = "a" }).body).id)
    for _, fields in ipairs { { text = "x" }, { dedupe = "x" }, { text = " ", dedupe = "x" },
      { text = 1, dedupe = "x" }, { text = ("x"):rep(2001), dedupe = "x" },
      { text = "x", dedupe = ("x"):rep(101) }, "x", { "x" } } do
      assert.equal(400, post(fields).status)
    end
    assert.equal(400, serving.request("POST /messages", JSON, "{").status)
    local form = { ["Content-Type"] = "text/plain" }
    assert.equal(400, post({ text = "x", dedupe = "x" }, form).status)
  end)
end)

-- A window: what it is served by, the beats and the texts that it has been sent, and the last id.
local function open(url, last)
  local window = { beats = {}, texts = {} }
  local source = sse.EventSource(url .. "messages", { reconnect = "resilient",
    lastEventId = last })
  window.source = source
  source:addEventListener("served", function(ev) window.served = ev:json() end)
  source:addEventListener("sse-gap", function(ev) window.gap = ev.data end)
  local function hear(list, key)
    return function(ev)
      local event = ev:json()
      local from = event.from.machine .. event.from.worker .. " " .. event.from.process
      table.insert(list, ("%s: %s"):format(from, event[key]))
      window.last = ev.lastEventId
    end
  end
  source:addEventListener("beat", hear(window.beats, "number"))
  source.onmessage = hear(window.texts, "text")
  wait.till(function() return window.served end, "the beginning of a stream")
  return window
end

local function say(url, text)
  local res = assert(sse.fetch(url .. "messages", { body = { text = text, dedupe = text } }))
  assert.equal(201, res.status)
end

-- Waits until the windows have a text.
local function till_text(windows, text)
  for _, window in pairs(windows) do
    wait.till(function() return table.concat(window.texts, "\n"):find(text, 1, true) end, text)
  end
end

-- The beats of the processes that a list has, in the order of their numbers without a hole.
local function assert_whole(list)
  local last = {}
  for _, beat in ipairs(list) do
    local from, number = beat:match "^(.*): (%d+)$"
    if last[from] then assert.equal(last[from] + 1, tonumber(number), from) end
    last[from] = tonumber(number)
  end
  return last
end

describe("example cluster on two machines", function()
  local a, b, url_a, url_b

  local function start(machine, port, server)
    local list = ("http://127.0.0.1:%d http://127.0.0.1:%d"):format(ports.free(), ports.free())
    local program = child.start("examples/cluster.lua " .. port,
      ("MACHINE=%s MACHINES='%s' REDIS_URL='%s'"):format(machine, list, server.url))
    return program, program:till "(http://127%.0%.0%.1:%d+/)\n"
  end

  before_each(function()
    local server = redis.start()
    a, url_a = start("a", 0, server)
    b, url_b = start("b", 0, server)
  end)

  after_each(function()
    child.stop()
    redis.stop()
  end)

  it("is one channel: who follows a machine that is lost goes on with the other one", function()
    local one, two = open(url_a), open(url_b)
    assert.equal("a", one.served.from.machine)
    assert.equal("b", two.served.from.machine)
    say(url_a, "by a")
    say(url_b, "by b")
    till_text({ one, two }, "by a")
    till_text({ one, two }, "by b")
    assert.same(one.texts, two.texts)
    for _, window in ipairs { one, two } do
      wait.till(function()
        local count = 0
        for _ in pairs(assert_whole(window.beats)) do count = count + 1 end
        return count == 4
      end, "a beat of each process")
    end

    local process = one.served.from.process
    for _, pid in ipairs { a.pid, process } do masters.signal(pid, "KILL") end
    masters.till_dead(a.pid)
    one.source:close()
    say(url_b, "while a is gone")
    local back = open(url_b, one.last)
    say(url_b, "later")
    till_text({ back, two }, "later")
    table.move(back.texts, 1, #back.texts, #one.texts + 1, one.texts)
    assert.same(two.texts, one.texts)
    assert.is_nil(back.gap)
    table.move(back.beats, 1, #back.beats, #one.beats + 1, one.beats)
    assert_whole(one.beats)
    for _, window in ipairs { back, two } do window.source:close() end
    b:kill "TERM"
    assert.equal(0, b:wait())
  end)
end)

describe("make demo-cluster", function()
  after_each(child.stop)

  local SCRIPT = "DEMO_PORT=%d LUA='%s' scripts/demo_cluster.sh"

  -- The processes of the demo by what their command lines have.
  local function processes(words)
    local ps <close> = io.popen(child.UNLOADED .. " ps -A -ww -o pid= -o args=")
    local list = {}
    for line in ps:lines() do
      if line:find(words, 1, true) then list[#list + 1] = line:match "%d+" end
    end
    return list
  end

  -- Lua as the sanitizers need it, which the script's other programs must not be run with.
  local function lua()
    local preload = os.getenv "LD_PRELOAD"
    if not preload then return child.lua() end
    local path = temporary.folder() .. "/lua"
    local file <close> = assert(io.open(path, "w"))
    file:write(("#!/bin/sh\nLD_PRELOAD='%s' exec '%s' \"$@\"\n"):format(preload, child.lua()))
    assert(os.execute(("%s chmod +x '%s'"):format(child.UNLOADED, path)))
    return path
  end

  local function demo(port) return child.program(SCRIPT:format(port, lua())) end

  it("starts two machines and Redis, starts again what is killed, and ends all", function()
    local port = ports.free()
    while not ports.is_free(port + 1) do port = ports.free() end
    local program = demo(port)
    program:till(("http://127.0.0.1:%d/\n"):format(port + 1))
    program:till(("\nhttp://127.0.0.1:%d/\n"):format(port))
    local urls = {}
    for i = 1, 2 do urls[i] = ("http://127.0.0.1:%d/"):format(port + i - 1) end
    local one, two = open(urls[1]), open(urls[2])
    say(urls[1], "by a")
    till_text({ one, two }, "by a")
    masters.signal(one.served.master, "KILL")
    program:till "machine a was killed"
    local killed = one.served
    wait.till(function() return one.served ~= killed end, "the machine to start again")
    assert.equal("a", one.served.from.machine)
    local id = wait.till(function() return program:output():match "Redis: process (%d+)\n" end,
      "the number of Redis's process")
    masters.signal(id, "KILL")
    program:till "Redis was killed"
    say(urls[1], "without Redis")
    till_text({ one, two }, "without Redis")
    assert.is_nil(one.gap)
    for _, window in ipairs { one, two } do window.source:close() end
    assert.not_same({}, processes("cluster.lua " .. port))
    program:kill "TERM"
    assert.equal(0, program:wait())
    for _, words in ipairs { "cluster.lua " .. port, "cluster.lua " .. port + 1, "sse-cluster." } do
      wait.till(function() return #processes(words) == 0 end, "the end of " .. words)
    end
  end)

  it("says that a port is in use, and ends", function()
    local socket = require "socket"
    local port = ports.free()
    local listener = assert(socket.bind("127.0.0.1", port))
    local program = demo(port)
    assert.equal(1, program:wait())
    listener:close()
    assert.truthy(program:output():find("port " .. port .. ": ", 1, true), program:output())
    assert.truthy(program:output():find("DEMO_PORT=9600 make demo-cluster", 1, true))
  end)

  it("says what is missing", function()
    local missing = child.program("REDIS_SERVER=/nowhere/redis-server " .. SCRIPT:format(1, "lua"))
    assert.equal(1, missing:wait())
    assert.truthy(missing:output():find "^no Redis: ")
    local wrong = child.program "DEMO_PORT=x scripts/demo_cluster.sh"
    assert.equal(1, wrong:wait())
    assert.equal("DEMO_PORT: 'x' is no port\n", wrong:output())
  end)
end)
