-- Every public function and method, called with values of every type in every place: each call must
-- succeed, return nil, message, code, or raise an error that blames the line of the call.
local core = require "sse.core"
local interface = require "spec.support.interface"
local nested = require "spec.cases.nested_functions"
local objects = require "spec.support.objects"
local sse = require "sse"

local make, close = objects.make, objects.close
local new_channel, NOWHERE = objects.channel, objects.NOWHERE
local start, stop, finish = objects.start, objects.stop, objects.finish
local function noop() end

local CHANNEL = {} -- stands for an open channel

-- By class, fitting arguments of each method.
local methods = {
  server = {
    get = { "/x", noop }, head = { "/x", noop }, post = { "/x", noop }, put = { "/x", noop },
    patch = { "/x", noop }, delete = { "/x", noop }, options = { "/x", noop }, all = { "/x", noop },
    route = { "GET", "/x", noop }, static = { "/x", "spec", { follow_links = true } },
    before = { "/x", noop }, fallback = { noop }, listen = { {} }, streams = { 1 }, stats = {},
    limit = { "/", { rate = 1 } }, shutdown = { { within = 0 } }, close = {}, reload_tls = {},
  },
  channel = {
    publish = { { data = "x", event = "e" } }, on = { "follow", noop }, close = {}, stats = {},
    streams = { 1 }, count = {}, events = { { from = "newest", where = noop } },
  },
  store = { open = { "x", { history = 1, history_bytes = 1 } }, stats = {}, close = {} },
  timer = { stop = {}, unref = {} }, signal = { stop = {} }, task = { wait = {}, cancel = {} },
  parser = { feed = { "data: x\n\n" }, reset = {}, stop = {} },
  source = {
    addEventListener = { "x", noop, { once = true } }, removeEventListener = { "x", noop },
    dispatchEvent = { sse.Event("x") }, close = {}, reconnect = {}, events = {}, stats = {},
  },
  response = {
    events = { { ["until"] = noop } }, chunks = {}, lines = {}, text = {}, json = { 1 }, close = {},
  },
  handle = { close = {}, wait = {} },
  controller = { abort = { "why" } },
  abort_signal = {
    throwIfAborted = {}, addEventListener = { "abort", noop, { once = true } },
    removeEventListener = { "abort", noop }, dispatchEvent = { sse.Event("x") },
  },
  event = { stopImmediatePropagation = {}, stopPropagation = {}, preventDefault = {} },
  message = { stopImmediatePropagation = {}, stopPropagation = {}, preventDefault = {}, json = {} },
  req = { header = { "a" }, query_all = { "a" }, text = {}, json = { "a", 1 },
    form = { { max_fields = 1 } }, form_all = { "a" } },
  res = {
    reply = { 200, "x", { A = "b" } }, write_head = { 200, { A = "b" } }, write = { "x" },
    finish = { "x" }, detach = {}, drain = {}, event_stream = { { retry = 1 } },
    json = { 1, 200 }, redirect = { "/x", 302 }, header = { "X-A", "b" }, cookie = { "a", 1, {} },
  },
  stream = {
    send = { { data = "x" } }, comment = { "x" }, close = {}, drain = {}, sleep = { 0 },
    expire_at = { 4e9 }, unfollow = { CHANNEL },
    follow = { CHANNEL, { from = "newest", where = noop } },
  },
}

local functions = {
  workers = { { run = "nowhere.lua" } },
  stop = {}, now = {}, after = { 1, noop }, every = { 1000, noop }, signal = { "SIGUSR2", noop },
  set_log = { noop }, spawn = { noop, 1 }, sleep = { 0 }, await = { noop },
  readable = { 0 }, writable = { 0 },
  EventSource = { NOWHERE, { maxRetries = 0 } },
  fetch = { NOWHERE, { method = "GET" } },
  fetchEventSource = { NOWHERE, { onerror = function() return false end } },
  AbortController = {}, Event = { "x", { cancelable = true } },
  channel = { "misused", { history = 1 } }, channels = {},
  sqlite = { objects.database(), { sync = "off" } },
  redis = { "redis://127.0.0.1:1", { queue = 1 } },
  follow = { new_channel(), { from = "newest", where = noop } },
  server = { { port = 0 } }, file = { "README.md", { headers = {} } },
  parser = { { on_event = noop } }, encode = { { data = "x" } },
  decode = { "data: x\n\n", { utf8 = "raw" } },
}
-- Functions that may wait for ever: each call is made in a task, which is cancelled.
local waits_long = { ["sse.await"] = true, ["sse.readable"] = true, ["sse.writable"] = true }

