--- What the two scripts of sse.redis.scripts have in common: a log's numbers, whether it is still
-- the log that the caller knows, and its bounds.
--
-- A channel has four keys with one hash tag: a hash with the log's numbers; a stream with the
-- events, of ids `position-total`, where `total` is the bytes of all events up to there; a sorted
-- set of own ids and one of dedupe values, each with the position of its event. An event has the
-- fields `time` and `record`, whose form sse.redis.record tells.
--
-- The numbers: `epoch`; of the newest event, its position `head`, `total`, `token` and `time`; of
-- the history, the oldest position `first`, and `base`, the total before it. The stream also keeps
-- up to two generations of events that have left the history, for processes that are a little
-- behind: from `kept` to `middle`, and from `middle`, before which the total was `slack`, to
-- `first`. `ids` and `dedupes`: the newest position that has such; `left`: the own id of the event
-- that left the history last, behind a "="; `expires`: when the keys do.
--
-- Words of both scripts, behind the keys: 1 the epoch of a log that begins; 2, 3, 4 epoch, position
-- and token of the newest event that the caller knows of; 5 history, 6 history_bytes, 7 max_age (0:
-- no bound); 8 how many ms the keys stay without use, at least.
-- @module sse.redis.script_parts
local script_parts = {}

-- Loads the numbers.
script_parts.load = [[
if redis.replicate_commands then redis.replicate_commands() end
local call = redis.call
local meta, events, ids, dedupes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local history, history_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local max_age, expire = tonumber(ARGV[7]), tonumber(ARGV[8])
local lifetime = math.floor(expire * 1.5) -- of keys; they are renewed while it is above expire
local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local m = call('HMGET', meta, 'epoch', 'token', 'left', 'head', 'total', 'time', 'first', 'base',
  'kept', 'middle', 'slack', 'ids', 'dedupes', 'expires', 'f:' .. ARGV[9])
local epoch, token, left = m[1], m[2], m[3]
local head, total, time = tonumber(m[4]), tonumber(m[5]), tonumber(m[6])
local first, base, kept = tonumber(m[7]), tonumber(m[8]), tonumber(m[9])
local middle, slack = tonumber(m[10]), tonumber(m[11])
local newest_id, newest_dedupe = tonumber(m[12]), tonumber(m[13])
local expires, fence = tonumber(m[14]), tonumber(m[15])
local is_changed, is_rearranged = false, false

local function position_of(entry) return tonumber(string.match(entry[1], '^%d+')) end
local function record_of(entry) return entry[2][4] end
local function token_of(entry) return string.match(record_of(entry), '^%S+') end
local function entry_at(position) return call('XRANGE', events, position, position)[1] end
]]

-- A caller that gave up a connection has sent its append again since. The first copy, which a slow
-- server may run after the second one, does nothing.
script_parts.fence = [[
if fence and tonumber(ARGV[10]) < fence then
  return redis.error_reply('FENCED the append was sent again')
end
]]

-- Begins the log anew where there is none, where events are missing, and where the caller knows of
-- an event that this log never had: a server that lost its last writes, by a crash or by a
-- failover, gives their positions to other events.
script_parts.begin = [[
local known, is_other = tonumber(ARGV[3]), false
if ARGV[2] == epoch and known > 0 then
  if known >= head then
    is_other = known > head or token ~= ARGV[4]
  elseif known >= kept and looks then
    local entry = entry_at(known)
    is_other = not entry or token_of(entry) ~= ARGV[4]
  end
end
if not epoch or is_other or call('XLEN', events) ~= head - kept + 1 then
  call('UNLINK', meta, events, ids, dedupes)
  epoch, token, left, head, total, time = ARGV[1], '', '', 0, 0, 0
  first, base, kept, middle, slack = 1, 0, 1, 1, 0
  newest_id, newest_dedupe, expires = 0, 0, 0
  is_changed, is_rearranged = true, true
end
]]

-- Drops what is over the bounds. A function costs Redis more than what it does in most runs, so
-- there are few, and none in others.
script_parts.trim = [[
local TRIM_AT_ONCE = 2000

-- How many events are asked for at once: not many where they are large, since Redis stands still
-- while the script takes them, also those that it does not need.
local function at_once(most)
  local mean = (total - base) / math.max(head - first + 1, 1)
  return math.max(1, math.min(most, math.floor(262144 / (mean + 1))))
end

local function trim()
  local before, by_count = first, head - history + 1
  if by_count > head then
    first, base = head + 1, total
  elseif by_count > first then
    first, base = by_count, tonumber(string.match(entry_at(by_count - 1)[1], '%d+$'))
  end
  local count, step = 0, 1
  while first <= head and (max_age > 0 or total - base > history_bytes) and count < TRIM_AT_ONCE do
    local list = call('XRANGE', events, first, head, 'COUNT', step)
    count, step = #list > 0 and count + #list or TRIM_AT_ONCE, at_once(20)
    for _, entry in ipairs(list) do
      local is_old = max_age > 0 and now - tonumber(entry[2][2]) >= max_age
      if not is_old and total - base <= history_bytes then
        count = TRIM_AT_ONCE
        break
      end
      first, base = position_of(entry) + 1, tonumber(string.match(entry[1], '%d+$'))
    end
  end
  if first == before then return end
  is_changed = true
  local was = left
  left = ''
  if newest_id >= before then
    local id = call('ZRANGEBYSCORE', ids, first - 1, first - 1)[1]
    left = id and '=' .. id or ''
    call('ZREMRANGEBYSCORE', ids, '-inf', first - 1)
  end
  if newest_dedupe >= before then call('ZREMRANGEBYSCORE', dedupes, '-inf', first - 1) end
  if left ~= was then is_rearranged = true end
  if first - middle >= 128 or base - slack >= 524288 then
    if middle > kept then call('XTRIM', events, 'MINID', middle) end
    kept, middle, slack = middle, first, base
    is_rearranged = true
  end
end
]]

-- Saves the numbers.
script_parts.save = [[
local renews = now + expire > expires
if renews then expires, is_rearranged = now + lifetime, true end
if is_rearranged then
  call('HSET', meta, 'epoch', epoch, 'token', token, 'left', left, 'head', head, 'total', total,
    'time', time, 'first', first, 'base', base, 'kept', kept, 'middle', middle, 'slack', slack,
    'ids', newest_id, 'dedupes', newest_dedupe, 'expires', expires)
elseif is_changed then
  call('HSET', meta, 'token', token, 'head', head, 'total', total, 'time', time,
    'first', first, 'base', base)
end
if renews then
  for i = 1, 4 do call('PEXPIRE', KEYS[i], lifetime) end
end
]]

return script_parts
