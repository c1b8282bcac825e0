--- Limits for each client of a server: `server:limit`.
-- @module sse.server.limit
local before = require "sse.server.before"
local core = require "sse.core"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local rates = require "sse.server.rates"
local server_object = require "sse.server.server_object"

local methods, metatable = server_object.methods, server_object.metatable

local limit = {}

local MAX_KEY <const> = 256 -- bytes of a key that is kept as it is
local MIN_RETRY <const> = 1000 -- ms

local spec = options.spec("server:limit", {
  key = "function",
  rate = {
    expected = "a number above 0 (requests a second)",
    check = function(v) return type(v) == "number" and v > 0 and v < math.huge end,
  },
  burst = options.integer(1),
  streams = options.integer(1),
})

-- --- whom a request counts for -------------------------------------------------------------------

-- The first half of an IPv6 address, which is what one client has; an IPv4 address as it is.
local function network_of(address)
  if not address or not address:find(":", 1, true) then return address end
  local head, tail = address:match "^(.-)::(.*)$"
  local groups = {}
  for group in (head or address):gmatch "[^:]+" do groups[#groups + 1] = group end
  local _, colons = (tail or ""):gsub(":", "")
  local after = (tail or "") ~= "" and colons + 1 or 0
  while #groups + after < 8 and #groups < 4 do groups[#groups + 1] = "0" end
  for group in (tail or ""):gmatch "[^:]+" do groups[#groups + 1] = group end
  return table.concat(groups, ":", 1, 4)
end

limit.network_of = network_of -- for specs

local hashing_key = assert(core.key_of_secret(core.random(32)))

-- The key of a request; nil: it is not limited. A long one, as a token is, becomes its hash, since
-- tokens of different clients may begin with the same bytes.
local function key_of(given, req)
  local key
  if given then key = given(req) else key = network_of(req.remote_address) end
  if key ~= key then error("server:limit: the function 'key' has returned NaN") end
  if type(key) == "string" and #key > MAX_KEY then return core.signature(hashing_key, key) end
  return key
end

-- --- what a request past a limit gets ------------------------------------------------------------

--- Whether an EventSource asks, which gives up for good at a status other than 200.
local function wants_stream(req)
  local accept = req.method == "GET" and req:header "accept"
  return accept and accept:lower():find("text/event-stream", 1, true) ~= nil
end

-- The time after which a client is to come back, in ms. It is not the same for all that were
-- refused at once.
local function retry_of(wait)
  local retry = math.max(wait, MIN_RETRY)
  return math.ceil(retry + math.random() * retry / 2)
end

-- Refuses a request that may come again in `wait` ms.
local function refuse(req, res, wait)
  if wants_stream(req) then
    return res:reply(200, ("retry: %.0f\n\n"):format(retry_of(wait)), {
      ["Content-Type"] = "text/event-stream", ["Cache-Control"] = "no-store",
    })
  end
  res:reply(429, "Too Many Requests\n", {
    ["Retry-After"] = ("%.0f"):format(math.ceil(wait / 1000)), ["Cache-Control"] = "no-store",
  })
end

-- Makes the function that checks each request.
local function checker(state, given, made)
  return function(req, res)
    local key = key_of(given.key, req)
    if key == nil then return end
    local wait = made.rates and made.rates:take(key, core.now())
    if wait then
      state.limited.rate = state.limited.rate + 1
      return refuse(req, res, wait)
    end
    if not made.streams then return end
    local list = rawget(res, keys.LIMITS) or {}
    list[#list + 1], list[#list + 2] = made, key
    rawset(res, keys.LIMITS, list)
  end
end

-- --- numbers -------------------------------------------------------------------------------------

--- Adds the numbers of a server's limits to those of the core, by their stems.
-- @tparam table state of sse.server.server_object
-- @tparam table numbers
function limit.add_numbers(state, numbers)
  local held = 0
  for _, made in ipairs(state.limits) do
    if made.rates then held = held + made.rates:keys() end
  end
  numbers.limits_keys = held
  numbers.limits_refused = { rate = state.limited.rate, streams = state.limited.streams }
end

-- --- the method ----------------------------------------------------------------------------------

-- What is wrong with options each of which is right, or nil.
local function problem_of(given)
  if not given.rate and not given.streams then return "expected 'rate' or 'streams'" end
  if given.burst and not given.rate then return "'burst' is for 'rate', which is missing" end
end

--- Limits the requests of each client: how many there may be a second, and how many event streams
-- at a time. Runs where a function of `server:before` that is added at the same place would. A
-- request past the rate gets a 429 with Retry-After; one of an EventSource gets an event stream
-- that ends at once and tells it when to come back, since it would give up at a 429. So does any
-- request that opens a stream more than `streams`, and `res:event_stream` returns a closed stream.
-- @tparam[opt] string prefix as of `server:before`
-- @tparam table given `rate`, requests a second, also 0.1; `burst`, how many may come at once (the
-- rate, and at least 1); `streams`; `key`, a function(req) that returns for whom the request
-- counts, any value, or nil: it is not limited. Without `key` that is the client's address, of IPv6
-- the /64
-- @return the server
-- @usage
-- server:limit { rate = 50, burst = 100, streams = 6 }
-- server:limit("/login", { rate = 0.2, burst = 5 })
function methods:limit(...)
  options.check_self(self, metatable, "server:limit(prefix, options)", select(3, ...))
  local prefix, given = before.split("server:limit", 3, ...)
  given = options.check("server:limit", given, spec)
  local problem = problem_of(given)
  if problem then error(("server:limit: %s%s"):format(problem, pages.at "options"), 2) end
  local state, made = server_object.state(self), { streams = given.streams, open = {} }
  if given.rate then
    made.rates = rates.new(given.rate, given.burst or math.max(1, math.ceil(given.rate)))
  end
  table.insert(state.limits, made)
  before.add(state, prefix, checker(state, given, made))
  return self
end

return limit
