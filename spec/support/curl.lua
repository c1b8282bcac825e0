--- curl, a client that is not ours, in a process of its own.
local wait = require "spec.support.wait"

local curl = {}
curl.__index = curl

local running = {}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

--- Starts curl, without the sanitizer's library that is preloaded for Lua and hangs curl.
-- @tparam string arguments shell words
function curl.start(arguments)
  local self = setmetatable({ out = os.tmpname() }, curl)
  local pipe <close> = io.popen(("env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES curl -sN %s >%s & "
    .. "echo $!"):format(arguments, self.out))
  self.pid = pipe:read "n"
  running[self] = true
  return self
end

--- Pumps the loop until curl's output matches; returns the captures, or the match.
function curl:till(pattern)
  return wait.till(function()
    local found = table.pack(read(self.out):match(pattern))
    return found[1]
  end, ("'%s' from curl"):format(pattern))
end

--- What curl has printed so far.
function curl:output() return read(self.out) end

--- Ends curl.
function curl:kill()
  if not running[self] then return end
  running[self] = nil
  os.execute(("kill %d 2>/dev/null"):format(self.pid))
  os.remove(self.out)
end

--- For after_each: ends all that still run.
function curl.stop()
  for self in pairs(running) do self:kill() end
end

return curl
