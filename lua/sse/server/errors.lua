--- Where an error goes that belongs to one request, stream or follower: to `server.on_error`, or to
-- `channel.on_error` if a channel's own function raised it. Without these it is written to standard
-- error.
-- @module sse.server.errors
local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"
local protected = require "sse.shared.protected"
local worker = require "sse.server.worker"

local errors = {}

-- The status, message and headers of a table that is a response, else nil. Reading fields of a
-- program's table may raise.
local function parts_of(err)
  if type(err) ~= "table" then return nil end
  local metatable = getmetatable(err)
  -- A failure of a client has the status of another server's response.
  if type(metatable) == "table" and metatable.__name == "sse.failure" then return nil end
  local status = math.tointeger(err.status)
  local is_error = status and type(err.status) == "number" and status >= 400 and status <= 599
  if is_error and type(err.message) == "string" then return status, err.message, err.headers end
end

--- What was raised as a response: `{ status = 404, message = "no such user" }` is one.
-- @param err
-- @treturn int|nil the status, from 400 to 599; nil if it is something else
-- @treturn string the message
-- @return the headers, unchecked
function errors.response_of(err)
  local ok, status, message, fields = pcall(parts_of, err)
  if ok then return status, message, fields end
end

-- The text for what was raised.
local function text_of(err)
  local status, message = errors.response_of(err)
  local metatable = getmetatable(err)
  local has_text = type(metatable) == "table" and rawget(metatable, "__tostring")
  if type(err) ~= "table" or has_text then return options.text_of(err) end
  if status then return ("%d %s"):format(status, message) end
  return "a table that is no response (status = 400 to 599, message = a string)"
end

-- Names the callback for people: "handler GET /news", "where of channel 'news'". The program may
-- have set the request's fields.
local function place_of(context)
  local req, channel = context.req, context.channel
  if req then
    return ("%s %s %s"):format(context.what, options.text_of(req.method), options.text_of(req.path))
  end
  return channel and ("%s of channel '%s'"):format(context.what, channel.name) or context.what
end

local context_metatable = hints.record("context", "an error's context", {
  what = true, req = true, stream = true, channel = true,
})

--- Reports an error. What `on_error` itself raises comes out of `sse.run`.
-- @tparam function|nil on_error function(err, context); without it the error is written to standard
-- error
-- @param err the text with its traceback, or the table that was raised
-- @tparam table context `what` raised it: "handler", "before", "on_close", "on_drain", "where",
-- "cors", "channel:on", "publish", "store", "on_response", "access_log"; and the `req`, `stream`
-- and `channel` that the error belongs to
function errors.report(on_error, err, context)
  if not on_error then
    local where = worker.prefix() .. "error in " .. place_of(context)
    io.stderr:write(("lua-sse: %s: %s\n"):format(where, text_of(err)))
    return
  end
  local ok, raised = protected.call(on_error, err, setmetatable(context, context_metatable))
  if not ok then core.report(raised) end
end

--- Reports an error that belongs to a channel: to its `on_error`, or else to that of the stream's
-- server.
-- @tparam string what "where", "channel:on"
-- @param err as of `report`
-- @tparam table|nil state the server's (sse.server.server_object), if it is known
-- @param stream
-- @param channel
function errors.report_channel(what, err, state, stream, channel)
  local on_error = channel.on_error or state and state.on_error
  errors.report(on_error, err, { what = what, stream = stream, channel = channel })
end

-- An error of a `where` is reported at the end of the turn: a publish may be under way here, and
-- the channel can't be published to, which on_error may want to do.
core.set_on_error(function(what, err, state, stream, channel)
  if channel then
    core.defer(function() errors.report_channel(what, err, state, stream, channel) end)
  else
    errors.report(state.on_error, err, { what = what, stream = stream })
  end
end)

return errors
