--- Checks whether a response is an event stream. One that is not fails its request, and the failure
-- carries the beginning of the response's body, in which servers say what was wrong.
-- @module sse.client.response_check
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"

local response_check = {
  MAX_BODY = 65536, -- bytes of a rejected response's body that are kept
  body_time = 5000, -- ms that the client waits for them
}

local MAX_TYPE, MAX_TEXT = 80, 200 -- bytes

-- A server's text as a message shows it: cut, and without control characters, for the message may
-- end in a terminal or a log.
local function printable(text, max)
  if #text > max then text = text:sub(1, max):gsub("[\xC0-\xFF][\x80-\xBF]*$", "") .. "..." end
  return (text:gsub("%s+", " "):gsub("%c", "?"):gsub(" $", ""))
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
    if response.status == 401 then message = message .. " (credentials go into 'headers')" end
    return failure.new(message, "EHTTP", more)
  end
  local kind = response.headers["content-type"]
  if is_accepted(kind, types) then return nil end
  local named = kind and ("'%s'"):format(printable(kind, MAX_TYPE)) or "none"
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

--- Joins the collected pieces into the failure's `body`. The message says how the body begins,
-- since there servers write what was wrong.
-- @tparam table rejection the failure
-- @treturn table the same
function response_check.finish_body(rejection)
  local body = table.concat(rejection.pieces or {})
  rejection.body, rejection.pieces, rejection.size = body, nil, nil
  local is_refused = rejection.code == "ETYPE" or rejection.code == "EHTTP"
  local text = is_refused and printable(body, MAX_TEXT) or ""
  if text ~= "" then failure.say(rejection, "; the body begins: " .. text) end
  return rejection
end

--- Says in a failure's message that the stream's last blocks were of unknown fields, in which some
-- servers write what went wrong ("error: {...}").
-- @tparam table why the failure
-- @tparam int count of these blocks; 0: nothing is said
-- @tparam string text the beginning of the last one
-- @treturn table the failure
function response_check.note_ignored(why, count, text)
  if count > 0 then
    local blocks = count == 1 and "1 block" or ("the last of %d blocks"):format(count)
    failure.say(why, ("; its end is %s of unknown fields: %s"):format(blocks,
      printable(text, MAX_TEXT)))
  end
  return why
end

return response_check
