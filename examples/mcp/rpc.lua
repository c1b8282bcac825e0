--- JSON-RPC 2.0 as the Model Context Protocol has it: one message a request, no batches, ids that
-- are strings or integers.
local sse = require "sse"

local rpc = {
  PARSE_ERROR = -32700, INVALID_REQUEST = -32600, METHOD_NOT_FOUND = -32601,
  INVALID_PARAMS = -32602, INTERNAL_ERROR = -32603, HEADER_MISMATCH = -32020,
  UNSUPPORTED_VERSION = -32022,
  JSON = { ["Content-Type"] = "application/json" },
}

local MAX_ID = 256 -- bytes of an id or a progress token: each message about the request repeats it

--- Whether the value can be the id of a request, or its progress token.
function rpc.is_id(value)
  return math.type(value) == "integer" or type(value) == "string" and #value <= MAX_ID
end

--- What a client says, for a line of a log: ASCII without control characters, and not long.
function rpc.printable(value)
  return (tostring(value):sub(1, 60):gsub("[^\32-\126]", "?"))
end

function rpc.result(id, result)
  return sse.json.encode { jsonrpc = "2.0", id = id, result = result }
end

function rpc.error(id, code, message, data)
  local fault = { code = code, message = message, data = data }
  return sse.json.encode { jsonrpc = "2.0", id = id, error = fault }
end

function rpc.notification(method, params)
  return sse.json.encode { jsonrpc = "2.0", method = method, params = params }
end

--- Answers with a JSON-RPC error and status 200: HTTP did its part, what is asked for is wrong.
function rpc.reply_error(res, id, code, message)
  res:reply(200, rpc.error(id, code, message), rpc.JSON)
end

--- Raises the error that answers the HTTP request with this status and a JSON-RPC error.
function rpc.refuse(status, id, code, message, data, headers)
  local fields = { ["Content-Type"] = "application/json" }
  for name, value in pairs(headers or {}) do fields[name] = value end
  error { status = status, message = rpc.error(id, code, message, data), headers = fields }
end

-- What is wrong with the message; nil if nothing is.
local function fault_of(message)
  if type(message) ~= "table" or message[1] ~= nil then
    return "expected one JSON-RPC message, an object; batches are not part of this revision"
  elseif message.jsonrpc ~= "2.0" then
    return "'jsonrpc' must be \"2.0\""
  elseif message.id ~= nil and not rpc.is_id(message.id) then
    return ("'id' must be an integer of 64 bits or a string of at most %d bytes"):format(MAX_ID)
  elseif message.params ~= nil and (type(message.params) ~= "table" or message.params[1]) then
    return "'params' must be an object"
  elseif message.method ~= nil and type(message.method) ~= "string" then
    return "'method' must be a string"
  elseif message.method == nil and message.result == nil and message.error == nil then
    return "expected a request, a notification or a response"
  end
end

--- The message in a request's body: `method`, `params` (always a table), `id` (nil: a
-- notification). null is sse.json.null, so that an id that is null differs from none. Refuses what
-- is no message.
function rpc.parse(body)
  local message, problem = sse.json.decode(body, { null = true })
  if message == nil then rpc.refuse(400, nil, rpc.PARSE_ERROR, problem) end
  local fault = fault_of(message)
  if fault then
    local id = type(message) == "table" and rpc.is_id(message.id) and message.id or nil
    rpc.refuse(400, id, rpc.INVALID_REQUEST, fault)
  end
  message.params = message.params or {}
  message.meta = type(message.params._meta) == "table" and message.params._meta or {}
  return message
end

return rpc
