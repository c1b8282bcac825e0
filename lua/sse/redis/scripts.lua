--- The two scripts that Redis runs for a channel's log: one appends, one reads. Each is one step
-- for everybody else, so the log is whole at any moment. sse.redis.script_parts says how a log lies
-- in Redis, and what the words 1 to 8 of both are.
-- @module sse.redis.scripts
local parts = require "sse.redis.script_parts"

local scripts = {}

-- 9 the writer, 10 how often it has sent, 11 the append's number, 12 "1" where it is sent again, 13
-- where it is announced, 14 bytes of a record that is announced whole, 15 and 16 epoch and position
-- of the newest event that the writer knew of when it was sent first; 17 the bytes of each event, a
-- list packed by MessagePack. Then the records, and where one of them has an id or a dedupe value,
-- both of each, a "=" before them. Gives the epoch, and for each record: its position; { position,
-- record } of the event that has its dedupe; "EEXIST"; "UNSURE"; "AGAIN", not done yet, as all
-- behind it, since the reply would be too large; or an error. Where all were added, the last one's
-- position stands for the list. Then perhaps why they could not be announced.
local APPEND = [[
local WHOLE, HELD_BYTES, MOST_FIELDS = tonumber(ARGV[14]), 1048576, 100
local mark = ARGV[9] .. ':' .. ARGV[11] .. ':'
local at = math.max(now, time)
local at_text = string.format('%.0f', at)
local sizes = cmsgpack.unpack(ARGV[17])
local count = #sizes
local has_names, is_again = #ARGV > 17 + count, ARGV[12] == '1'
local found, is_found, is_unsure, newest = {}, false, false, nil
local messages, failed, heard, held_bytes = {}, nil, false, 0
local parts, part_count, part_bytes = {}, 0, 0
local type, format, pcall = type, string.format, redis.pcall
local PLACE = format('%d', 2 ^ 40) == '1099511627776' and '%d-%d' or '%.0f-%.0f' -- 64 bits or 32

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
  if part_count == 0 then return end
  messages[#messages + 1] = table.concat(parts, '', 1, part_count)
  part_count, part_bytes = 0, 0
end

-- Whether somebody hears of announcements. Who may not ask announces.
local function is_heard()
  local result = pcall('PUBSUB', 'NUMSUB', ARGV[13])
  return result.err or result[2] ~= 0
end

-- Tells of what was added. Where nobody hears of it, tries now and then whether that may be done.
local function announce(is_tried)
  end_message()
  if is_tried and not heard then messages[1] = '' end
  for _, message in ipairs(messages) do
    local result = pcall('PUBLISH', ARGV[13], message)
    if type(result) == 'table' and result.err then failed = result.err end
  end
end

-- All events of a message are consecutive.
local function add_part(record)
  if not heard then return end
  if part_count == 0 then
    parts[1], part_count = table.concat({ epoch, ' ', head, ' ', at_text, '\n' }), 1
  end
  if #record > WHOLE then record = string.match(record, '^%S+') .. '\n' end
  part_count, part_bytes = part_count + 1, part_bytes + #record
  parts[part_count] = record
  if part_bytes > 65536 then end_message() end
end

local function add_index(key, text)
  call('ZADD', key, head, text)
  is_rearranged = true
  if call('PTTL', key) < 0 then call('PEXPIRE', key, lifetime) end
end

local function add(index, record)
  local bytes = total + sizes[index]
  local place = format(PLACE, head + 1, bytes)
  local result = pcall('XADD', events, place, 'time', at_text, 'record', record)
  if result ~= place then return result end -- an error
  if head == 0 then expires = 0 end
  head, total, newest = head + 1, bytes, index
  add_part(record)
  return head
end

local function held_by(dedupe)
  local position = tonumber(call('ZSCORE', dedupes, dedupe))
  local entry = position and entry_at(position)
  return entry and { position, record_of(entry) }
end

-- Adds an event that has names, unless they are held.
local function add_named(index, id, dedupe)
  trim()
  local held = dedupe ~= '' and held_by(string.sub(dedupe, 2))
  if held then
    held_bytes = held_bytes + #held[2]
    return held_bytes > HELD_BYTES and held_bytes > #held[2] and 'AGAIN' or held
  end
  if id ~= '' and call('ZSCORE', ids, string.sub(id, 2)) then return 'EEXIST' end
  if is_found or is_unsure then return 'UNSURE' end
  local result = add(index, ARGV[17 + index])
  if type(result) == 'table' then return result end
  if id ~= '' then
    newest_id = head
    add_index(ids, string.sub(id, 2))
  end
  if dedupe ~= '' then
    newest_dedupe = head
    add_index(dedupes, string.sub(dedupe, 2))
  end
  return result
end

local function append(index)
  if is_again and found[index] then return found[index] end
  if has_names then
    local i = 16 + count + 2 * index
    local id, dedupe = ARGV[i], ARGV[i + 1]
    if id ~= '' or dedupe ~= '' then return add_named(index, id, dedupe) end
  end
  if is_found or is_unsure then return 'UNSURE' end
  return add(index, ARGV[17 + index])
end

if max_age > 0 then trim() end
heard = is_heard()
if is_again then
  if call('HLEN', meta) > MOST_FIELDS then -- of processes that have ended long ago
    for _, field in ipairs(call('HKEYS', meta)) do
      if string.sub(field, 1, 2) == 'f:' then call('HDEL', meta, field) end
    end
  end
  call('HSET', meta, 'f:' .. ARGV[9], ARGV[10])
  is_rearranged = true
  find_own()
end
local before, results, last_result = head, {}, nil
for index = 1, count do
  local result = last_result or append(index)
  if result == 'AGAIN' or type(result) == 'table' and result.err then last_result = result end
  results[index] = result
end
if newest then time, token, is_changed = at, mark .. newest, true end
if head - before == count then results = head end
if is_far_over() then trim() end
announce(save())
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
scripts.append = parts.load .. "local looks = false\n" .. parts.fence .. parts.begin .. parts.trim
  .. APPEND

--- The same for a node of a cluster, which announces in its part of the cluster alone.
scripts.append_sharded = scripts.append:gsub("'PUBLISH'", "'SPUBLISH'")
  :gsub("'NUMSUB'", "'SHARDNUMSUB'")

--- The script that reads.
scripts.read = parts.load .. "local looks = true\n" .. parts.begin .. parts.trim .. READ

return scripts
