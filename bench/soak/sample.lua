--- What a process holds: memory, descriptors, and what its Lua state and its loop keep.
local core = require "sse.core"
local lfs = require "lfs"

local sample = {}

local function read(path)
  local file <close> = io.open(path)
  return file and file:read "a"
end

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

-- Bytes of memory: Pss without the pages of files, or the resident set where that is not known.
local function memory()
  local text = read "/proc/self/smaps_rollup"
  local pss = text and text:match "\nPss: *(%d+)"
  if pss then return (tonumber(pss) - tonumber(text:match "\nPss_File: *(%d+)" or 0)) * 1024 end
  return tonumber(shell "ps -o rss= -p $PPID") * 1024
end

local function descriptors()
  local count = -1 -- without the descriptor that reads the folder
  local folder = lfs.attributes "/proc/self/fd" and "/proc/self/fd" or "/dev/fd"
  for name in lfs.dir(folder) do
    if name:find "^%d+$" then count = count + 1 end
  end
  return count
end

-- --- objects -------------------------------------------------------------------------------------

local function kind_of(value)
  local kind = type(value)
  if kind ~= "userdata" then return kind end
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__name") or kind
end

local collectable = { table = true, ["function"] = true, thread = true, userdata = true }

local function locals_of(thread, add)
  local level = 0
  local info = debug.getinfo(thread, level, "f")
  while info do
    add(info.func)
    local at = 1
    local name, value = debug.getlocal(thread, level, at)
    while name do
      add(value)
      at = at + 1
      name, value = debug.getlocal(thread, level, at)
    end
    level = level + 1
    info = debug.getinfo(thread, level, "f")
  end
end

local visit = {
  ["table"] = function(value, add)
    for key, member in next, value do
      add(key)
      add(member)
    end
  end,
  ["function"] = function(value, add)
    local at = 1
    local name, upvalue = debug.getupvalue(value, at)
    while name do
      add(upvalue)
      at = at + 1
      name, upvalue = debug.getupvalue(value, at)
    end
  end,
  ["thread"] = locals_of,
  ["userdata"] = function(value, add)
    local at = 1
    local member, there = debug.getuservalue(value, at)
    while there do
      add(member)
      at = at + 1
      member, there = debug.getuservalue(value, at)
    end
  end,
}

-- Counts the objects that the registry leads to, by kind. Objects that only the stack of the
-- running coroutine holds are left out.
local function objects()
  local waiting, seen, counts = {}, {}, {}
  seen[waiting], seen[seen], seen[counts], seen[coroutine.running()] = true, true, true, true
  local function add(value)
    if not collectable[type(value)] or seen[value] then return end
    seen[value] = true
    waiting[#waiting + 1] = value
  end
  seen[add] = true
  add(debug.getregistry())
  while #waiting > 0 do
    local value = table.remove(waiting)
    local kind = kind_of(value)
    counts[kind] = (counts[kind] or 0) + 1
    counts.all = (counts.all or 0) + 1
    add(debug.getmetatable(value))
    visit[type(value)](value, add)
  end
  return counts
end

--- Collects garbage and returns what is left: `memory` (bytes), `descriptors`, `lua` (bytes),
-- `objects`, `timers` (of Lua), `events` (of the loop), `kinds` (objects by kind). With `trim`,
-- the allocator gives unused memory back first, and `heap` has the bytes in use.
function sample.take(trim)
  collectgarbage()
  collectgarbage()
  local heap = trim and trim()
  local lua = collectgarbage "count" * 1024
  local kinds = objects()
  return {
    memory = memory(), heap = heap, descriptors = descriptors(), lua = lua, objects = kinds.all,
    timers = kinds["sse.timer"] or 0, events = core.events(), kinds = kinds,
  }
end

--- The function of build/trim.so, or one that does nothing if that was not built.
function sample.trimmer(build)
  local open = package.loadlib(build .. "/trim.so", "luaopen_trim")
  return open and open() or function() end
end

return sample
