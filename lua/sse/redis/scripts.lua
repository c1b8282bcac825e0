--- The two scripts that Redis runs for a channel's log: one appends, one reads. Each is one step
-- for everybody else, so the log is whole at any moment.
--
-- A channel has four keys with one hash tag: a hash with the log's numbers; a stream with the
-- events, of ids `position-total`, where `total` is the bytes of all events up to there; a sorted
-- set of own ids and one of dedupe values, each with the position of its event. An event has the
-- fields `time`, `token` and `record`, whose form sse.redis.record tells.
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
-- no bound); 8 after how many ms without use the keys expire.
-- @module sse.redis.scripts
local scripts = {}

-- Loads the numbers.
local LOAD = [[
if redis.replicate_commands then redis.replicate_commands() end
local call = redis.call
local meta, events, ids, dedupes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local history, history_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local max_age, expire = tonumber(ARGV[7]), tonumber(ARGV[8])
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
local function total_of(entry) return tonumber(string.match(entry[1], '%d+$')) end
local function time_of(entry) return tonumber(entry[2][2]) end
local function token_of(entry) return entry[2][4] end
local function record_of(entry) return entry[2][6] end

local function entry_at(position) return call('XRANGE', events, position, position)[1] end
]]

-- A caller that gave up a connection has sent its append again since. The first copy, which a slow
-- server may run after the second one, does nothing.
local FENCE = [[
if fence and tonumber(ARGV[10]) < fence then
  return redis.error_reply('FENCED the append was sent again')
end
]]

-- Begins the log anew where there is none, where events are missing, and where the caller knows of
-- an event that this log never had: a server that lost its last writes, by a crash or by a
-- failover, gives their positions to other events.
local BEGIN = [[
local function is_other_log()
  local known = tonumber(ARGV[3])
  if ARGV[2] ~= epoch or known == 0 then return false end
  if known >= head then return known > head or token ~= ARGV[4] end
  if known < kept or not looks then return false end
  local entry = entry_at(known)
  return not entry or token_of(entry) ~= ARGV[4]
end

if not epoch or call('XLEN', events) ~= head - kept + 1 or is_other_log() then
  call('UNLINK', meta, events, ids, dedupes)
  epoch, token, left, head, total, time = ARGV[1], '', '', 0, 0, 0
  first, base, kept, middle, slack = 1, 0, 1, 1, 0
  newest_id, newest_dedupe, expires = 0, 0, 0
  is_changed, is_rearranged = true, true
end
]]

-- Drops what is over the bounds, and saves the numbers.
local TRIM = [[
local TRIM_AT_ONCE = 2000

-- Moves `first` behind the events that are too many, too large or too old.
local function move_first()
  local by_count = head - history + 1
  if by_count > head then
    first, base = head + 1, total
  elseif by_count > first then
    first, base = by_count, total_of(entry_at(by_count - 1))
  end
  local count = 0
  while first <= head and (max_age > 0 or total - base > history_bytes) and count < TRIM_AT_ONCE do
    local list = call('XRANGE', events, first, head, 'COUNT', 20)
    if #list == 0 then return end
    for _, entry in ipairs(list) do
      local is_old = max_age > 0 and now - time_of(entry) >= max_age
      if not is_old and total - base <= history_bytes then return end
      first, base = position_of(entry) + 1, total_of(entry)
    end
    count = count + 20
  end
end

local function trim()
  local before = first
  move_first()
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

local function save()
  local renews = now + expire / 2 > expires
  if renews then expires, is_rearranged = now + expire, true end
  if is_rearranged then
    call('HSET', meta, 'epoch', epoch, 'token', token, 'left', left, 'head', head, 'total', total,
      'time', time, 'first', first, 'base', base, 'kept', kept, 'middle', middle, 'slack', slack,
      'ids', newest_id, 'dedupes', newest_dedupe, 'expires', expires)
  elseif is_changed then
    call('HSET', meta, 'token', token, 'head', head, 'total', total, 'time', time,
      'first', first, 'base', base)
  end
  if renews then
    for i = 1, 4 do call('PEXPIRE', KEYS[i], expire) end
  end
end
]]

