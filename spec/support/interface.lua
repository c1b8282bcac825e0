--- Calls of the public interface with values of every type. Each call must succeed, return nil,
-- message, code, or raise an error that blames the line of the call.
local assert = require "luassert"

local interface = {}

local ABSENT = {} -- stands for nil in lists of values

local call = load([[
  local f = ...
  return function(...)
    local results = table.pack(f(...))
    return table.unpack(results, 1, results.n)
  end]], "=caller")
local write = assert(load("local object, key, value = ... object[key] = value", "=caller"))
local read = assert(load("local object, key = ... local value = object[key] return value",
  "=caller"))

-- Where each call takes long (make stress, make valgrind), only one of every SHARE calls is made.
local SHARE = tonumber(os.getenv "SSE_TEST_PATIENCE" or 1) >= 10 and 7 or 1
local counted = 0

--- Whether the next call is to be made.
function interface.is_due()
  counted = counted + 1
  return counted % SHARE == 0
end

local function noop() end

--- Values of each type, with the edges of its range.
function interface.values()
  return {
    { "nil", ABSENT }, { "true", true }, { "false", false }, { "0", 0 }, { "-1", -1 },
    { "1.5", 1.5 }, { "inf", math.huge }, { "nan", 0 / 0 }, { "mininteger", math.mininteger },
    { "''", "" }, { "'x'", "x" }, { "a string with NUL", "a\0b" }, { "a string with LF", "a\nb" },
    { "{}", {} }, { "{ 1 }", { 1 } }, { "{ x = 1 }", { x = 1 } }, { "{ { } }", { {} } },
    { "a function", noop }, { "a userdata", io.stdout },
    { "a thread", coroutine.create(noop) },
  }
end

local function is_position(message)
  return message:find("^caller:%d+: ") and not message:find("attempt to ", 1, true)
    and not message:find("lua/sse/", 1, true) and not message:find("to '?'", 1, true)
end

-- What is wrong with the outcome of a call, or nil.
local function judge(ok, first, second, third)
  if not ok then
    if type(first) ~= "string" then return "raised a " .. type(first) end
    return not is_position(first) and "raised: " .. first or nil
  end
  if first ~= nil or second == nil then return nil end
  if type(second) ~= "string" then return "gave nil and a " .. type(second) end
  if third ~= nil and type(third) ~= "string" then return "gave a code: a " .. type(third) end
end

local function drop(first)
  local kind = type(first)
  if kind ~= "userdata" and kind ~= "table" or io.type(first) then return end
  for _, name in ipairs { "close", "stop" } do
    local ok, method = pcall(function() return first[name] end)
    if ok and type(method) == "function" then pcall(method, first) end
  end
end

--- What a call raises, without the position, if it blames the line of the call; else nil.
function interface.raised(f, ...)
  local ok, message = pcall(call(f), ...)
  return not ok and is_position(tostring(message)) and message:match "^caller:%d+: (.*)$" or nil
end

--- A report: `check` adds faults to it, `clean` asserts that there are none.
function interface.report()
  local report = { wrong = {}, calls = 0 }

  -- Judges the outcome of a call that the caller's chunk made, and closes what the call returned.
  local function add(what, ok, ...)
    report.calls = report.calls + 1
    local problem = judge(ok, ...)
    if problem then table.insert(report.wrong, what .. " " .. problem) end
    if ok then drop(...) end
  end

  --- Calls f(...) and judges the outcome.
  function report.check(what, f, ...)
    add(what, pcall(call(f), ...))
  end

  function report.write(what, object, key, value)
    add(what, pcall(write, object, key, value))
  end

  function report.read(what, object, key)
    local ok, err = pcall(read, object, key)
    if not ok then add(what, ok, err) end
  end

  function report.clean()
    assert(report.calls > 0, "nothing was called")
    assert.equal("", table.concat(report.wrong, "\n"))
  end

  return report
end

local function real(value)
  if value == ABSENT then return nil end
  return value
end

local function replaced(args, i, value)
  local list = table.move(args, 1, #args, 1, {})
  list.n = math.max(#args, i)
  list[i] = real(value)
  return list
end

--- Calls f in every wrong way: with each argument replaced by each value, with an argument more,
-- with too few, and, for a method, without the object.
-- @tparam string name
-- @tparam function make returns fitting arguments, new ones for each call
-- @tparam table values see `interface.values`
-- @tparam function try called with a text and the packed arguments
function interface.each_call(name, make, values, try)
  local count = #make()
  for i = 1, count + 1 do
    for _, value in ipairs(values) do
      if interface.is_due() then
        local args = replaced(make(), i, value[2])
        try(("%s, argument %d is %s"):format(name, i, value[1]), args)
      end
    end
  end
  for n = 0, count - 1 do
    local args = make()
    try(("%s, %d arguments"):format(name, n), table.pack(table.unpack(args, 1, n)))
    try(("%s, the last %d arguments"):format(name, n),
      table.pack(table.unpack(args, count - n + 1, count)))
  end
end

interface.real = real

return interface
