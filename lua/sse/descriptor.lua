--- Waiting for file descriptors that are not the library's: standard input, a pipe, another
-- library's socket.
--
--    while sse.readable(io.stdin) do
--      local line = io.read()
--      if not line then break end
--      channel:publish { data = line }
--    end
--
-- A descriptor is ready when reading or writing would not block: also at its end and where it has
-- failed. Regular files are always ready. What a Lua file has read ahead is not seen: a file that
-- is read by lines from a pipe is to be set by `file:setvbuf "no"`. Reading a line then blocks
-- until it is whole. A descriptor must not be closed while somebody waits for it.
-- @module sse.descriptor
require "sse.shared.lua_version"

local core = require "sse.core"
local options = require "sse.shared.options"
local task = require "sse.task"

local descriptor = {}

local function index(t, key) return t[key] end

-- The integer or Lua file that a program's value stands for.
local function resolve(name, value)
  local kind = type(value)
  if kind == "number" and math.tointeger(value) then return math.tointeger(value) end
  if io.type(value) then return value end
  if kind == "userdata" or kind == "table" then
    local ok, getfd = pcall(index, value, "getfd")
    local fd = ok and type(getfd) == "function" and getfd(value)
    if type(fd) == "number" and math.tointeger(fd) then return math.tointeger(fd) end
  end
  local expected = "%s: expected a descriptor, a file or an object with getfd, got %s"
  error(expected:format(name, options.show(value)), 3)
end

local function wait(name, value, to_write)
  local fd, ok, message, code = resolve(name, value), nil, nil, nil
  task.await(function(resume)
    ok, message, code = core.wait_descriptor(fd, to_write, resume)
    if not ok then resume() end
    return ok
  end, name)
  if not ok then return nil, message, code end
  return true
end

--- Waits until a descriptor can be read: in a task by yielding, outside of one by pumping the loop.
-- Several may wait for one.
-- @tparam int|file|table fd a descriptor; a Lua file; or an object with a method `getfd`, such as
-- LuaSocket's sockets
-- @return true; or nil, message, "ECLOSED" if the descriptor is not open
function descriptor.readable(fd, ...)
  options.check_count("sse.readable(fd)", ...)
  return wait("sse.readable", fd, false)
end

--- Waits until a descriptor can be written; otherwise as `readable`.
-- @tparam int|file|table fd
-- @return as of `readable`
function descriptor.writable(fd, ...)
  options.check_count("sse.writable(fd)", ...)
  return wait("sse.writable", fd, true)
end

return descriptor
