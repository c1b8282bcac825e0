--- What a handler raised, as a response. A table such as { status = 404, message = "no such user" }
-- is one; anything else is a 500.
-- @module sse.server.raised
local errors = require "sse.server.errors"
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local response = require "sse.server.response"

local ANSWERED, KEPT = keys.ANSWERED, keys.KEPT

local raised = {}

--- Answers a request whose handler raised. A table with a `status` from 400 to 599 and a `message`
-- is the response, also with its `headers`, unless a part of another was sent already. Anything
-- else is a 500, or breaks off what was sent.
-- @param res
-- @param err what was raised
-- @treturn boolean whether the error is to be reported: not if the request was answered with a
-- status below 500
-- @return what to report: `err`, or a text that says what is wrong with its headers
function raised.answer(res, err)
  local status, message, fields = errors.response_of(err)
  if status and not res[ANSWERED] then
    rawset(res, KEPT, nil)
    local ok, sent, why, code = pcall(res.reply, res, status, message, fields)
    if ok and (res[ANSWERED] or code == "ECLOSED") then return status >= 500, err end
    local problem = options.text_of(ok and why or sent)
    err = "the raised table can't be the response: " .. problem
  end
  response.fail(res)
  return true, err
end

return raised
