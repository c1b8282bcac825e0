--- For the programs of workers in specs: says that a worker is up once its master has been told, so
-- that it is no start that fails when the spec ends the worker from then on.
local core = require "sse.core"
local worker = require "sse.server.worker"

--- Prints `up TEXT` as soon as the worker has told its master that it is ready: before it hears
-- anything of the master's.
-- @tparam string text the worker's id, its process and a version, as Master:workers reads them
return function(text)
  local write = core.pair_write
  function core.pair_write(fd, said, ...)
    local count, message, code = write(fd, said, ...)
    if fd == worker.current.control and said == "r" then
      core.pair_write = write
      print("up " .. text)
    end
    return count, message, code
  end
end