-- 9 the writer, 10 its session, 11 the number of the append, 12 "1" where it is sent again, 13
-- where it is announced, 14 bytes of a record that is announced whole, 15 and 16 epoch and position
-- of the newest event that the writer knew of when it was sent first. Then the records, each four
-- words: bytes of the event, the record, and with a "=" before them id and dedupe. Gives the epoch,
-- and for each record: its position; { position, record } of the event that has its dedupe;
-- "EEXIST"; "UNSURE"; or an error; and perhaps why it could not be announced.
local APPEND = [[
local WHOLE = tonumber(ARGV[14])
local mark = ARGV[9] .. ':' .. ARGV[11] .. ':'
local at = math.max(now, time)
local at_text = string.format('%.0f', at)
local middle_of_line = ' ' .. at_text .. ' ' .. mark
local found, is_found, is_unsure = {}, false, false
local messages, failed = {}, nil
local parts, part_count, part_bytes = { epoch, '\n' }, 2, 0

-- Finds the events of an append that is sent again.
local function find_own()
  local bottom = ARGV[15] == epoch and tonumber(ARGV[16]) or 0
  local from = head
  while from > bottom and from >= kept do
    local list = call('XREVRANGE', events, from, bottom + 1, 'COUNT', 100)
    if #list == 0 then break end
    for _, entry in ipairs(list) do
      local its = token_of(entry)
      if string.sub(its, 1, #mark) == mark then
        found[tonumber(string.sub(its, #mark + 1))] = position_of(entry)
        is_found = true
      elseif is_found then
        return
      end
    end
    from = position_of(list[#list]) - 1
  end
  is_unsure = not is_found and bottom + 1 < kept
end

-- Makes a message of the parts.
local function end_message()
  if part_count == 2 then return end
  messages[#messages + 1] = table.concat(parts, '', 1, part_count)
  part_count, part_bytes = 2, 0
end

local function announce()
  end_message()
  for _, message in ipairs(messages) do
    local result = redis.pcall('PUBLISH', ARGV[13], message)
    if type(result) == 'table' and result.err then failed = result.err end
  end
end

local function add_part(index, record)
  local n = part_count
  parts[n + 1], parts[n + 2], parts[n + 3] = head, middle_of_line, index
  if #record > WHOLE then
    parts[n + 4], parts[n + 5] = '\n', ''
  else
    parts[n + 4], parts[n + 5] = ' ', record
    part_bytes = part_bytes + #record
  end
  part_count = n + 5
  if part_bytes > 65536 then end_message() end
end

local function add_index(key, text)
  call('ZADD', key, head, text)
  is_rearranged = true
  if call('PTTL', key) < 0 then call('PEXPIRE', key, expire) end
end

local function add(index, size, record, id, dedupe)
  local own, bytes = mark .. index, total + size
  local place = string.format('%.0f-%.0f', head + 1, bytes)
  local result = redis.pcall('XADD', events, place, 'time', at_text, 'token', own, 'record',
    record)
  if type(result) == 'table' and result.err then return result end
  if head == 0 then expires = 0 end
  head, time, token, total, is_changed = head + 1, at, own, bytes, true
  if id ~= '' then
    newest_id = head
    add_index(ids, string.sub(id, 2))
  end
  if dedupe ~= '' then
    newest_dedupe = head
    add_index(dedupes, string.sub(dedupe, 2))
  end
  add_part(index, record)
  return head
end

local function held_by(dedupe)
  local position = tonumber(call('ZSCORE', dedupes, dedupe))
  local entry = position and entry_at(position)
  return entry and { position, record_of(entry) }
end

local function append(index, size, record, id, dedupe)
  if found[index] then return found[index] end
  if id ~= '' or dedupe ~= '' then
    trim()
    local held = dedupe ~= '' and held_by(string.sub(dedupe, 2))
    if held then return held end
    if id ~= '' and call('ZSCORE', ids, string.sub(id, 2)) then return 'EEXIST' end
  end
  if is_found or is_unsure then return 'UNSURE' end
  return add(index, tonumber(size), record, id, dedupe)
end

if max_age > 0 then trim() end
if ARGV[12] == '1' then
  call('HSET', meta, 'f:' .. ARGV[9], ARGV[10])
  is_rearranged = true
  find_own()
end
local results, error_result = {}, nil
for index = 1, (#ARGV - 16) / 4 do
  local i = 13 + index * 4
  local result = error_result or append(index, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  if type(result) == 'table' and result.err then error_result = result end
  results[index] = result
end
trim()
save()
announce()
return { epoch, results, failed }
]]

-- 9 a position, or an own id behind a "="; 10 how many records at most; 11 of how many bytes. Gives
-- epoch, first, head, the position after which the records lie (-1: no event has the id), the
-- newest event's token, and the records, each position, time and record.
local READ = [[
trim()
local after
if string.sub(ARGV[9], 1, 1) == '=' then
  local position = call('ZSCORE', ids, string.sub(ARGV[9], 2))
  after = tonumber(position or left == ARGV[9] and first - 1 or -1)
else
  after = tonumber(ARGV[9])
end
local records, size, limit, most = {}, 0, tonumber(ARGV[10]), tonumber(ARGV[11])
local from = after + 1
if from < kept then from = first end
while after >= 0 and limit > 0 and from <= head and size < most do
  local list = call('XRANGE', events, from, head, 'COUNT', math.min(limit, 16))
  if #list == 0 then break end
  for _, entry in ipairs(list) do
    if size < most then
      records[#records + 1] = { position_of(entry), time_of(entry), record_of(entry) }
      size = size + #record_of(entry)
    end
  end
  from, limit = position_of(list[#list]) + 1, limit - #list
end
save()
return { epoch, first, head, after, token, records }
]]

--- The script that appends.
scripts.append = LOAD .. "local looks = false\n" .. FENCE .. BEGIN .. TRIM .. APPEND

--- The script that reads.
scripts.read = LOAD .. "local looks = true\n" .. BEGIN .. TRIM .. READ

return scripts
