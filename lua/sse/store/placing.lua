--- Finds where a stream begins in channels whose logs stores keep, if their windows can't tell: the
-- client's id is older than the window, or from another process that has seen more.
-- @module sse.store.placing
local core = require "sse.core"
local task = require "sse.task"
local window = require "sse.store.window"

local placing = {}

-- Stream -> its calls of `follow` that are being placed, oldest first.
local jobs = setmetatable({}, { __mode = "k" })

local function read(its, after)
  return task.await(function(resume) its:read(after, 0, resume) end, "stream:follow")
end

-- Notes what the store has now, for a follower without an id: what is published while it is being
-- placed is after it.
local function note_head(job, channel)
  local its = window.of(channel)
  if not its then return end
  its:read(0, 0, function(result)
    job.heads[channel] = result
    if job.on_head then job.on_head() end
  end)
end

-- Waits until what note_head has asked for is there.
local function await_head(job, channel)
  while not job.heads[channel] do
    task.await(function(resume) job.on_head = resume end, "stream:follow")
  end
end

-- What the store says of two ids, the client's and the program's. nil: the window has changed
-- meanwhile.
local function look(its, job, after)
  await_head(job, its.channel)
  local epoch = core.window_state(its.channel)
  local result, view = read(its, 0), {}
  local last_id, head = job.last_id, job.heads[its.channel]
  for name, id in pairs { last = last_id, after = after } do
    local query = core.window_query(its.channel, id)
    if type(query) == "string" then
      result = read(its, query)
      view[name] = result.after
    end
  end
  view.epoch, view.first, view.next = epoch, result.first, result.head + 1
  view.oldest, view.newest = head.first, (head.asked_head or head.head) + 1
  if head.epoch ~= epoch then view.oldest, view.newest = 1, 1 end -- all that there is is new
  local own, _, next_, is_loaded = core.window_state(its.channel)
  if own ~= epoch or result.epoch ~= epoch or not is_loaded or result.head >= next_ then
    return nil
  end
  return view
end

local function is_followed(job, channel)
  local its = window.of(channel)
  return not job.left[channel] and not (its and its.finished)
end

-- The views of a job's channels. nil: the stream has ended, or follows one of them no more.
local function look_all(stream, job, list)
  local after = type(job.from) == "table" and job.from[1] or nil
  local views = {}
  for i, channel in ipairs(list) do
    local its, again = window.of(channel), false
    views[i] = false
    while its and not views[i] and not stream.closed and is_followed(job, channel) do
      task.await(function(resume) its:when_loaded(resume, again) end, "stream:follow")
      views[i] = look(its, job, after) or false
      again = true
    end
    if its and not views[i] then return nil end
  end
  return views
end

-- The channels of a job that the stream still follows, and which of them it has followed before, as
-- bits.
local function channels_of(job)
  local list, bits = {}, 0
  for i, channel in ipairs(job.channels) do
    if is_followed(job, channel) then
      if job.bits >> (i - 1) & 1 == 1 then bits = bits | 1 << #list end
      list[#list + 1] = channel
    end
  end
  return list, bits
end

-- Whether what was found out holds still: looking in one store may have taken a while.
local function is_current(list, views)
  for i, channel in ipairs(list) do
    local its = window.of(channel)
    if its then
      local epoch, _, next_, is_loaded = core.window_state(channel)
      local view = views[i]
      if not is_loaded or view.epoch ~= epoch or view.next > next_ then return false end
    end
  end
  return true
end

local function place(stream, job)
  repeat
    local list, bits = channels_of(job)
    local views = look_all(stream, job, list)
    if stream.closed or #list == 0 then return end
    local now = channels_of(job)
    if views and #now == #list and is_current(list, views) then
      return core.place(stream, job.last_id, job.from, views, bits, table.unpack(list))
    end
  until false
end

local function run(stream, list)
  while list[1] do
    local job = list[1]
    place(stream, job)
    for channel in pairs(job.left) do
      local its = window.of(channel)
      if its then its:unfollowed() end
    end
    table.remove(list, 1)
  end
  jobs[stream] = nil
  core.placed(stream)
end

--- Places a stream that has just begun to follow channels.
-- @param stream
-- @tparam string|nil last_id the client's
-- @param from as of core.follow
-- @tparam int bits which of the channels it has followed before
-- @tparam table channels
function placing.begin(stream, last_id, from, bits, channels)
  local job = { last_id = last_id, from = from, bits = bits, channels = channels, left = {},
    heads = {} }
  for _, channel in ipairs(channels) do note_head(job, channel) end
  local list = jobs[stream]
  if list then
    list[#list + 1] = job
    return
  end
  jobs[stream] = { job }
  task.start(nil, run, stream, jobs[stream])
end

--- The stream has stopped following a channel.
function placing.unfollowed(stream, channel)
  for _, job in ipairs(jobs[stream] or {}) do job.left[channel] = true end
end

return placing