local function try_methods(class, closed)
  start()
  local list, report, channel = objects.values(), interface.report(), new_channel()
  for name, args in pairs(methods[class]) do
    local function fresh()
      local object = make[class]()
      if closed then close[class](object) end
      local given = { object, table.unpack(args) }
      if given[2] == CHANNEL then given[2] = channel end
      return given
    end
    local f = make[class]()[name]
    assert.is_function(f, class .. "." .. name)
    local what = ("%s%s:%s"):format(closed and "a closed " or "", class, name)
    interface.each_call(what, fresh, list, function(text, given)
      report.check(text, f, table.unpack(given, 1, given.n))
    end)
    local twice = fresh()
    for _ = 1, 2 do report.check(what .. " twice", f, table.unpack(twice)) end
  end
  finish()
  report.clean()
end

describe("misuse of every method", function()
  after_each(stop)

  for class in pairs(methods) do
    it("of a " .. class, function() try_methods(class) end)
    if close[class] then it("of a closed " .. class, function() try_methods(class, true) end) end
  end

  it("is tried for all of them", function()
    local private = { resume = true, abort = true, deliver = true }
    for class, name in pairs { channel = "sse.channel", stream = "sse.stream", timer = "sse.timer",
      signal = "sse.signal", parser = "sse.parser", task = "sse.task" } do
      for method in pairs(core.methods[name]) do
        assert.truthy(methods[class][method] or private[method], class .. ":" .. method)
      end
    end
  end)
end)

