--- What specs of misuse share: a check of who is blamed, and a handler that misuses its arguments.
local assert = require "luassert"
local serving = require "spec.support.serving"

local misuse = {}

--- Checks that fn raises the message and blames a line of the file that fn is in.
function misuse.blames(message, fn)
  local name = debug.getinfo(fn, "S").short_src:match "([%w_]+)%.lua$"
  local ok, err = pcall(fn)
  assert.is_false(ok)
  local told = tostring(err):match("^[^\n]*" .. name .. "%.lua:%d+: (.*)$")
  assert.truthy(told, tostring(err))
  assert.truthy(told:find(message, 1, true), told)
end

--- Runs fn(req, res) as the handler of a request; raises what fn raised, or returns the response.
function misuse.handle(fn)
  serving.start(function(server) server:get("/", fn) end)
  local response = serving.request("GET /")
  if serving.errors[1] then error(serving.errors[1].message, 0) end
  return response
end

return misuse
