--- The object that a server is: its fields, and the state that the library keeps of it. Its methods
-- are in sse.server and sse.server.running.
-- @module sse.server.server_object
local ended = require "sse.server.ended"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local server_object = {}

local STATE = {} -- the key of the state in the object: no program has it

--- The methods of all servers, by name. The modules that define methods add them here.
local methods = {}
server_object.methods = methods

local getters = {}

function getters.port(state) return state.core.port end
function getters.on_error(state) return state.on_error end
function getters.on_response(state) return state.on_response end

local writable = { on_error = true, on_response = true }

local metatable = {
  __name = "sse.server",
  __index = function(self, key)
    if methods[key] then return methods[key] end
    local getter = getters[key]
    if getter then return getter(rawget(self, STATE)) end
    hints.raise_missing("server", "a server", key, methods, getters)
  end,
  __newindex = function(self, key, value)
    if not writable[key] then
      options.raise_unknown_field("server", "a server", key, writable)
    end
    options.check_callback(key, value)
    local state = rawget(self, STATE)
    state[key] = value
    if key == "on_response" then ended.update(state) end
  end,
  __pairs = function(self)
    local fields = {}
    for name, getter in pairs(getters) do fields[name] = getter(rawget(self, STATE)) end
    return next, fields
  end,
}
server_object.metatable = metatable

--- The state of a server: `core`, the core's server; `router`; `before`, the list of what runs
-- before handlers (sse.server.before), or nil; `fallback`, the handler of what has no route, or
-- nil; `cors`, false or its object; `compress`, `on_error`, `on_response` and `request_id`, the
-- options; `access_log`, a function(entry) or nil; `host`, `port`, `trusted_proxies`,
-- `proxy_protocol` and `port_reuse`, the options; `waiters`, functions that resume those who wait
-- until the server is idle; `runs`, whether one of them is in `server:run`; `limits`, those of
-- sse.server.limit, and `limited`, how many requests they refused, by reason.
-- @param self the server
-- @treturn table
function server_object.state(self) return rawget(self, STATE) end

--- Makes a server of its state.
-- @tparam table state
function server_object.new(state) return setmetatable({ [STATE] = state }, metatable) end

return server_object
