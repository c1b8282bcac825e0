--- What a handler raised, as a response. A table such as { status = 404, message = "no such user" }
-- is one; anything else is a 500.
-- @module sse.server.raised
local response = require "sse.server.response"

local raised = {}

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

-- As parts_of, without raising.
local function read(err)
  local ok, status, message, fields = pcall(parts_of, err)
  if ok then return status, message, fields end
end

--- Answers a request whose handler raised. A table with a `status` from 400 to 599 and a `message`
-- is the response, also with its `headers`, unless a part of another was sent already. Anything
-- else is a 500, or breaks off what was sent.
-- @param res
-- @param err what was raised
-- @treturn boolean whether the error is to be reported: not if the request was answered with a
-- status below 500
-- @return what to report: `err`, or a text that says what is wrong with its headers
function raised.answer(res, err)
  local status, message, fields = read(err)
  if status and not res.answered then
    res.kept = false
    local ok, sent, why, code = pcall(res.reply, res, status, message, fields)
    if ok and (res.answered or code == "ECLOSED") then return status >= 500, err end
    err = ("the raised table can't be the response: %s"):format(ok and why or sent)
  end
  response.fail(res)
  return true, err
end

--- The text for what a handler raised.
-- @treturn string
function raised.text(err)
  local status, message = read(err)
  local metatable = status and getmetatable(err)
  local has_text = type(metatable) == "table" and metatable.__tostring
  return status and not has_text and ("%d %s"):format(status, message) or tostring(err)
end

return raised
