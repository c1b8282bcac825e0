--- Dispatches a server's requests: finds the handler by the routes, calls it in a task, and
-- completes the response when the handler has returned or failed. Answers by itself what no handler
-- answers.
-- @module sse.server.dispatch
local core = require "sse.core"
local errors = require "sse.server.errors"
local keys = require "sse.server.keys"
local protected = require "sse.shared.protected"
local raised = require "sse.server.raised"
local request = require "sse.server.request"
local response = require "sse.server.response"
local response_object = require "sse.server.response_object"
local task = require "sse.task"

local ANSWERED, BASE, BEGUN, DETACHED = keys.ANSWERED, keys.BASE, keys.BEGUN, keys.DETACHED
local REQ, SERVER = keys.REQ, keys.SERVER

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

local function reply_options(server, req, res, methods, origin_allowed)
  if origin_allowed and req:header "access-control-request-method" then
    return reply_preflight(server, req, res, methods)
  end
  res:reply(204, nil, { Allow = table.concat(methods, ", ") })
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
  rawset(res, BASE, fields)
  return true, allowed and origin ~= nil
end

-- Answers a request, in a task. An OPTIONS request goes to its handler, if it has one, unless it is
-- a preflight of an allowed origin.
local function handle(server, req, res, path)
  local ok, origin_allowed = true, false
  if server.cors then ok, origin_allowed = set_cors_fields(server, req, res) end
  if not ok then return end
  local preflight = req.method == "OPTIONS" and req:header "access-control-request-method"
  local handler, params = server.router:find(req.method, path)
  local methods = (not handler or preflight) and server.router:methods(path)
  if req.method == "OPTIONS" and methods and (not handler or preflight and origin_allowed) then
    return reply_options(server, req, res, methods, origin_allowed)
  elseif handler then
    rawset(req, "params", params)
    handler(req, res)
    complete(server, req, res)
  elseif methods then
    res:reply(405, "Method Not Allowed\n", { Allow = table.concat(methods, ", ") })
  else
    res:reply(404, "Not Found\n")
  end
end

-- Called with the response whose task raised.
function response_object.metatable.__failed(res, err)
  on_raised(res[SERVER], "handler", err, res[REQ], res)
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
