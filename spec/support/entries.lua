--- Keeps what server.on_response is called with, for its specs.
local assert = require "luassert"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"

--- `entries.list`: the entries of the server that was started last.
local entries = { list = {} }

--- Forgets the entries that there are.
function entries.clear() entries.list = {} end

--- Keeps an entry: the function for on_response.
function entries.keep(entry) table.insert(entries.list, entry) end

--- Starts a server that keeps the entries, unless `options` has an on_response.
function entries.start(routes, options)
  entries.clear()
  options = options or {}
  options.on_response = options.on_response or entries.keep
  return serving.start(options, routes)
end

--- Waits for the nth entry, and checks its fields; false stands for nil.
function entries.check(n, expected)
  raw.pump(function() return entries.list[n] end, ("entry %d"):format(n))
  local entry = entries.list[n]
  for name, value in pairs(expected) do assert.same(value or nil, entry[name], name) end
  assert.equal("number", type(entry.ms))
  assert.truthy(entry.ms >= 0)
  assert.equal("integer", math.type(entry.time))
  return entry
end

return entries
