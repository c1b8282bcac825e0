--- Reports errors in what a program gave a server to call.
-- @module sse.server.error_report
local core = require "sse.core"
local raised = require "sse.server.raised"

local error_report = {}

--- A message handler: adds a traceback to an error that is a string.
function error_report.with_traceback(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

--- Passes an error to the server's `on_error`, or writes it to standard error if there is none.
-- @tparam table state of sse.server.server_object
-- @param err what was raised, a text with its traceback
-- @tparam string what was called: "handler", "on_response", "access_log"
-- @tparam[opt] table req
function error_report.report(state, err, what, req)
  if state.on_error then
    local ok, why = xpcall(state.on_error, debug.traceback, err, req)
    if not ok then core.report(why) end
    return
  end
  local where = req and (" %s %s"):format(req.method, req.path) or ""
  io.stderr:write(("lua-sse: error in %s%s: %s\n"):format(what, where, raised.text(err)))
end

return error_report
