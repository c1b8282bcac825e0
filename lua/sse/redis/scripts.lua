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
local format, sub, pcall = string.format, string.sub, redis.pcall
local PLACE = format('%d', 2 ^ 40) == '1099511627776' and '%d-%d' or '%.0f-%.0f' -- 64 bits or 32
local found, is_found, is_unsure = {}, false, false

if max_age > 0 then trim() end
if is_again then -- what was added before
  if call('HLEN', meta) > MOST_FIELDS then -- of processes that have ended long ago
    for _, field in ipairs(call('HKEYS', meta)) do
      if sub(field, 1, 2) == 'f:' then call('HDEL', meta, field) end
    end
  end
  call('HSET', meta, 'f:' .. ARGV[9], ARGV[10])
  is_rearranged = true
  local bottom = ARGV[15] == epoch and tonumber(ARGV[16]) or 0
  local from, is_over = head, false
  while from > bottom and from >= kept and not is_over do
    local list = call('XREVRANGE', events, from, bottom + 1, 'COUNT', at_once(100))
    is_over = #list == 0
    for _, entry in ipairs(list) do
      local its = token_of(entry)
      if sub(its, 1, #mark) == mark then
        found[tonumber(sub(its, #mark + 1))] = position_of(entry)
        is_found = true
      elseif is_found then
        is_over = true
        break
      end
      from = position_of(entry) - 1
    end
  end
  is_unsure = not is_found and bottom + 1 < kept
end

local add_index = has_names and function(key, text)
  call('ZADD', key, head, text)
  is_rearranged = true
  if call('PTTL', key) < 0 then call('PEXPIRE', key, lifetime) end
end

-- Where nobody hears of announcements, there are none. Who may not ask for that announces.
local heard = pcall('PUBSUB', 'NUMSUB', ARGV[13])
heard = heard.err or heard[2] ~= 0
local messages, parts, part_bytes = {}, {}, 0 -- all events of a message are consecutive
local before, results, newest = head, {}, nil
local held_bytes, last_result = 0, nil -- what all events behind get, too

for index = 1, count do
  local record, id, dedupe, result = ARGV[17 + index], '', '', last_result or found[index]
  if has_names then
    local i = 16 + count + 2 * index
    id, dedupe = ARGV[i], ARGV[i + 1]
  end
  if not result and (id ~= '' or dedupe ~= '') then
    trim()
    local position = dedupe ~= '' and tonumber(call('ZSCORE', dedupes, sub(dedupe, 2)))
    local held = position and entry_at(position)
    if held then
      result, held_bytes = { position, record_of(held) }, held_bytes + #record_of(held)
      if held_bytes > HELD_BYTES and held_bytes > #result[2] then
        result, last_result = 'AGAIN', 'AGAIN'
      end
    elseif id ~= '' and call('ZSCORE', ids, sub(id, 2)) then
      result = 'EEXIST'
    end
  end
  if not result and (is_found or is_unsure) then result = 'UNSURE' end
  if not result then
    local place = format(PLACE, head + 1, total + sizes[index])
    result = pcall('XADD', events, place, 'time', at_text, 'record', record)
    if result == place then
      if head == 0 then expires = 0 end
      head, total, newest = head + 1, total + sizes[index], index
      result = head
      if heard then
        if #record > WHOLE then record = string.match(record, '^%S+') .. '\n' end
        if not parts[1] then parts[1] = table.concat({ epoch, ' ', head, ' ', at_text, '\n' }) end
        parts[#parts + 1], part_bytes = record, part_bytes + #record
        if part_bytes > 65536 then
          messages[#messages + 1] = table.concat(parts)
          parts, part_bytes = {}, 0
        end
      end
      if id ~= '' then
        newest_id = head
        add_index(ids, sub(id, 2))
      end
      if dedupe ~= '' then
        newest_dedupe = head
        add_index(dedupes, sub(dedupe, 2))
      end
    else
      last_result = result -- an error
    end
  end
  results[index] = result
end

if newest then time, token, is_changed = at, mark .. newest, true end
if head - before == count then results = head end
-- What is over the bounds goes where it is much or may have names; a script that reads drops all.
if max_age > 0 or newest_id >= first or newest_dedupe >= first
  or head - first >= history + 100 or total - base > history_bytes + 65536 then
  trim()
end
]]

-- Announces what was added. Where nobody hears of it, tries now and then whether that may be done.
local ANNOUNCE = [[
if parts[1] or not heard and renews then messages[#messages + 1] = table.concat(parts) end
local failed = nil
for _, message in ipairs(messages) do
  local result = pcall('PUBLISH', ARGV[13], message)
  if type(result) == 'table' and result.err then failed = result.err end
end
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
  local list = call('XRANGE', events, from, head, 'COUNT', math.min(limit, at_once(16)))
  if #list == 0 then break end
  for _, entry in ipairs(list) do
    if size < most then
      records[#records + 1] = { position_of(entry), tonumber(entry[2][2]), record_of(entry) }
      size = size + #record_of(entry)
    end
  end
  from, limit = position_of(list[#list]) + 1, limit - #list
end
]]

--- The script that appends.
scripts.append = parts.load .. "local looks = false\n" .. parts.fence .. parts.begin .. parts.trim
  .. APPEND .. parts.save .. ANNOUNCE

--- The same for a node of a cluster, which announces in its part of the cluster alone.
scripts.append_sharded = scripts.append:gsub("'PUBLISH'", "'SPUBLISH'")
  :gsub("'NUMSUB'", "'SHARDNUMSUB'")

--- The same for a node of a cluster that has no such part: its announcements reach all nodes, and
-- it does not know who hears of them there.
scripts.append_clustered = scripts.append:gsub("heard%.err or heard%[2%] ~= 0", "true")

--- The script that reads.
scripts.read = parts.load .. "local looks = true\n" .. parts.begin .. parts.trim .. READ
  .. parts.save .. "return { epoch, first, head, after, token, records }"

return scripts
