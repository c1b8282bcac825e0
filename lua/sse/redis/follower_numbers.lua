--- The numbers of followers that other processes have of one channel, as this process has heard.
-- They count while their process is alive (sse.redis.processes).
-- @module sse.redis.follower_numbers
local MOST_FOLLOWERS = 0x7fffffff -- of a process; a larger number is none
local MOST_PROCESSES = 32768 -- whose numbers are kept
local MOST_DEAD = 50 -- of a list

local FollowerNumbers = {}
FollowerNumbers.__index = FollowerNumbers

--- Keeps a process's number; 0: it has no followers. Returns whether the sum is another one.
function FollowerNumbers:set(process, number)
  local before = self.by_process[process]
  if before == nil and (number == 0 or self.count >= MOST_PROCESSES) then return false end
  self.count = self.count + (before == nil and 1 or number == 0 and -1 or 0)
  self.by_process[process] = number > 0 and number or nil
  if not self.processes.live[process] then
    self.processes:meet(process)
    return false
  end
  self.sum = self.sum + number - (before or 0)
  return number ~= before
end

--- Adds up once more: other processes are alive than before.
function FollowerNumbers:recount()
  self.sum = 0
  for process, number in pairs(self.by_process) do
    if self.processes:is_live(process) then self.sum = self.sum + number end
  end
end

--- Forgets all numbers.
function FollowerNumbers:clear() self.by_process, self.count, self.sum = {}, 0, 0 end

--- Takes the numbers of all processes in place of those that are kept.
function FollowerNumbers:replace(by_process)
  self:clear()
  for process, number in pairs(by_process) do self:set(process, number) end
end

--- Some of the processes that are dead: their numbers can be dropped.
function FollowerNumbers:list_dead()
  local list = {}
  for process in pairs(self.by_process) do
    if #list == MOST_DEAD then break end
    if self.processes:is_dead(process) then list[#list + 1] = process end
  end
  return list
end

-- --- bytes ---------------------------------------------------------------------------------------

local function number_of(text)
  local number = math.tointeger(text)
  return number and number >= 0 and number <= MOST_FOLLOWERS and number or nil
end

local function is_process(text)
  return type(text) == "string" and #text == 16 and not text:find "[^0-9a-f]"
end

local follower_numbers = {}

--- What an announcement says: a process and its number; nil: it is somebody else's message.
function follower_numbers.parse(text)
  local process, number = text:match "^(%x+) (%d+)$"
  number = number and number_of(number)
  if number and is_process(process) then return process, number end
end

--- What the hash of a channel has: a table of processes and their numbers; nil: the reply is of no
-- known form. Fields of another form are somebody else's.
function follower_numbers.parse_all(reply)
  if type(reply) ~= "table" then return nil end
  local by_process = {}
  for i = 1, #reply - 1, 2 do
    local process, value = reply[i], reply[i + 1]
    local number = type(value) == "string" and number_of(value:match "^(%d+) %d+$" or "")
    if number and is_process(process) then by_process[process] = number end
  end
  return by_process
end

--- Makes an object. Fields: `sum`, of those that are alive; `count`, how many processes have
-- followers or had some when they were heard of last.
-- @param processes as of sse.redis.processes
function follower_numbers.new(processes)
  return setmetatable({ processes = processes, by_process = {}, count = 0, sum = 0 },
    FollowerNumbers)
end

return follower_numbers
