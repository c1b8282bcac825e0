--- The clients of make soak: tasks that each do one thing after the other, over a transport drawn
-- at random, until they are told to end.
local random = require "spec.support.random"
local sse = require "sse"
local transports = require "spec.support.transports"

local clients = {}
clients.__index = clients

local LARGE = 63000 -- bytes of GET /report and /file
local STEADY = 4    -- channels of numbered events

-- --- counting ------------------------------------------------------------------------------------

local function count(self, what)
  self.counts[what] = (self.counts[what] or 0) + 1
end

local function fault(self, format, ...)
  local message = format:format(...)
  self.faults[message] = (self.faults[message] or 0) + 1
end

-- Errors that a request may have because its server is being drained and restarted.
local expected = {
  ECONNREFUSED = true, ECONNRESET = true, ECLOSED = true, ETIMEDOUT = true, EABORTED = true,
  ABORT_ERR = true,
}

local function failed(self, deed, message, code)
  count(self, "failures " .. tostring(code))
  if not expected[code] then fault(self, "%s: %s (%s)", deed, message, code) end
end

-- --- following -----------------------------------------------------------------------------------

local function check_number(self, place, event, over)
  local value = event:json()
  local n = type(value) == "table" and value.n
  if not n or not value.text then
    return fault(self, "%s: a strange event on a steady channel, '%.20s'", over, event.data)
  end
  if place.n and n ~= place.n + 1 then
    fault(self, "%s: event %s than the next came on a steady channel", over,
          n > place.n and "later" or "earlier")
  end
  place.n = n
end

-- Checks an event of a steady channel: its number follows the last one of this place, unless a gap
-- event came between them.
local function check(self, place, event, over)
  count(self, "events")
  if event.type == "sse-gap" then
    count(self, "gaps told")
    place.n = nil
  elseif event.type == "message" then
    check_number(self, place, event, over)
  end
  if event.lastEventId ~= "" then place.id = event.lastEventId end
end

-- A client, with its place in each steady channel: number and id of the last event.
local function new_actor()
  local actor = { places = {} }
  for i = 1, STEADY do actor.places["steady" .. i] = {} end
  return actor
end

local hows = { "shared", "window", "plain" }

