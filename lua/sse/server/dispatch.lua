--- Dispatches a server's requests: finds the handler by the routes, calls it in a task, and
-- completes the response when the handler has returned or failed. Answers by itself what no handler
-- answers.
-- @module sse.server.dispatch
local before = require "sse.server.before"
local core = require "sse.core"
local errors = require "sse.server.errors"
local keys = require "sse.server.keys"
local protected = require "sse.shared.protected"
local raised = require "sse.server.raised"
local request = require "sse.server.request"
local response = require "sse.server.response"
local response_object = require "sse.server.response_object"
local task = require "sse.task"

local ANSWERED, BASE, BEFORE, BEGUN = keys.ANSWERED, keys.BASE, keys.BEFORE, keys.BEGUN
local DETACHED, REQ, SERVER = keys.DETACHED, keys.REQ, keys.SERVER

local dispatch = {}

local UNANSWERED = "the handler returned without an answer: call res:reply(status, text), "
  .. "or res:detach() to answer later [docs/errors.md#unanswered]"

-- Each `server` here is the state of one (sse.server.server_object).

-- Reports an error that belongs to a request; `what` as in `errors.report`.
local function report(server, what, err, req, res)
  local answered = res[ANSWERED]
  local stream = type(answered) == "userdata" and answered or nil
  errors.report(server.on_error, err, { what = what, req = req, stream = stream })
end

-- Ends the response of a request whose handler, or another function that is asked about it, raised.
local function on_raised(server, what, err, req, res)
  local is_error, told = raised.answer(res, err)
  if is_error then report(server, what, told, req, res) end
end

-- Completes the response when the handler has returned: finishes one that was begun, and sends a
-- 500 if there is none. Does nothing after a whole response, an event stream or `res:detach`.
local function complete(server, req, res)
  local answered = res[ANSWERED]
  if type(answered) == "userdata" then core.left(answered) end
  if answered == true or rawget(res, DETACHED) then return end
  if answered == BEGUN then
    res:finish()
  elseif not answered and response.fail(res) then
    report(server, "handler", UNANSWERED, req, res)
  end
end

local function reply_preflight(server, req, res, methods)
  local list = server.cors:preflight(methods, req:header "access-control-request-headers")
  local base = rawget(res, BASE)
  table.move(list, 1, #list, #base + 1, base)
  res:reply(204)
end

-- Sets the CORS fields of every response to the request. Returns whether the request can go on: not
-- if the program's function raised; and whether it comes from another origin that is allowed.
local function set_cors_fields(server, req, res)
  local origin = req:header "origin"
  local ok, fields, allowed = protected.call(server.cors.fields, server.cors, origin, req)
  if not ok then
    on_raised(server, "cors", fields, req, res)
    return false
  end
  local base = rawget(res, BASE)
  rawset(res, BASE, base and table.move(base, 1, #base, #fields + 1, fields) or fields)
  return true, allowed and origin ~= nil
end

-- Has every response to the request bring the request's id back.
local function set_id_field(req, res)
  local list = rawget(res, BASE) or {}
  list[#list + 1], list[#list + 2] = "X-Request-Id", tostring(req.id)
  rawset(res, BASE, list)
end

-- Answers a request whose path has no route, or no handler for the method.
local function reply_unhandled(req, res, methods)
  if not methods then return res:reply(404, "Not Found\n") end
  local allow = { Allow = table.concat(methods, ", ") }
  if req.method == "OPTIONS" then return res:reply(204, nil, allow) end
  res:reply(405, "Method Not Allowed\n", allow)
end

-- Answers a request, in a task. An OPTIONS request goes to its handler, if it has one, unless it is
-- a preflight of an allowed origin: that is answered before all else.
local function handle(server, req, res, path)
  local ok, origin_allowed = true, false
  if server.request_id then set_id_field(req, res) end
  if server.cors then ok, origin_allowed = set_cors_fields(server, req, res) end
  if not ok then return end
  local preflight = origin_allowed and req.method == "OPTIONS"
    and req:header "access-control-request-method"
  local handler, params = server.router:find(req.method, path)
  local methods = not handler and params or preflight and server.router:methods(path)
  if preflight and methods then return reply_preflight(server, req, res, methods) end
  if handler and params then rawset(req, "params", params) end
  if server.before and before.run(server.before, req, res, path) then
    return complete(server, req, res)
  end
  handler = handler or not methods and server.fallback
  if not handler then return reply_unhandled(req, res, methods) end
  handler(req, res)
  complete(server, req, res)
end

-- Called with the response whose task raised.
function response_object.metatable.__failed(res, err)
  on_raised(res[SERVER], rawget(res, BEFORE) and "before" or "handler", err, res[REQ], res)
end

--- The core's callback for a request that has been received whole.
-- @param server
-- @param exchange of the core
-- @return the request, for the entry of `on_response`
function dispatch.on_request(server, exchange)
  local req, path = request.new(exchange)
  local res = response.new(exchange, req, server)
  task.start(res, handle, server, req, res, path)
  return req
end

return dispatch