describe("an argument too many", function()
  after_each(stop)

  for class in pairs(methods) do
    it("raises in every method of a " .. class, function()
      start()
      for name, args in pairs(methods[class]) do
        local object = make[class]()
        local given = { object, table.unpack(args) }
        if given[2] == CHANNEL then given[2] = new_channel() end
        given[#given + 1] = 5
        local raised = interface.raised(object[name], table.unpack(given))
          or name == "json" and class ~= "res" -- takes any number of keys
        assert.truthy(raised, ("%s:%s took an argument too many"):format(class, name))
      end
      finish()
    end)
  end

  it("raises in every function of sse", function()
    start()
    local all = { spawn = false, run = { sse.run, {} } } -- spawn and json.get take any number
    for name, args in pairs(functions) do all[name] = all[name] == nil and { sse[name], args } end
    for name, case in pairs(nested) do all[name] = name ~= "json.get" and case end
    for name, case in pairs(all) do
      if case then
        local given = table.move(case[2], 1, #case[2], 1, {})
        given[#given + 1] = 5
        local raised = interface.raised(case[1], table.unpack(given))
        assert.truthy(raised, ("sse.%s took an argument too many"):format(name))
      end
    end
    finish()
  end)

  it("names the function with its parameters, and counts no nil", function()
    local channel, timer = new_channel(), sse.after(0, noop)
    assert.equal("timer:stop(): one argument too many, a number [docs/errors.md#arguments]",
      interface.raised(timer.stop, timer, 5))
    local raised = interface.raised(sse.sleep, 1, {})
    assert.equal("sse.sleep(ms): one argument too many, a table [docs/errors.md#arguments]", raised)
    assert.equal("channel:on(what, fn): one argument too many, a string [docs/errors.md#arguments]",
      interface.raised(channel.on, channel, "follow", noop, nil, "x"))
    timer:stop(nil)
    channel:on("leave", noop, nil)
  end)
end)

describe("a report of misuse", function()
  it("tells of calls that blame others, and of a caller's line that helps nobody", function()
    local report = interface.report()
    report.check("fine", function() error("x", 2) end)
    report.check("own line", function() error("x") end)
    report.check("no words", function() error({}) end)
    report.check("index", function(x) error("attempt to index " .. tostring(x), 2) end)
    report.check("half", function() return nil, {} end)
    report.write("a field", {}, nil, 1)
    assert.equal(6, report.calls)
    assert.equal(4, #report.wrong, table.concat(report.wrong, "\n"))
    assert.is_false(pcall(report.clean))
  end)
end)

describe("misuse of every function", function()
  after_each(stop)

  it("of sse", function()
    start()
    local list, report = objects.values(), interface.report()
    for name, args in pairs(functions) do nested[name] = { sse[name], args } end
    for name, case in pairs(nested) do
      local what = "sse." .. name
      interface.each_call(what, function() return case[2] end, list, function(text, given)
        if name == "EventSource" and type(given[1]) == "function" then return end
        local function check() report.check(text, case[1], table.unpack(given, 1, given.n)) end
        if not waits_long[what] then return check() end
        local task = sse.spawn(check)
        core.turn()
        task:cancel()
      end)
    end
    finish()
    report.clean()
  end)

  it("is tried for all of them", function()
    for name, value in pairs(sse) do
      local callable = type(value) == "function" or (getmetatable(value) or {}).__call
      assert.truthy(not callable or functions[name] or name == "run", name)
    end
  end)
end)

-- By class, the fields that may be written; writing any other raises an error.
local fields = {
  server = { "on_error", "on_response" }, stream = { "on_close", "on_drain" },
  channel = { "on_error" }, res = { "on_close" }, store = { "on_state" },
  source = { "onopen", "onmessage", "onerror", "oncomment", "onreconnect" },
  abort_signal = { "onabort" },
}

describe("misuse of every field", function()
  after_each(stop)

  it("of all objects", function()
    start()
    local list, report = objects.values(), interface.report()
    for class, new in pairs(make) do
      local object = new()
      local names = { "nofield", table.unpack(fields[class] or {}) }
      for _, value in ipairs(list) do
        local v = interface.real(value[2])
        report.read(("%s[%s]"):format(class, value[1]), object, v)
        for _, name in ipairs(fields[class] and names or {}) do
          report.write(("%s.%s = %s"):format(class, name, value[1]), object, name, v)
        end
      end
      for _, name in ipairs(fields[class] or {}) do object[name] = nil end
      if close[class] then close[class](object) end
    end
    finish()
    report.clean()
  end)
end)

-- By name, methods that wait: given an object, returns what to call in a callback that can't wait.
local waits = {
  ["sse.run"] = function() return sse.run end,
  ["sse.sleep"] = function() return sse.sleep, 1 end,
  ["sse.fetch"] = function() return sse.fetch, NOWHERE end,
  ["server:shutdown"] = function() return sse.server.shutdown end,
}

for name, class in pairs { text = "response", json = "response", chunks = "response",
  lines = "response", events = "response", wait = "handle", shutdown = "server" } do
  waits[class .. ":" .. name] = function()
    local object = make[class]()
    if class == "server" then assert(object:listen()) end
    return object[name], object
  end
end
waits["server:shutdown"] = nil

local loops = {
  ["res:chunks"] = function() return make.response():chunks() end,
  ["res:lines"] = function() return make.response():lines() end,
  ["res:events"] = function() return make.response():events() end,
  ["source:events"] = function() return make.source():events() end,
  ["channel:events"] = function() return make.channel():events() end,
}

describe("waiting in a callback", function()
  after_each(stop)

  it("is told to whoever called what waits", function()
    start()
    local report = interface.report()
    for name, prepare in pairs(waits) do
      local call = table.pack(prepare())
      core.timer(0, function() report.check(name, table.unpack(call, 1, call.n)) end)
    end
    for name, prepare in pairs(loops) do
      local call = table.pack(prepare())
      core.timer(0, function() report.check(name .. " loop", call[1]) end)
    end
    sse.sleep(20)
    finish()
    report.clean()
  end)
end)
