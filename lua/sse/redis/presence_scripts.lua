--- The scripts by which processes tell one another how many followers each has.
--
-- A channel has a hash with a field for each process that has followers of it, the number and a
-- sequence number. Who of the processes is alive is noted in one place of the server or the
-- cluster: a sorted set of processes, each with the time at which it is forgotten unless it says
-- before that it is alive, by the server's clock; and a hash with `version`, which changes with
-- the members of the set, and `seen`, when a process has last said anything.
-- @module sse.redis.presence_scripts
local presence_scripts = {}

-- The key: the channel's hash. 1 the process, 2 its number, or "" to tell none; 3 a sequence number
-- that grows with each call of the process's; 4 "1" where a call before this one got no reply, so
-- that it may still come; 5 where the number is announced; 6 after how many ms without use the key
-- expires; 7 "1" to get the numbers; then processes that are dead. Gives fields and values.
presence_scripts.tell = [[
if redis.replicate_commands then redis.replicate_commands() end
local call, key, process, number = redis.call, KEYS[1], ARGV[1], ARGV[2]
local expire = tonumber(ARGV[6])
for i = 8, #ARGV do call('HDEL', key, ARGV[i]) end
if number ~= '' then
  local held = call('HGET', key, process)
  local its, sequence = string.match(held or '', '^(%d+) (%d+)$')
  if not sequence or tonumber(sequence) < tonumber(ARGV[3]) then
    if number == '0' and ARGV[4] == '' then
      call('HDEL', key, process)
    elseif number ~= its or ARGV[4] ~= '' then
      call('HSET', key, process, number .. ' ' .. ARGV[3])
    end
    if number ~= (its or '0') then redis.pcall('PUBLISH', ARGV[5], process .. ' ' .. number) end
  end
  if call('PTTL', key) < expire / 2 then call('PEXPIRE', key, expire) end
end
if ARGV[7] == '' or call('HLEN', key) > 30000 then return {} end
return call('HGETALL', key)
]]

--- The same for a node of a cluster, which announces in its part of the cluster alone.
presence_scripts.tell_sharded = presence_scripts.tell:gsub("'PUBLISH'", "'SPUBLISH'")

-- The keys: the set of processes, the hash about it. 1 the process, or "" where it has no
-- followers; 2 for how many ms it is alive; 3 the version that it knows; 4 "1" where it leaves.
-- Gives "1" if the process was not in the set, the version, and if that is another one the
-- processes.
--
-- Where nobody has said anything for a while, the server was away, and nobody could: all get
-- another life, also where its clock has gone back, as that of another server may have. Processes
-- that say seldom that they are alive have longer lives, which others do not shorten.
presence_scripts.beat = [[
if redis.replicate_commands then redis.replicate_commands() end
local call, set, state, process = redis.call, KEYS[1], KEYS[2], ARGV[1]
local life = tonumber(ARGV[2])
local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local m = call('HMGET', state, 'version', 'seen')
local version, seen = tonumber(m[1]), tonumber(m[2])
local is_changed, is_new = not version, ''
version = version or 0
if seen and math.abs(now - seen) > life * 0.75 then
  local most = now < seen and '+inf' or now + life
  for _, one in ipairs(call('ZRANGEBYSCORE', set, '-inf', most)) do
    call('ZADD', set, now + life, one)
  end
end
if call('ZREMRANGEBYSCORE', set, '-inf', now) > 0 then is_changed = true end
if ARGV[4] == '1' then
  if call('ZREM', set, process) == 1 then is_changed = true end
elseif process ~= '' and call('ZADD', set, now + life, process) == 1 then
  is_changed, is_new = true, '1'
end
if is_changed then
  version = math.max(version + 1, tonumber(clock[1]) * 1000000 + tonumber(clock[2]))
  call('HSET', state, 'version', string.format('%.0f', version), 'seen', now)
else
  call('HSET', state, 'seen', now)
end
if is_changed or call('PTTL', state) < life * 10 then
  call('PEXPIRE', set, life * 20)
  call('PEXPIRE', state, life * 20)
end
local known = string.format('%.0f', version)
if known == ARGV[3] then return { is_new, known } end
return { is_new, known, call('ZRANGE', set, 0, 49999) }
]]

return presence_scripts
