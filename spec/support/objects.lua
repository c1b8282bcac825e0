--- Objects of every public class for specs of misuse, open and closed.
local interface = require "spec.support.interface"
local raw = require "spec.support.raw"
local sse = require "sse"
local temporary = require "spec.support.temporary"

local objects = {}

--- A URL where nobody listens.
objects.NOWHERE = "http://127.0.0.1:1/"

local function noop() end

local number = 0

--- A name that no channel has.
function objects.channel_name()
  number = number + 1
  return ("misused %d"):format(number)
end

function objects.channel() return sse.channel(objects.channel_name()) end

--- The path of a database.
function objects.database() return temporary.folder() .. "/misused.db" end

-- The server whose requests, responses and streams are misused, and its clients.
local server, clients, taken

--- Starts the server that requests, responses and streams come from.
function objects.start()
  clients = {}
  server = sse.server { on_error = function(message) error(message, 0) end }
  server:get("/taken", function(req, res)
    res:detach()
    taken = { req = req, res = res }
  end)
  server:get("/", function(_, res) res:reply(200, "x") end)
  assert(server:listen())
end

--- For after_each: ends the server.
function objects.stop()
  if not server then return end
  server:close()
  for _, client in ipairs(clients) do client:close() end
  server = nil
  raw.pump(function() return not taken or taken.res.closed end, "the end of all requests")
end

-- Sends a request whose handler leaves its response in `taken`.
local function begin()
  local client = raw.connect(server.port)
  clients[#clients + 1], taken = client, nil
  client:send("GET /taken HTTP/1.1\r\nHost: a\r\n\r\n")
  raw.pump(function() return taken end, "the request")
  return taken
end

local makers = {
  server = function() return sse.server {} end,
  channel = objects.channel,
  store = function() return sse.sqlite(objects.database()) end,
  timer = function() return sse.after(100000, noop) end,
  signal = function() return sse.signal("SIGUSR2", noop) end,
  task = function() return sse.spawn(noop) end,
  parser = function() return sse.parser { on_event = noop } end,
  source = function() return sse.EventSource.fromReader(noop) end,
  response = function() return assert(sse.fetch(("http://127.0.0.1:%d/"):format(server.port))) end,
  handle = function()
    return sse.fetchEventSource(objects.NOWHERE, { onerror = function() return false end })
  end,
  controller = function() return sse.AbortController() end,
  abort_signal = function() return sse.AbortController().signal end,
  event = function() return sse.Event("x", { cancelable = true }) end,
  message = function() return require("sse.event").message("x", "1", "", "") end,
  req = function() return begin().req end,
  res = function() return begin().res end,
  stream = function() return begin().res:event_stream() end,
}

--- Functions that end an object, by class.
objects.close = {
  server = function(o) o:close() end, channel = function(o) o:close() end,
  store = function(o) o:close() end,
  timer = function(o) o:stop() end, signal = function(o) o:stop() end,
  task = function(o) o:cancel() end,
  parser = function(o) o:stop() end, source = function(o) o:close() end,
  response = function(o) o:close() end, handle = function(o) o:close() end,
  controller = function(o) o:abort() end,
  res = function(o) pcall(o.finish, o) end, stream = function(o) o:close() end,
}

local made = {}

--- Functions that make an open object, by class.
objects.make = {}

for class, new in pairs(makers) do
  objects.make[class] = function()
    local object = new()
    made[#made + 1] = { class, object }
    return object
  end
end

--- Values of every type, and objects of every class, open and closed.
function objects.values()
  local list = interface.values()
  for class, new in pairs(objects.make) do
    table.insert(list, { "a " .. class, new() })
    if objects.close[class] then
      local object = new()
      objects.close[class](object)
      table.insert(list, { "a closed " .. class, object })
    end
  end
  return list
end

--- Closes all objects, after a turn of the loop that shows errors of callbacks.
function objects.finish()
  sse.sleep(0)
  for _, entry in ipairs(made) do
    local close = objects.close[entry[1]]
    if close then close(entry[2]) end
  end
  made = {}
  sse.set_log(nil)
  for _, channel in ipairs(sse.channels()) do channel:close() end
end

return objects
