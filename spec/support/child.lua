--- Programs in processes of their own.
local core = require "sse.core"
local wait = require "spec.support.wait"

local child = {}
child.__index = child

local running = {}

local LONG = 30000 -- ms: a program may do much

-- For `env`: without the sanitizer's library that is preloaded for Lua and hangs some programs.
local UNLOADED = "-u LD_PRELOAD -u DYLD_INSERT_LIBRARIES"
child.UNLOADED = "env " .. UNLOADED

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The interpreter that runs this spec.
function child.lua()
  local i = 0
  while arg[i - 1] do i = i - 1 end
  local name = i < 0 and arg[i] or ""
  return name:find "lua[^/]*$" and name or os.getenv "LUA" or "lua5.4"
end

local function make_pipe()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  return path
end

local function launch(command, environment, talks)
  local self = setmetatable({ out = os.tmpname(), done = os.tmpname() }, child)
  self.pipe = talks and make_pipe()
  local input = talks and "<" .. self.pipe or ""
  local script = "exec 2>/dev/null; env %s %s %s >%s 2>&1 & echo $!; wait $!; echo $? >%s"
  script = script:format(environment or "", command, input, self.out, self.done)
  self.shell = assert(io.popen(script, "r"))
  self.pid = assert(self.shell:read "n")
  if talks then self.input = assert(io.open(self.pipe, "w")) end
  running[self] = true
  return self
end

--- Starts a Lua program.
-- @tparam string command "examples/clock.lua 0"
-- @tparam[opt] string environment "NAME=value ..."
-- @tparam[opt] boolean talks whether it reads what write() gives it, instead of nothing
function child.start(command, environment, talks)
  return launch(("%s %s"):format(quote(child.lua()), command), environment, talks)
end

--- Starts another program, without what is preloaded for Lua.
-- @tparam string command
-- @tparam[opt] boolean talks whether it reads what write() gives it, instead of nothing
function child.program(command, talks)
  return launch(command, UNLOADED, talks)
end

--- Writes bytes to the program's standard input.
function child:write(text)
  self.input:write(text)
  self.input:flush()
end

--- Ends the program's standard input.
function child:shut()
  if self.input then self.input:close() end
  self.input = nil
end

--- Starts a Lua program whose text is given.
function child.script(text, environment, talks)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(text):close()
  local self = child.start(path, environment, talks)
  self.script_path = path
  return self
end

--- What the program has printed so far.
function child:output() return read(self.out) end

--- Pumps the loop until the program's output matches; returns the captures.
function child:till(pattern)
  local found
  wait.till(function()
    found = table.pack(self:output():match(pattern))
    return found[1] or self:status()
  end, ("'%s' from the child"):format(pattern))
  if not found[1] then error(("ended without '%s': %s"):format(pattern, self:output()), 2) end
  return table.unpack(found, 1, found.n)
end

--- The program's exit status, nil while it runs.
function child:status() return tonumber(read(self.done)) end

--- Pumps the loop until the program has ended; returns its exit status.
function child:wait()
  return wait.until_true(function() return self:status() end, LONG, "the child's end")
end

--- Sends a signal by name.
function child:kill(name)
  core.forget_connections() -- a server that drains would wait for them
  assert(os.execute(("kill -%s %d"):format(name, self.pid)))
end

-- Whether the kernel has stopped the program.
local function is_stopped(self)
  local ps <close> = assert(io.popen(("env %s ps -o stat= -p %d"):format(UNLOADED, self.pid)))
  return ps:read "a":find "^T"
end

--- Stops the program as Ctrl-Z does, calls meanwhile(), and lets it go on after `ms` milliseconds.
function child:sleep(ms, meanwhile)
  self:kill "STOP"
  wait.till(function() return is_stopped(self) end, "the child's stop")
  meanwhile()
  wait.past(ms)
  self:kill "CONT"
end

--- For after_each: ends all programs that still run.
function child.stop()
  for self in pairs(running) do
    self:shut()
    if not self:status() then pcall(self.kill, self, "TERM") end -- it may have ended just now
    if not pcall(self.wait, self) then pcall(self.kill, self, "KILL") end
    self.shell:close()
    os.remove(self.out)
    os.remove(self.done)
    if self.pipe then os.remove(self.pipe) end
    if self.script_path then os.remove(self.script_path) end
  end
  running = {}
end

return child
