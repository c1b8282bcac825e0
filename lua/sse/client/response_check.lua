--- Checks whether a response is an event stream. One that is not fails its request, and the failure
-- carries the beginning of the response's body, in which servers say what was wrong.
-- @module sse.client.response_check
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"

local response_check = {
  MAX_BODY = 65536, -- bytes of a rejected response's body that are kept
  body_time = 5000, -- ms that the client waits for them
}

local MAX_SHOWN = 80

-- A server's text as a message shows it: cut, and without control characters, for the message may
-- end in a terminal or a log.
local function printable(text)
  if #text > MAX_SHOWN then text = text:sub(1, MAX_SHOWN) .. "..." end
  return (text:gsub("%c", "?"))
end

-- Whether the type of a response is that of an event stream, or one of the further `types`.
local function is_accepted(kind, types)
  if types == false then return true end
  local essence = headers.mime_essence(kind)
  for _, accepted in ipairs(types or {}) do
    if essence == accepted:lower() then return true end
  end
  return essence == "text/event-stream"
end

--- Checks a response's head.
-- @tparam table response `status`, `headers`
-- @tparam boolean accepted whether the caller accepts the status
-- @tparam {string,...}|boolean|nil types the program's `contentTypes`
-- @treturn table|nil the failure ("EHTTP" for the status, "ETYPE" for the content type) if the
-- response is rejected
function response_check.failure_of(response, accepted, types)
  local more = { status = response.status, headers = response.headers }
  if not accepted then
    local message = ("the server answered with status %d"):format(response.status)
    return failure.new(message, "EHTTP", more)
  end
  local kind = response.headers["content-type"]
  if is_accepted(kind, types) then return nil end
  local named = kind and ("'%s'"):format(printable(kind)) or "none"
  return failure.new(("the content type is %s, not text/event-stream"):format(named), "ETYPE", more)
end

--- Collects a piece of a rejected response's body in its failure, up to MAX_BODY bytes in all.
-- @tparam table rejection the failure
-- @tparam string bytes
-- @treturn boolean whether no more is needed
function response_check.collect_body(rejection, bytes)
  local pieces = rejection.pieces or {}
  rejection.pieces, rejection.size = pieces, rejection.size or 0
  pieces[#pieces + 1] = bytes:sub(1, response_check.MAX_BODY - rejection.size)
  rejection.size = rejection.size + #pieces[#pieces]
  return rejection.size >= response_check.MAX_BODY
end

--- Joins the collected pieces into the failure's `body`.
-- @tparam table rejection the failure
-- @treturn table the same
function response_check.finish_body(rejection)
  rejection.body = table.concat(rejection.pieces or {})
  rejection.pieces, rejection.size = nil, nil
  return rejection
end

return response_check
