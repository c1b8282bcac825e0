--- Dispatches a server's requests: finds the handler by the routes, calls it in a task, and
-- completes the response when the handler has returned or failed. Answers by itself what no handler
-- answers.
-- @module sse.server.dispatch
local error_report = require "sse.server.error_report"
local raised = require "sse.server.raised"
local request = require "sse.server.request"
local response = require "sse.server.response"
local task = require "sse.task"

local report = error_report.report

local dispatch = {}

local UNANSWERED = "the handler returned without an answer: call res:detach() to answer later"

local function on_handler_error(server, req, res, err)
  local is_error, message = raised.answer(res, err)
  if is_error then report(server, message, "handler", req) end
end

-- Completes the response when the handler has returned: finishes one that was begun, and sends a
-- 500 if there is none. Does nothing after a whole response, an event stream or `res:detach`.
local function complete(server, req, res)
  if res.detached then return end
  if res.begun then
    res:finish()
  elseif not res.answered and response.fail(res) then
    report(server, UNANSWERED, "handler", req)
  end
end

local function reply_preflight(server, req, res, methods)
  local list = server.cors:preflight(methods, req:header "access-control-request-headers")
  res.base = table.move(list, 1, #list, #res.base + 1, res.base)
  res:reply(204)
end

local function reply_options(server, req, res, methods, origin_allowed)
  if origin_allowed and req:header "access-control-request-method" then
    return reply_preflight(server, req, res, methods)
  end
  res:reply(204, nil, { Allow = table.concat(methods, ", ") })
end

-- Sets the CORS fields of every response to the request. Returns whether it comes from another
-- origin, and one that is allowed.
local function set_cors_fields(server, req, res)
  if not server.cors then return false end
  local origin = req:header "origin"
  local fields, allowed = server.cors:fields(origin, req)
  res.base = fields
  return allowed and origin ~= nil
end

-- Answers a request, in a task. An OPTIONS request goes to its handler, if it has one, unless it is
-- a preflight of an allowed origin.
local function handle(server, req, res)
  local origin_allowed = set_cors_fields(server, req, res)
  local preflight = req.method == "OPTIONS" and req:header "access-control-request-method"
  local handler, params = server.router:find(req.method, req.raw_path)
  local methods = (not handler or preflight) and server.router:methods(req.raw_path)
  if req.method == "OPTIONS" and methods and (not handler or preflight and origin_allowed) then
    return reply_options(server, req, res, methods, origin_allowed)
  elseif handler then
    req.params = params
    handler(req, res)
    complete(server, req, res)
  elseif methods then
    res:reply(405, "Method Not Allowed\n", { Allow = table.concat(methods, ", ") })
  else
    res:reply(404, "Not Found\n")
  end
end

--- The core's callback for a request that has been received whole.
-- @param server the server's state (sse.server.server_object)
-- @param exchange of the core
-- @return the request, for the entry of `on_response`
function dispatch.on_request(server, exchange)
  local req = request.new(exchange)
  local res = response.new(exchange, req, server.compress)
  task.start(function(err) on_handler_error(server, req, res, err) end,
    handle, server, req, res)
  return req
end

return dispatch