local function target(self)
  local name = "steady" .. self.random(STEADY)
  return name, "/follow/" .. name .. "/" .. hows[self.random(#hows)]
end

local function source_options(transport, place)
  local options = transport.client()
  options.minRetryInterval, options.maxRetryInterval, options.retryInterval = 10, 500, 50
  options.reconnect = "resilient"
  options.lastEventId = place and place.id
  return options
end

local function follow_in_a_loop(self, actor, transport)
  local name, path = target(self)
  local place = actor.places[name]
  local source = sse.EventSource(self:url(transport, path), source_options(transport, place))
  local _limit <close> = sse.after(500 + self.random(4000), function() source:close() end)
  for event in source:events() do
    check(self, place, event, transport.name)
    if self.random(50) == 1 then source:reconnect() end
  end
end

local function follow_by_listeners(self, actor, transport)
  local name, path = target(self)
  local place = actor.places[name]
  local source <close> = sse.EventSource(self:url(transport, path),
                                         source_options(transport, place))
  for _, type in ipairs { "message", "sse-gap" } do
    source:addEventListener(type, function(event)
      check(self, place, event, transport.name)
    end)
  end
  source.onerror = function() count(self, "reconnects") end
  sse.sleep(500 + self.random(4000))
end

local others = { "/filtered", "/follow/chat/window", "/follow/skips/plain", "/talk", "/raises" }

local function follow_others(self, _, transport)
  local source <close> = sse.EventSource(self:url(transport, others[self.random(#others)]),
                                         source_options(transport))
  source:addEventListener("*", function() count(self, "events") end)
  sse.sleep(200 + self.random(2000))
end

local function follow_by_callbacks(self, _, transport)
  local options = transport.client()
  options.onmessage = function() count(self, "events") end
  options.onerror = function() return 50 end
  options.onclose = function() count(self, "streams over") end
  local handle = sse.fetchEventSource(self:url(transport, others[self.random(4)]), options)
  sse.sleep(200 + self.random(2000))
  handle:close()
end

-- --- fetching ------------------------------------------------------------------------------------

local function fetch(self, deed, transport, path, more)
  local options = transport.client()
  for name, value in pairs(more or {}) do options[name] = value end
  local res, message, code = sse.fetch(self:url(transport, path), options)
  if res then count(self, deed)
  else failed(self, transport.name .. ", " .. deed, message, code)
  end
  return res
end

local function read_large(self, _, transport)
  local path = self.random(2) == 1 and "/report" or "/file"
  local res = fetch(self, "large responses", transport, path)
  if not res then return end
  local text, message, code = res:text()
  if not text then return failed(self, path, message, code) end
  if #text ~= LARGE then fault(self, "%s: %d bytes, expected %d", path, #text, LARGE) end
end

local function publish(self, _, transport)
  local res = fetch(self, "publishes", transport, "/publish",
                    { method = "POST", body = ("chat "):rep(self.random(100)) })
  if res and res.status ~= 204 then fault(self, "/publish: status %d", res.status) end
  if res then res:close() end
end

local function upload(self, _, transport)
  local body = ("x"):rep(self.random(300000))
  local res = fetch(self, "uploads", transport, "/length", { method = "POST", body = body })
  if not res then return end
  local text, message, code = res:text()
  if not text then return failed(self, "/length", message, code) end
  if text ~= tostring(#body) then fault(self, "/length: %s, expected %d", text, #body) end
end

local function abort(self, _, transport)
  local controller = sse.AbortController()
  local _timer <close> = sse.after(self.random(30), function() controller:abort() end)
  local res = fetch(self, "aborted", transport, "/pieces", { signal = controller.signal })
  if res then res:text() end
end

-- Reads some events, waits, and leaves without reading the rest.
local function read_slowly(self, _, transport)
  local res = fetch(self, "floods", transport, "/flood")
  if not res then return end
  local left = self.random(500)
  for _ in res:events() do
    left = left - 1
    if left % 100 == 0 then sse.sleep(self.random(300)) end
    if left <= 0 then break end
  end
end

-- --- the clients ---------------------------------------------------------------------------------

local deeds = {
  follow_in_a_loop, follow_in_a_loop, follow_by_listeners, follow_by_listeners, follow_others,
  follow_by_callbacks, read_large, publish, publish, upload, abort, read_slowly,
}

local function live(self, actor)
  while not self.over do
    local transport = transports[self.random(#transports)]
    count(self, "over " .. transport.name)
    deeds[self.random(#deeds)](self, actor, transport)
    sse.sleep(self.random(50))
  end
  self.alive = self.alive - 1
end

--- Clients of the servers at these ports.
function clients.new(plain, secure, seed)
  return setmetatable({
    ports = { http = plain, https = secure }, random = random.new(seed), counts = {}, faults = {},
    alive = 0, actors = {},
  }, clients)
end

function clients:url(transport, path)
  return ("%s://127.0.0.1:%d%s"):format(transport.scheme, self.ports[transport.scheme], path)
end

--- Starts `number` clients. Those that ran before go on with the ids that they had.
function clients:begin(number)
  self.over = false
  for i = 1, number do
    self.actors[i] = self.actors[i] or new_actor()
    self.alive = self.alive + 1
    sse.spawn(live, self, self.actors[i])
  end
end

--- Tells the clients to end, and waits for them; returns whether all did within `patience` ms.
function clients:finish(patience)
  local until_then = sse.now() + patience
  self.over = true
  while self.alive > 0 and sse.now() < until_then do sse.sleep(20) end
  return self.alive == 0
end

return clients
