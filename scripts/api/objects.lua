--- An object of every class that programs get from the library, for scripts/api/interface.lua.
local objects = {}

local function noop() end

-- What a request of the library's client to its server gives, on both sides.
local function add_served(sse, made)
  local server = sse.server {
    host = "127.0.0.1", on_error = function(_, context) made.context = context end,
    on_response = function(entry) made.entry = entry end,
  }
  server:get("/wrong", function() error "wrong" end)
  server:get("/", function(req, res)
    made.req, made.res = req, res
    made.stream = res:event_stream()
  end)
  assert(server:listen())
  made.server = server
  local url = ("http://127.0.0.1:%d/"):format(server.port)
  made.Response = assert(sse.fetch(url, { headers = { ["Last-Event-ID"] = "1" } }))
  assert(sse.fetch(url .. "wrong")):close()
  while not made.entry do sse.sleep(1) end
end

-- A source, and an event that it delivered.
local function add_source(sse, made)
  local pieces = { "data: x\n\n" }
  made.source = sse.EventSource.fromReader(function() return table.remove(pieces) end)
  for event in made.source:events() do made.message = event end
end

-- An event as a filter sees it.
local function add_published(sse, made)
  local channel = sse.channel "sheet"
  made.channel = channel
  channel:publish { data = "x", meta = "for whom" }
  local function keep(event)
    made.published = event
    return true
  end
  local take, _, _, loop <close> = channel:events { from = "oldest", where = keep }
  take()
  assert(loop)
end

--- Makes the objects.
-- @tparam table sse the library
-- @treturn table by the name in scripts/api/groups.lua
function objects.make(sse)
  local made = {
    json = sse.json, url = sse.url, jwt = sse.jwt, crypto = sse.crypto,
    EventSource = sse.EventSource, AbortSignal = sse.AbortSignal,
    timer = sse.after(0, noop), signal = sse.signal("SIGUSR2", noop), task = sse.spawn(noop),
    controller = sse.AbortController(), Event = sse.Event("x"),
    handle = sse.fetchEventSource("http://127.0.0.1:1/", { onerror = function() return false end }),
    parser = sse.parser { on_event = noop },
    store = sse.sqlite "build/sheet.db", -- the file is made once something is asked of it
    worker = require("sse.server.worker").object(1, 2),
  }
  made.abort_signal = made.controller.signal
  add_source(sse, made)
  add_served(sse, made)
  add_published(sse, made)
  return made
end

--- Ends the objects, so that nothing keeps the loop running.
function objects.close(made)
  for _, module in ipairs { "AbortSignal", "json", "url", "jwt", "crypto", "EventSource" } do
    made[module] = nil
  end
  for _, object in pairs(made) do
    for _, name in ipairs { "close", "stop" } do
      local ok, method = pcall(function() return object[name] end)
      if ok and type(method) == "function" then method(object) end
    end
  end
end

return objects
