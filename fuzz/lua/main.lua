-- main.lua ROOT SEED SECONDS TRACE: calls the Lua interface with values of every type for that many
-- seconds; each seed is a case with objects of its own, 0 seconds are one case. Calls may raise
-- errors, but not crash, nor do what the sanitizers report. The file TRACE has the calls of the
-- current case. Prints the number of calls and, by place, errors that no program should see.
local core = require "sse.core"
local new_objects = require("fuzz.lua.objects").new
local members = require("fuzz.lua.objects").members
local functions = require("fuzz.lua.objects").functions()
local values = require "fuzz.lua.values"
local random = require "spec.chaos.random"
local sse = require "sse"

local CALLS = 150 -- in a case
local NESTED = 60 -- by callbacks in a case
local MAX_DEPTH = 3

local names, seed, seconds = values.names(arg[1]), tonumber(arg[2]), tonumber(arg[3])
local trace

local total, internal = 0, {}

-- Notes an error that blames a line of the library, which is the library's fault.
local function note(message)
  message = tostring(message)
  local place, what = message:match "(lua/sse/[%w_/]+%.lua:%d+): (attempt to .*)"
  if not place then place, what = message:match "(lua/sse/[%w_/]+%.lua:%d+): (bad argument .*)" end
  if place and not internal[place] then internal[place] = what:match "[^\n]*" end
end

local case = {}
case.__index = case

local function show(value)
  local kind = type(value)
  if kind == "string" then
    return ("%q"):format(#value > 60 and value:sub(1, 60) .. "..." or value)
  end
  if kind == "number" or kind == "nil" or kind == "boolean" then return tostring(value) end
  local metatable = debug.getmetatable(value)
  return metatable and rawget(metatable, "__name") or kind
end

local function describe(name, args)
  local list = {}
  for i = 1, args.n do list[i] = show(args[i]) end
  return ("%s(%s)\n"):format(name, table.concat(list, ", "))
end

-- Calls a function, notes the call in the trace, and keeps the results.
local function try(self, name, public, fn, args)
  trace:write(("  "):rep(self.depth), describe(name, args))
  total = total + 1
  local results = table.pack(pcall(fn, table.unpack(args, 1, args.n)))
  if results[1] then
    for i = 2, results.n do self.objects:add(results[i]) end
  elseif public then
    note(results[2])
  end
end

local function arguments(self, first)
  local args = table.pack(first)
  for _ = 1, self.rnd:upto(4) - 1 do
    args.n = args.n + 1
    args[args.n] = self.values:any()
  end
  return args
end

-- A call that waits outside of a task turns the loop itself until it is done, which may be never.
local function would_wait(name, public)
  return not core.running() and (public or name:find "drain$" or name:find "turn$")
end

local function call_function(self)
  local name, fn, public = table.unpack(self.rnd:pick(functions))
  if would_wait(name, public) then return end
  local args
  if self.rnd:one_in(2) then args = arguments(self, self.values:any())
  else args = arguments(self, self.rnd:one_in(2) and self.values:table(0) or self.objects:any()) end
  try(self, name, public, fn, args)
end

-- Calls a method, on its own object or on another value; or reads or writes a field.
local function call_member(self)
  local object, rnd = self.objects:any(), self.rnd
  if not object then return end
  local known = members(object)
  local name = known[1] and not rnd:one_in(6) and rnd:pick(known) or self.values:name()
  local public = type(object) == "table"
  local full = show(object) .. "." .. tostring(name)
  if name == "set_json_check" or name:find "^__" or would_wait(name, public) then return end
  local ok, value = pcall(function() return object[name] end)
  if not ok and public then note(value) end
  if ok and type(value) == "function" and not rnd:one_in(8) then
    local self_argument = rnd:one_in(6) and self.values:any() or object
    try(self, full, public and self_argument == object, value, arguments(self, self_argument))
  elseif rnd:one_in(3) and not (public and rawget(object, name)) then -- not private fields
    local given = self.values:any()
    try(self, full .. " = ", public, function(v) object[name] = v end, table.pack(given))
  end
end

local function call_operator(self)
  local object, other = self.objects:any(), self.values:any()
  local closes, walks = self.rnd:one_in(4), self.rnd:one_in(2)
  try(self, "operators", false, function()
    local _close <close> = closes and object or nil
    if walks then next(table.pack(pairs(object))) end
    return tostring(object), object == other, #object
  end, table.pack(object))
end

function case:call()
  if self.depth >= MAX_DEPTH or self.left <= 0 then return end
  self.depth, self.left = self.depth + 1, self.left - 1
  local kind = self.rnd:upto(12)
  local _leave <close> = setmetatable({}, { __close = function() self.depth = self.depth - 1 end })
  if kind <= 4 then call_function(self)
  elseif kind <= 10 then call_member(self)
  elseif kind == 11 then call_operator(self)
  else self.objects:make() end
end

local function turn()
  core.defer(function() end) -- a turn with a deferred call does not wait
  local ok, message = pcall(core.turn)
  if not ok and type(message) == "string" then note(message) end
end

local function run(number)
  local rnd = random.new(number)
  local self = setmetatable({ rnd = rnd, depth = 0, left = NESTED }, case)
  self.values = values.new(rnd, names)
  self.objects = new_objects(rnd, self.values)
  self.values.call = function() self:call() end
  self.values.object = function() return self.objects:any() end
  for _ = 1, CALLS do
    self.left = math.min(self.left + 1, NESTED)
    if rnd:one_in(4) then self.objects:make() end
    -- In a task, so that calls may wait.
    sse.spawn(function() self:call() end)
    if rnd:one_in(3) then turn() end
    if rnd:one_in(30) then collectgarbage() end
  end
  self.left = 0
  for _ = 1, 5 do turn() end
  self.objects:close()
end

local began = os.time()
repeat
  if trace then trace:close() end
  trace = assert(io.open(arg[4], "wb"))
  trace:setvbuf "no"
  trace:write(("seed %d\n"):format(seed))
  run(seed)
  seed = seed + 1
until os.time() - began >= seconds
print(("calls %d, up to seed %d"):format(total, seed - 1))
for place, what in pairs(internal) do print(("internal %s: %s"):format(place, what)) end
os.exit(true, true)
