-- Hints for the names that other libraries have: what an error says, that every name which it
-- proposes exists, and that the names which it knows as foreign don't.
local foreign_names = require "sse.shared.foreign_names"
local misuse = require "spec.support.misuse"
local objects = require "spec.support.objects"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames, make, NOWHERE = misuse.blames, objects.make, objects.NOWHERE

-- Functions that take options, by the key of their foreign names.
local with_options = {
  ["sse.EventSource"] = function(given) sse.EventSource(NOWHERE, given) end,
  ["sse.fetch"] = function(given) sse.fetch(NOWHERE, given) end,
  ["sse.fetchEventSource"] = function(given) sse.fetchEventSource(NOWHERE, given) end,
  ["EventSource.fromReader"] = function(given) sse.EventSource.fromReader(print, given) end,
  ["Response:events"] = function(given) make.response():events(given) end,
  ["sse.server"] = function(given) sse.server(given) end,
  ["sse.server heartbeat"] = function(given) sse.server { heartbeat = given } end,
  ["res:event_stream heartbeat"] = function(given)
    make.res():event_stream { heartbeat = given }
  end,
  ["server:listen"] = function(given) sse.server():listen(given) end,
  ["sse.workers"] = function(given) sse.workers(given) end,
  ["sse.workers: listen"] = function(given) sse.workers { run = "nowhere.lua", listen = given } end,
  ["sse.server: access_log"] = function(given) sse.server { access_log = given } end,
  ["sse.server: cors"] = function(given) sse.server { cors = given } end,
  ["server:run"] = function(given) sse.server { host = "192.0.2.1" }:run(given) end,
  ["server:shutdown"] = function(given) sse.server():shutdown(given) end,
  ["server:limit"] = function(given) sse.server():limit(given) end,
  ["server:static"] = function(given) sse.server():static("/x", "spec", given) end,
  ["sse.file"] = function(given) sse.file("README.md", given) end,
  ["sse.channel"] = function(given) sse.channel(objects.channel_name(), given) end,
  ["stream:follow"] = function(given) make.stream():follow(objects.channel(), given) end,
  ["sse.follow"] = function(given) sse.follow(objects.channel(), given) end,
  ["res:event_stream"] = function(given) make.res():event_stream(given) end,
  ["res:cookie"] = function(given) make.res():cookie("a", "b", given) end,
  ["req:form"] = function(given) make.req():form(given) end,
  ["channel:events"] = function(given) objects.channel():events(given) end,
  ["sse.parser"] = function(given) sse.parser(given) end,
  ["sse.jwt.verify"] = function(given) sse.jwt.verify("", given) end,
  ["sse.jwt.sign"] = function(given) sse.jwt.sign({}, given) end,
  ["sse.crypto.sign"] = function(given) sse.crypto.sign("x", ("x"):rep(32), given) end,
  ["sse.crypto.unsign"] = function(given) sse.crypto.unsign("x", ("x"):rep(32), given) end,
  event = function(given) sse.encode(given) end,
  publication = function(given) objects.channel():publish(given) end,
}

-- What on_error and on_response get for a request whose handler raises.
local function report_of(name)
  local got = {}
  local server = sse.server {
    on_error = function(_, context) got.context = context end,
    on_response = function(entry) got.entry = entry end,
  }
  server:get("/", function() error "mine" end)
  assert(server:listen())
  assert(sse.fetch(("http://127.0.0.1:%d/"):format(server.port))):close()
  wait.till(function() return got.entry and got.context end, "both reports")
  server:close()
  return got[name]
end

