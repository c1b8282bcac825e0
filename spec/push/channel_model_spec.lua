-- Random scripts against a model: no event is missing or comes twice, unless a gap event says so.
-- `make model` runs 10,000; SSE_MODEL_SEED is the seed of the first script, SSE_MODEL_SCRIPTS their
-- number.
local following = require "spec.support.following"
local new_server = require "sse.server"
local net = require "spec.support.net"
local raw = require "spec.support.raw"
local script = require "spec.support.script"
local wait = require "spec.support.wait"

local many = tonumber(os.getenv "SSE_MODEL_SCRIPTS") or net.stress and 30 or 300
local first = tonumber(os.getenv "SSE_MODEL_SEED") or 1

local function serve()
  local failed
  local server = new_server { on_error = function(message) failed = failed or message end }
  server:get("/", script.handle)
  assert(server:listen())
  return server, function() return failed end
end

describe("channel model", function()
  it(("line 48: %d scripts from seed %d"):format(many, first), function()
    local fds = wait.fds()
    local wide, wide_error = serve()
    local narrow, narrow_error = serve()
    following.shrink_buffers(narrow.port)
    for seed = first, first + many - 1 do
      script.run(seed, wide.port, narrow.port)
      local message = wide_error() or narrow_error()
      if message then error(("script %d: %s"):format(seed, message), 0) end
    end
    for _, server in ipairs { wide, narrow } do
      raw.pump(function()
        local stats = server:stats()
        return stats.connections.open == 0 and stats.streams.open == 0
      end, "the connections to end")
      server:close()
    end
    script.current = nil
    wait.idle()
    assert.equal(fds, wait.fds())
  end)
end)
