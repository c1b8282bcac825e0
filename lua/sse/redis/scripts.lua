--- The two scripts that Redis runs for a channel's log: one appends, one reads. Each is one step
-- for everybody else, so the log is whole at any moment.
--
-- A channel has four keys with one hash tag: a hash with the log's numbers; a stream with the
-- events, whose ids are the positions; a hash of own ids and one of dedupe values, each with the
-- position of its event. The numbers: `epoch`; `head`, the newest position; `first`, the oldest of
-- the history; `kept`, the oldest in the stream, which keeps up to two generations of events that
-- have left the history, for processes that are a little behind: from `kept` to `middle`, and from
-- `middle` to `first`, which has `slack` bytes; `bytes` of the history; `token` of the newest
-- event; `time` of the newest event; `expires`, when the keys expire; `left`, the own id of the
-- event that left the history last, behind a "=".
--
-- Words of both, behind the keys: 1 the epoch of a log that begins; 2, 3, 4 epoch, position and
-- token of the newest event that the caller knows of; 5 history, 6 history_bytes, 7 max_age (0: no
-- bound); 8 after how many ms without use the keys expire.
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
local m = call('HMGET', meta, 'epoch', 'head', 'first', 'kept', 'middle', 'bytes', 'slack',
  'token', 'time', 'expires', 'left', 'f:' .. ARGV[9])
local epoch, head, first, kept = m[1], tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
local middle, bytes, slack = tonumber(m[5]), tonumber(m[6]), tonumber(m[7])
local token, time, expires, left = m[8], tonumber(m[9]), tonumber(m[10]), m[11]
local dirty = false

local function value(entry, name)
  local list = entry[2]
  for i = 1, #list, 2 do
    if list[i] == name then return list[i + 1] end
  end
end

local function position_of(entry) return tonumber(string.match(entry[1], '^%d+')) end

local function entry_at(position) return call('XRANGE', events, position, position)[1] end
]]

-- A caller that gave up a connection has sent its append again since. The first copy, which a slow
-- server may run after the second one, does nothing.
local FENCE = [[
if m[12] and tonumber(ARGV[10]) < tonumber(m[12]) then
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
  return not entry or value(entry, 'token') ~= ARGV[4]
end

if not epoch or call('XLEN', events) ~= head - kept + 1 or is_other_log() then
  call('UNLINK', meta, events, ids, dedupes)
  epoch, head, first, kept, middle, bytes, slack = ARGV[1], 0, 1, 1, 1, 0, 0
  token, time, expires, left = '', 0, 0, ''
  dirty = true
end
]]

-- Drops what is over the bounds, and saves the numbers.
local TRIM = [[
local function leave(entry)
  local size, id, dedupe = #value(entry, 'event'), value(entry, 'id'), value(entry, 'dedupe')
  bytes, slack, left = bytes - size, slack + size, id and '=' .. id or ''
  if id then call('HDEL', ids, id) end
  if dedupe then call('HDEL', dedupes, dedupe) end
  first = position_of(entry) + 1
  dirty = true
  if first - middle >= 128 or slack >= 524288 then
    if middle > kept then call('XTRIM', events, 'MINID', middle) end
    kept, middle, slack = middle, first, 0
  end
end

local function trim(most)
  while first <= head and most > 0 do
    local over = head - first + 1 - history
    if over <= 0 and bytes <= history_bytes and max_age == 0 then return end
    local count = math.min(most, math.max(1, over), 100)
    local list = call('XRANGE', events, first, head, 'COUNT', count)
    if #list == 0 then return end
    for _, entry in ipairs(list) do
      local is_old = max_age > 0 and now - tonumber(value(entry, 'time')) >= max_age
      if not is_old and head - first < history and bytes <= history_bytes then return end
      leave(entry)
    end
    most = most - count
  end
end

local function save()
  local renew = now + expire / 2 > expires
  if renew then expires = now + expire end
  if renew or dirty then
    call('HSET', meta, 'epoch', epoch, 'head', head, 'first', first, 'kept', kept,
      'middle', middle, 'bytes', bytes, 'slack', slack, 'token', token, 'time', time,
      'expires', expires, 'left', left)
  end
  if renew then
    for i = 1, 4 do call('PEXPIRE', KEYS[i], expire) end
  end
end
]]

