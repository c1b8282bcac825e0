--- What specs of misuse share: who is blamed, and a handler that misuses what it gets.
local assert = require "luassert"
local serving = require "spec.support.serving"

local misuse = {}

--- fn raises the message, at a line of the file that fn is in.
function misuse.blames(message, fn)
  local name = debug.getinfo(fn, "S").short_src:match "([%w_]+)%.lua$"
  local ok, err = pcall(fn)
  assert.is_false(ok)
  local told = tostring(err):match("^[^\n]*" .. name .. "%.lua:%d+: (.*)$")
  assert.truthy(told, tostring(err))
  assert.truthy(told:find(message, 1, true), told)
end

--- Runs fn(req, res) as a handler that answers, and raises what it raised.
function misuse.handle(fn)
  serving.start(function(server) server:get("/", fn) end)
  local answer = serving.request("GET /")
  if serving.errors[1] then error(serving.errors[1].message, 0) end
  return answer
end

return misuse
