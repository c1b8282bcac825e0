--- Tells of responses that have ended: `server.on_response` and the access log.
-- @module sse.server.ended
local errors = require "sse.server.errors"
local hints = require "sse.shared.hints"
local protected = require "sse.shared.protected"
local worker = require "sse.server.worker"

local ended = {}

local entry_metatable = hints.record("entry", "an entry", {
  req = true, method = true, target = true, protocol = true, remote_address = true, status = true,
  bytes = true, ms = true, time = true, reason = true, id = true,
  worker = true,
})

-- The function may change the entry.
local function call(state, what, fn, entry)
  local req = entry.req
  local ok, err = protected.call(fn, entry)
  if not ok then errors.report(state.on_error, err, { what = what, req = req }) end
end

--- Has the core report the responses to requests that arrive from now on, if there is a function or
-- a log that wants them. Nothing is recorded otherwise.
-- @tparam table state of sse.server.server_object: `on_response` and `access_log`, each a
-- function(entry) or nil
function ended.update(state)
  if not state.on_response and not state.access_log then
    return state.core:set_on_response(nil)
  end
  state.core:set_on_response(function(entry)
    local req = entry.req
    entry.id = req and req.id
    entry.worker = worker.current and worker.current.id
    setmetatable(entry, entry_metatable)
    if state.access_log then call(state, "access_log", state.access_log, entry) end
    if state.on_response then call(state, "on_response", state.on_response, entry) end
  end)
end

return ended