-- 9 the writer, 10 its session, 11 the number of the append, 12 "1" where it is sent again, 13
-- where it is announced, 14 bytes of a record that is announced whole, 15 and 16 epoch and position
-- of the newest event that the writer knew of when it was sent first. Then the records, each five
-- words: event, and with a "=" before them id, key, dedupe and meta. Gives the epoch, and for each
-- record: its position; { position, fields } of the event that has its dedupe; "EEXIST"; "UNSURE";
-- or an error.
local APPEND = [[
local mark = ARGV[9] .. ':' .. ARGV[11] .. ':'
local found, is_found, unsure = {}, false, false
local texts, failed = {}, nil

-- Finds the events of an append that is sent again.
local function find_own()
  local bottom = ARGV[15] == epoch and tonumber(ARGV[16]) or 0
  local from = head
  while from > bottom and from >= kept do
    local list = call('XREVRANGE', events, from, bottom + 1, 'COUNT', 100)
    if #list == 0 then break end
    for _, entry in ipairs(list) do
      local its = value(entry, 'token')
      if string.sub(its, 1, #mark) == mark then
        found[tonumber(string.sub(its, #mark + 1))] = position_of(entry)
        is_found = true
      elseif is_found then
        return
      end
    end
    from = position_of(list[#list]) - 1
  end
  unsure = not is_found and bottom + 1 < kept
end

local function held_by(dedupe)
  local position = call('HGET', dedupes, dedupe)
  local entry = position and entry_at(position)
  return entry and { tonumber(position), entry[2] }
end

local function add_index(key, text)
  call('HSET', key, text, head)
  if expires > 0 and call('PTTL', key) < 0 then call('PEXPIRE', key, math.max(1, expires - now)) end
end

-- Announces the texts, several in one message.
local function announce()
  local from, size = 1, 0
  for i, text in ipairs(texts) do
    size = size + #text
    if size >= 65536 or i == #texts then
      local message = epoch .. '\n' .. table.concat(texts, '', from, i)
      local result = redis.pcall('PUBLISH', ARGV[13], message)
      if type(result) == 'table' and result.err then failed = result.err end
      from, size = i + 1, 0
    end
  end
end

-- The record's text of an announcement: a line of numbers, then its five texts.
local function add_text(base)
  local size, lengths = 0, ''
  for i = 1, 5 do
    local length = #ARGV[base + i] - (i > 1 and 1 or 0)
    lengths = lengths .. ' ' .. length
    size = size + math.max(length, 0)
  end
  local line = head .. ' ' .. time .. ' ' .. token
  if size > tonumber(ARGV[14]) then
    texts[#texts + 1] = line .. '\n'
  else
    line = line .. lengths .. '\n' .. ARGV[base + 1]
    for i = 2, 5 do
      if ARGV[base + i] ~= '' then line = line .. string.sub(ARGV[base + i], 2) end
    end
    texts[#texts + 1] = line
  end
end

local NAMES = { 'event', 'id', 'key', 'dedupe', 'meta' }

local function add(base, index)
  local own = mark .. index
  local at = math.max(now, time)
  local words = { 'XADD', events, head + 1 .. '-0', 'time', at, 'token', own,
    'event', ARGV[base + 1] }
  for i = 2, 5 do
    if ARGV[base + i] ~= '' then
      words[#words + 1] = NAMES[i]
      words[#words + 1] = string.sub(ARGV[base + i], 2)
    end
  end
  local result = redis.pcall(unpack(words))
  if type(result) == 'table' and result.err then return result end
  if head == 0 then expires = 0 end
  head, time, token, bytes, dirty = head + 1, at, own, bytes + #ARGV[base + 1], true
  if ARGV[base + 2] ~= '' then add_index(ids, string.sub(ARGV[base + 2], 2)) end
  if ARGV[base + 4] ~= '' then add_index(dedupes, string.sub(ARGV[base + 4], 2)) end
  add_text(base)
  return head
end

local function append(base, index)
  local id, dedupe = ARGV[base + 2], ARGV[base + 4]
  if found[index] then return found[index] end
  if id ~= '' or dedupe ~= '' then trim(1000) end
  local held = dedupe ~= '' and held_by(string.sub(dedupe, 2))
  if held then return held end
  if id ~= '' and call('HEXISTS', ids, string.sub(id, 2)) == 1 then return 'EEXIST' end
  if is_found or unsure then return 'UNSURE' end
  return add(base, index)
end

if max_age > 0 then trim(1000) end
if ARGV[12] == '1' then
  call('HSET', meta, 'f:' .. ARGV[9], ARGV[10])
  dirty = true
  find_own()
end
local results = {}
for index = 1, (#ARGV - 16) / 5 do
  local last = results[index - 1]
  results[index] = type(last) == 'table' and last.err and last
    or append(16 + (index - 1) * 5, index)
end
trim(2000)
save()
announce()
return { epoch, results, failed }
]]

-- 9 a position, or an own id behind a "="; 10 how many records at most; 11 of how many bytes. Gives
-- epoch, first, head, the position after which the records lie (-1: no event has the id), the
-- newest event's token, and the records as XRANGE does.
local READ = [[
trim(1000)
local after
if string.sub(ARGV[9], 1, 1) == '=' then
  local id = string.sub(ARGV[9], 2)
  after = tonumber(call('HGET', ids, id) or left == ARGV[9] and first - 1 or -1)
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
      records[#records + 1] = entry
      size = size + #value(entry, 'event')
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