-- Makers of objects, by the key of the foreign names of their fields.
local with_fields = {
  ["sse.channel object"] = objects.channel, ["sse.stream"] = make.stream,
  ["sse.timer"] = make.timer, ["sse.signal"] = make.signal, ["sse.task"] = make.task,
  ["sse.parser object"] = make.parser,
  server = make.server, request = make.req, response = make.res, EventSource = make.source,
  AbortSignal = make.abort_signal, Response = make.response,
  ["fetchEventSource's handle"] = make.handle, AbortController = make.controller,
  MessageEvent = make.message, sse = function() return sse end,
  ["sse.json"] = function() return sse.json end,
  ["sse.url"] = function() return sse.url end,
  ["sse.jwt"] = function() return sse.jwt end, ["sse.crypto"] = function() return sse.crypto end,
  context = function() return report_of "context" end,
  entry = function() return report_of "entry" end,
  worker = function() return require("sse.server.worker").object(1, 2) end,
  ["sse.EventSource class"] = function() return sse.EventSource end,
  ["AbortSignal class"] = function() return sse.AbortSignal end,
}

-- The names that a hint proposes.
local function proposed(hint)
  if type(hint) == "table" then return { hint[1] } end
  local list = {}
  for name in hint:gmatch "'([%w_]+)'" do list[#list + 1] = name end
  return list
end

-- Whether a function knows an option or a field of an event. A thread is wrong for all of them.
local function takes(call, name)
  local ok, err = pcall(call, { [name] = coroutine.create(print) })
  return ok or not err:find("unknown", 1, true)
end

local function read(object, name) return object[name] end

describe("the table of foreign names", function()
  before_each(objects.start)
  after_each(function()
    objects.finish()
    objects.stop()
  end)

  for of, entries in pairs(foreign_names) do
    it("of " .. of .. " proposes what exists, for what does not", function()
      local call, new = with_options[of], with_fields[of]
      assert.truthy(call or new, "no function and no object takes these names")
      local object = new and new()
      local function exists(name)
        if call then return takes(call, name) end
        return (pcall(read, object, name))
      end
      for name, hint in pairs(entries) do
        assert.is_false(exists(name), ("'%s' of %s exists"):format(name, of))
        for _, other in ipairs(proposed(hint)) do
          assert.is_true(exists(other), ("'%s' of %s does not exist"):format(other, of))
        end
      end
    end)
  end
end)

describe("an unknown name", function()
  before_each(objects.start)
  after_each(function()
    objects.finish()
    objects.stop()
  end)

  it("of an option has the option that is meant, or what stands for it", function()
    local meant = {
      ["sse.EventSource"] = { max_retries = "maxRetries", heartbeat = "heartbeatTimeout",
        retry = "retryInterval", json = "body", with_credentials = "withCredentials" },
      ["sse.fetch"] = { max_retries = "maxRetries", retry = "maxRetries", json = "body",
        data = "body", cancel = "signal", allow_redirects = "redirect" },
      ["sse.fetchEventSource"] = { max_retries = "maxRetries", retry = "retryInterval" },
      ["sse.server"] = { address = "host", ssl = "tls", gzip = "compress", max_conections =
        "max_connections" },
      ["sse.channel"] = { ttl = "max_age", size = "history", histroy = "history" },
      ["stream:follow"] = { filter = "where", since = "from" },
      event = { type = "event", message = "data", lastEventId = "id", evnt = "event" },
      publication = { name = "event", payload = "data", unique = "dedupe", dat = "data" },
    }
    for of, names in pairs(meant) do
      for name, known in pairs(names) do
        local ok, err = pcall(with_options[of], { [name] = 1 })
        assert.is_false(ok)
        assert.truthy(err:find(("did you mean '%s'?"):format(known), 1, true), err)
      end
    end
    blames("unknown option 'deadline' (give 'signal' = sse.AbortSignal.timeout(ms), or 'timeout' "
      .. "until the head)", function() sse.fetch(NOWHERE, { deadline = 5 }) end)
    blames("unknown option 'verify' (it is part of 'tls': tls = { ca, cert, key, verify })",
      function() sse.fetch(NOWHERE, { verify = false }) end)
    blames("unknown option 'auth' (it is a header: write it into 'headers')",
      function() sse.EventSource(NOWHERE, { auth = "me:secret" }) end)
  end)

  it("of a field that is assigned to sse has the one that is meant; what exists can be replaced",
    function()
      blames("field 'log' of sse is not to be written (did you mean 'set_log'?)",
        function() sse.log = print end)
      blames("field 'on_error' of sse is not to be written", function() sse.on_error = print end)
      local run = sse.run
      sse.run = print -- a test's double
      assert.equal(print, sse.run)
      sse.run = run
    end)

  it("of what is no table of options says what there is instead", function()
    blames("got function (a handler is an option: 'onmessage')",
      function() sse.EventSource(NOWHERE, print) end)
    blames("got number 8080 (the port is an option: 'port')", function() sse.server(8080) end)
    blames('got string "[DONE]" (the data at which the loop ends are an option',
      function() make.response():events "[DONE]" end)
    blames("unknown option '1' (options have names: { name = value })",
      function() sse.fetch(NOWHERE, { "POST" }) end)
    blames("sse.fetch(url, options): the URL must be a string, got table",
      function() sse.fetch { url = NOWHERE } end)
  end)

  it("of an event's field says where the content goes", function()
    local channel = objects.channel()
    local told = "unknown field 'title' (expected event, data, id, retry, key, dedupe, meta; what "
      .. "the event says goes into 'data': data = { title = ... })"
    blames(told, function() channel:publish { title = 1 } end)
    blames("(expected event, data, id, retry, comment; what the event says goes into 'data'",
      function() sse.encode { title = 1 } end)
    local stream = make.stream()
    blames("did you mean 'event'?", function() stream:send { type = "x", data = "y" } end)
  end)

  it("of a field or method has the one that is meant", function()
    for of, names in pairs {
      ["sse.channel object"] = { send = "publish", pubish = "publish", size = "count",
        event = "events" },
      ["sse.stream"] = { write = "send", subscribe = "follow", sned = "send" },
      ["sse.timer"] = { cancel = "stop", stp = "stop" },
      ["sse.task"] = { join = "wait", kill = "cancel", wat = "wait" },
      ["sse.signal"] = { off = "stop" }, ["sse.parser object"] = { parse = "feed", fed = "feed" },
      server = { start = "run", del = "delete", lsten = "listen" },
      request = { ip = "remote_address", get = "header" },
      response = { send = "reply", close = "finish", replay = "reply" },
      EventSource = { on = "addEventListener", cancel = "close", onmesage = "onmessage" },
      Response = { status_code = "status", iter_lines = "lines", statsu = "status" },
      ["fetchEventSource's handle"] = { cancel = "close", closs = "close" },
      AbortController = { cancel = "abort", abrt = "abort" },
      AbortSignal = { on = "addEventListener", abortd = "aborted" },
      MessageEvent = { id = "lastEventId", event = "type" },
      sse = { get = "fetch", connect = "EventSource", setTimeout = "after", fetchh = "fetch" },
      context = { request = "req", chanel = "channel" },
      entry = { path = "target", duration = "ms", statu = "status" },
      ["sse.json"] = { parse = "decode", stringify = "encode", encod = "encode" },
    } do
      local object = with_fields[of]()
      for name, known in pairs(names) do
        local told = ("does not exist (did you mean '%s'?)"):format(known)
        blames(told, function() return read(object, name) end)
      end
    end
  end)

  it("without a hint is told alone; of a request or an event it is nil", function()
    blames("field 'xyzzy' of a stream does not exist", function() return make.stream().xyzzy end)
    blames("field 'xyzzy' of a stream is not to be written",
      function() make.stream().xyzzy = 1 end)
    blames("field 'onabort' of an AbortController is not to be written (it belongs to",
      function() make.controller().onabort = print end)
    blames("field 'status' of a response is not to be written (it is an argument of 'reply')",
      function() make.res().status = 404 end)
    blames("field 'onclose' of a stream is not to be written (did you mean 'on_close'?)",
      function() make.stream().onclose = print end)
    blames("field 'onope' of EventSource does not exist (did you mean 'onopen'?)",
      function() make.source().onope = print end)
    local req, event = make.req(), make.message()
    assert.is_nil(req.user)
    assert.is_nil(event.handled)
    assert.is_nil(event.message) -- a listener for errors reads it of any event
    req.user, event.handled = "me", true
    assert.equal("me", req.user)
    assert.is_nil(objects.channel()[1])
    assert.is_nil(make.server()[1])
  end)
end)
