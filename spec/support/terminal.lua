--- Lua programs that run on a pseudo-terminal of their own, as in a user's window: Ctrl-C is a byte
-- that the terminal turns into SIGINT.
local child = require "spec.support.child"
local core = require "sse.core"
local descriptors = require "spec.descriptors"
local process = require "spec.process"
local wait = require "spec.support.wait"

local terminal = {}
terminal.__index = terminal

local running = {}

--- Starts a Lua program.
-- @tparam string text its source
-- @param ... its arguments
function terminal.script(text, ...)
  local self = setmetatable({ path = os.tmpname(), shown = "" }, terminal)
  local file <close> = assert(io.open(self.path, "w"))
  file:write(text):close()
  self.pid, self.user = descriptors.spawn(child.lua(), self.path, ...)
  running[self] = true
  return self
end

--- What the terminal shows so far, its line ends as LF.
function terminal:output()
  local bytes = descriptors.read(self.user)
  while bytes and bytes ~= "" do
    self.shown = self.shown .. bytes
    bytes = descriptors.read(self.user)
  end
  return (self.shown:gsub("\r\n", "\n"))
end

--- Pumps the loop until the terminal shows what matches; returns the captures.
function terminal:till(pattern)
  local found
  wait.till(function()
    local ended = self:status()
    found = table.pack(self:output():match(pattern))
    return found[1] or ended
  end, ("'%s' on the terminal"):format(pattern))
  if not found[1] then error(("ended without '%s': %s"):format(pattern, self:output()), 2) end
  return table.unpack(found, 1, found.n)
end

--- Types a text.
function terminal:type(text)
  assert(descriptors.write(self.user, text))
end

--- Presses Ctrl-C.
function terminal:interrupt()
  core.forget_connections() -- a server that drains would wait for them
  assert(descriptors.write(self.user, "\3"))
end

--- Sends a signal by name.
function terminal:kill(name)
  core.forget_connections()
  assert(os.execute(("kill -%s %d"):format(name, self.pid)))
end

--- The program's exit status, or minus the signal that ended it; nil while it runs.
function terminal:status()
  self.ended = self.ended or process.ended(self.pid)
  return self.ended
end

--- Pumps the loop until the program has ended; returns its status, and what the terminal shows.
function terminal:wait()
  wait.till(function()
    self:output() -- a full terminal would stop the program
    return self:status()
  end, "the program's end")
  return self.ended, self:output()
end

--- For after_each: ends all programs.
function terminal.stop()
  for self in pairs(running) do
    if not self:status() then
      self:kill "KILL"
      self:wait()
    end
    descriptors.close(self.user)
    os.remove(self.path)
  end
  running = {}
end

return terminal
