--- Which answers are no event stream, and the beginning of what they said instead.
-- @module sse.client.response_check
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"

local refusal = {
  MAX_BODY = 65536, -- bytes of a refused answer's body that are kept
  body_time = 5000, -- ms that they are waited for
}

local MAX_SHOWN = 80

-- What a server wrote, as a message that may end in a terminal or a log shows it.
local function shown(text)
  if #text > MAX_SHOWN then text = text:sub(1, MAX_SHOWN) .. "..." end
  return (text:gsub("%c", "?"))
end

--- Why an answer is refused, or nil.
-- @tparam table answer status, headers
-- @tparam boolean accepted whether its status is one to accept
function refusal.of(answer, accepted)
  local more = { status = answer.status, headers = answer.headers }
  if not accepted then
    local message = ("the server answered with status %d"):format(answer.status)
    return failure.new(message, "EHTTP", more)
  end
  local kind = answer.headers["content-type"]
  if headers.is_event_stream(kind) then return nil end
  local named = kind and ("'%s'"):format(shown(kind)) or "none"
  return failure.new(("the content type is %s, not text/event-stream"):format(named), "ETYPE", more)
end

--- Keeps a piece of the refused answer's body with its failure.
-- @treturn boolean whether that is enough
function refusal.keep(why, bytes)
  local pieces = why.pieces or {}
  why.pieces, why.size = pieces, why.size or 0
  pieces[#pieces + 1] = bytes:sub(1, refusal.MAX_BODY - why.size)
  why.size = why.size + #pieces[#pieces]
  return why.size >= refusal.MAX_BODY
end

--- What was kept becomes the failure's body.
-- @return the failure
function refusal.seal(why)
  why.body = table.concat(why.pieces or {})
  why.pieces, why.size = nil, nil
  return why
end

return refusal
