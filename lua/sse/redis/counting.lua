--- What a store does for the numbers of followers of its channels (sse.redis.presence): many
-- channels' numbers are told a few at a time, and all are taken away when the store is closed.
-- @module sse.redis.counting
local core = require "sse.core"
local processes = require "sse.redis.processes"

local AT_ONCE, WINDOW = 200, 100 -- so many are told or read in so many ms
local LOOK_EVERY = 5000 -- ms, at most, between looks for numbers that wait or are old

local counting = {}

local function list_of(store)
  local list = {}
  for _, log in pairs(store.logs) do list[#list + 1] = log.presence end
  return list
end

-- --- asking --------------------------------------------------------------------------------------

local flush

local function flush_later(store, waiting)
  if waiting.timer then return end
  waiting.timer = core.timer(WINDOW, function()
    waiting.timer = nil
    flush(store)
  end)
  waiting.timer:unref()
end

function flush(store)
  local waiting, now = store.counts, core.now()
  if not waiting or store.pair.state ~= "up" then return end
  if now - waiting.since >= WINDOW then waiting.since, waiting.sent = now, 0 end
  while waiting.first <= waiting.last do
    if waiting.sent >= AT_ONCE then return flush_later(store, waiting) end
    local presence = waiting[waiting.first]
    waiting[waiting.first] = nil
    waiting.first = waiting.first + 1
    if presence.queued == waiting then
      presence.queued = nil
      if presence:send() then waiting.sent = waiting.sent + 1 end
    end
  end
end

--- Has a channel's numbers asked for or told, in its turn.
function counting.queue(store, presence)
  if store.closing or store.closed or store.router and store.router.closing then return end
  local waiting = store.counts
  if not waiting then
    waiting = { first = 1, last = 0, since = 0, sent = 0 }
    store.counts = waiting
  end
  if presence.queued == waiting then return end
  presence.queued = waiting
  waiting.last = waiting.last + 1
  waiting[waiting.last] = presence
  if not waiting.timer then flush(store) end
end

-- --- the server ----------------------------------------------------------------------------------

--- The server is there.
function counting.on_up(store)
  for _, presence in ipairs(list_of(store)) do presence:enter(store) end
end

--- It is not.
function counting.on_down(store)
  if store.counts and store.counts.timer then store.counts.timer:stop() end
  store.counts = nil
end

--- Called now and then while the server is there.
function counting.tick(store, now)
  local its = processes.known(store)
  if not its then return end
  its:tick(now)
  if now < (store.next_count or 0) then return end
  store.next_count = now + math.min(LOOK_EVERY, store.target.expire / 10)
  for _, presence in ipairs(list_of(store)) do presence:tick(now) end
end

-- --- the end -------------------------------------------------------------------------------------

-- Counts what is asked last; the store ends once it has the replies.
local function waiter(store)
  return function()
    if store.leaving > 0 then store:count_leaving(-1) end
  end
end

--- Takes the numbers of a store that closes away.
function counting.withdraw(store)
  for _, presence in ipairs(list_of(store)) do
    if presence:withdraw(waiter(store)) then store:count_leaving(1) end
  end
end

--- Says that this process has no followers, and has gone.
function counting.leave(owner)
  local its = owner.processes
  local store
  store = its and its:leave(function() waiter(store)() end)
  if store then store:count_leaving(1) end
end

--- The store is closed.
function counting.finish(store)
  counting.on_down(store)
  for _, presence in ipairs(list_of(store)) do presence:finish() end
end

return counting
