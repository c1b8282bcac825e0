--- Runs the random scripts of spec.support.script against servers of their own.
local following = require "spec.support.following"
local new_server = require "sse.server"
local script = require "spec.support.script"
local wait = require "spec.support.wait"

-- A server of the scripts, and a function that gives its first error.
local function serve()
  local failed
  local server = new_server { on_error = function(message) failed = failed or message end }
  server:get("/", script.handle)
  assert(server:listen())
  return server, function() return failed end
end

--- Runs scripts, and checks that nothing is left.
-- @tparam int first the seed of the first script
-- @tparam int count
-- @tparam[opt] table storing how the scripts' stores are made: see spec.support.script
return function(first, count, storing)
  local fds = wait.fds()
  local wide, wide_error = serve()
  local narrow, narrow_error = serve()
  following.shrink_buffers(narrow.port)
  for seed = first, first + count - 1 do
    script.run(seed, wide.port, narrow.port, storing)
    local message = wide_error() or narrow_error()
    if message then error(("script %d: %s"):format(seed, message), 0) end
  end
  for _, server in ipairs { wide, narrow } do
    wait.till(function()
      local stats = server:stats()
      return stats.connections.open == 0 and stats.streams.open == 0
    end, "the connections to end")
    server:close()
  end
  script.current = nil
  wait.idle()
  assert(fds == wait.fds(), "descriptors are left")
end
