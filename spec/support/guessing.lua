--- Runs one line of a newcomer's program in this process: against a server of its own with routes
-- that a client's lines need, a channel, and a client for the routes that a server's lines add.
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local guessing = {}

-- The routes that lines of a client ask.
local function add_routes(server)
  server:get("/ticks", function(req, res)
    local stream = res:event_stream()
    local token = req:header "authorization" or "no token"
    stream:send { event = "tick", id = "1", data = { price = 7 } }
    stream:send { id = "2", data = req.last_event_id or token }
  end)
  server:get("/tokens", function(_, res)
    local stream <close> = res:event_stream()
    for _, data in ipairs { "a", "b", "[DONE]" } do stream:send(data) end
  end)
  server:get("/json", function(_, res) res:json { ok = true } end)
  server:get("/lines", function(_, res) res:reply(200, "one\ntwo\n") end)
  server:get("/old", function(_, res) res:redirect "/json" end)
  server:get("/slow", function(_, res)
    sse.sleep(100)
    res:reply(200, "late")
  end)
  server:get("/broken", function(_, res) res:reply(503, "later") end)
  server:post("/echo", function(req, res)
    res:reply(200, ("%s %s"):format(req:header "content-type", req.body))
  end)
end

-- Sends a request by our client; returns the status and the body.
local function ask(line, headers, body)
  local method, target = line:match "^(%S+) (%S+)$"
  local res = assert(sse.fetch(serving.url(target), {
    method = method, headers = headers, body = body, redirect = "manual",
  }))
  return res.status, assert(res:text())
end

-- The data of the first n events of a path, read by an EventSource of `library`.
local function events_of(library, path, n)
  local list = {}
  for event in library.EventSource(serving.url(path)):events() do
    list[#list + 1] = event.type == "message" and event.data or event.type .. " " .. event.data
    if #list == (n or 1) then return table.concat(list, ", ") end
  end
end

-- What a line gave, as text.
local function show(...)
  local list = {}
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    local ok, text = pcall(sse.json.encode, value)
    if type(value) ~= "table" or not ok then text = tostring(value) end
    list[i] = math.type(value) == "float" and ("%g"):format(value) or text
  end
  return table.concat(list, ", ")
end

-- How a handler answers a request: status and body.
local function handle(server, fn)
  server:route("*", "/handle/:id", fn)
  return ask("POST /handle/7?q=lua&q=sse", { ["X-Token"] = "secret" }, '{"n":1}')
end

-- What a handler's stream sends: the first n events.
local function stream_of(made, fn, n)
  made.server:get("/stream", function(req, res) return fn(res:event_stream(), req) end)
  return made.events_of("/stream", n)
end

-- A function of `sse` whose results are kept, so that they can be closed; `kept.over`: they are
-- closed at once. It may have fields.
local function keeping(kept, f)
  local function call(_, ...)
    local results = table.pack(f(...))
    kept[#kept + 1] = results[1]
    if kept.over and results[1] then results[1]:close() end
    return table.unpack(results, 1, results.n)
  end
  return setmetatable({}, { __call = call, __index = type(f) == "table" and f or nil })
end

--- The library as a line finds it: what it connects is added to the list `kept`.
function guessing.library(kept)
  local made = {}
  for _, name in ipairs { "EventSource", "fetch", "fetchEventSource" } do
    made[name] = keeping(kept, sse[name])
  end
  return setmetatable(made, {
    __index = sse, __newindex = function(_, name, value) sse[name] = value end,
  })
end

-- The names that a line finds beside Lua's; `objects` are those that are made when they are used.
local function environment_of(server, give, kept)
  local objects = {}
  local made = setmetatable({}, { __index = function(t, name)
    if not objects[name] then return _G[name] end
    t[name] = objects[name]()
    return t[name]
  end })
  made.sse, made.server, made.url, made.give = guessing.library(kept), server, serving.url "", give
  made.channel, made.ask = sse.channel "news", ask
  function made.events_of(path, n) return events_of(made.sse, path, n) end
  function made.handle(fn) return handle(server, fn) end
  function made.stream_of(fn, n) return stream_of(made, fn, n) end
  function objects.es() return made.sse.EventSource(serving.url "/ticks") end
  return made
end

--- Runs a line. Its names are those of Lua, and: `sse`; `server`, `url` (its origin); `channel`;
-- `es`, an EventSource; `ask "GET /path"` (status, body), `events_of(path, n)`; `give(...)`, which
-- says what the line gives if it does not return it; `handle(fn)` and `stream_of(fn, n)`, what a
-- client gets of a handler fn(req, res), or of fn(stream, req).
-- @tparam string code
-- @treturn boolean whether it ended without an error
-- @treturn string what it gave, or the error of the line or of what the line left to be called
function guessing.run(code)
  local given, kept = nil, {}
  local function give(...) given = given or show(...) end
  local environment = environment_of(serving.start(add_routes), give, kept)
  local chunk = assert(load(code, "=line", "t", environment))
  local ok, problem = pcall(function()
    sse.spawn(function()
      local results = table.pack(chunk())
      if results.n > 0 then give(table.unpack(results, 1, results.n)) end
    end)
    wait.till(function() return given or serving.errors[1] end, "what the line gives")
  end)
  if serving.errors[1] then ok, problem = false, serving.errors[1].message end
  environment.channel:close()
  for _, object in ipairs(kept) do object:close() end
  kept.over = true
  return ok, ok and given or tostring(problem)
end

--- For after_each.
function guessing.stop()
  sse.set_log(nil)
  serving.stop()
end

return guessing
