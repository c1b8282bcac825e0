--- For the programs of workers in specs: says that a worker is up once its master has been told, so
-- that it is no start that fails when the spec ends the worker from then on.
local sse = require "sse"
local worker = require "sse.server.worker"

--- Prints `up TEXT` as soon as the worker has told its master that it is ready.
-- @tparam string text the worker's id, its process and a version, as Master:workers reads them
return function(text)
  local function look()
    if not worker.current.told then return sse.after(1, look) end
    print("up " .. text)
  end
  look()
end
