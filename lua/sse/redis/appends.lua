--- Appending to a channel's log. All that waits goes into one run of the script, and the next run
-- follows the result of the last, so that the order stays, whatever happens to the connection. A
-- run whose result was lost is sent again, marked so that the script adds nothing twice.
-- @module sse.redis.appends
local core = require "sse.core"
local pages = require "sse.shared.pages"
local record_form = require "sse.redis.record"

local EVENTS_AT_ONCE, BYTES_AT_ONCE = 200, 256 * 1024 -- of one run of the script
local WHOLE_BYTES = 16 * 1024 -- of a record that is announced whole
local MAX_EVENT_BYTES = 32 * 1024 * 1024
local MAX_WAITING_BYTES = 64 * 1024 * 1024 -- of a store's events that wait
local EXISTS = "field 'id': an event with that id is held already"
local UNSURE = "redis: the connection was lost; whether the event was added is not known"

local decode, encode = record_form.decode, record_form.encode

local appends = {}

--- Prepares a new log.
function appends.prepare(log)
  log.waiting, log.first_waiting, log.last_waiting = {}, 1, 0
  log.flight = nil -- the run that has no result yet
end

--- Whether an append has no result yet.
function appends.is_busy(log)
  return log.flight ~= nil or log.last_waiting >= log.first_waiting or #log.held > 0
end

local function size_of(record)
  return #record.event + (record.meta and #record.meta or 0) + 100
end

--- How many appends have no result yet, and their bytes.
function appends.count(log)
  local count, bytes = 0, 0
  local function add(one)
    if one then count, bytes = count + 1, bytes + size_of(one.record) end
  end
  for i = log.first_waiting, log.last_waiting do add(log.waiting[i]) end
  for _, one in pairs(log.flight and log.flight.list or {}) do add(one) end
  return count, bytes
end

-- --- asking --------------------------------------------------------------------------------------

-- Why an append can't wait: message and code, or nil.
local function refusal(store, record)
  local failure, queue = store.pair.failure, store.target.queue
  if #record.event > MAX_EVENT_BYTES then
    return "redis: the event is larger than 32 MiB", "ETOOBIG"
  elseif failure and not queue then
    return "redis: " .. failure, "ESTORE"
  elseif store.pair.state ~= "up" and queue and store.waiting >= queue then
    return ("redis: %d events wait for the server already"):format(queue), "EFULL"
  elseif store.waiting_bytes > MAX_WAITING_BYTES then
    return "redis: 64 MiB of events wait already", "EFULL"
  end
end

--- Appends a record, as a store does.
function appends.append(log, record, bounds, done)
  local store = log.store
  local message, code = refusal(store, record)
  if message then
    store.numbers.failures = store.numbers.failures + 1
    return done(nil, pages.add(message, code), code)
  end
  log.last_waiting = log.last_waiting + 1
  log.waiting[log.last_waiting] = { record = record, bounds = bounds, done = done,
    since = core.now() }
  store:count_waiting(1, size_of(record))
  store:wake(log)
end

-- Takes what waits and is to go into one run.
local function take_waiting(log)
  local list, bytes = {}, 0
  while log.first_waiting <= log.last_waiting do
    local one = log.waiting[log.first_waiting]
    bytes = bytes + #one.record.event
    if #list > 0 and (bytes > BYTES_AT_ONCE or #list == EVENTS_AT_ONCE) then break end
    log.waiting[log.first_waiting] = nil
    log.first_waiting = log.first_waiting + 1
    list[#list + 1] = one
  end
  return list
end

local function marked(text) return text and "=" .. text or "" end

local function words_of(log, flight)
  local store = log.store
  local words = log:words("append", flight.list[1].bounds)
  local n = #words
  words[n + 1], words[n + 2], words[n + 3] = store.writer, store.numbers.runs, flight.number
  words[n + 4] = flight.is_repeated and "1" or ""
  words[n + 5], words[n + 6] = log.topic, WHOLE_BYTES
  words[n + 7], words[n + 8] = flight.known.epoch, flight.known.position
  n = n + 8
  local sizes, has_names = { string.pack(">BI2", 0xdc, #flight.list) }, false
  for i, one in ipairs(flight.list) do
    has_names = has_names or one.record.id or one.record.dedupe
    sizes[i + 1] = string.pack(">BI4", 0xce, #one.record.event)
    words[n + 1 + i] = encode(one.record, ("%s:%d:%d"):format(store.writer, flight.number, i))
  end
  words[n + 1] = table.concat(sizes)
  n = n + 1 + #flight.list
  for _, one in ipairs(has_names and flight.list or {}) do
    words[n + 1], words[n + 2] = marked(one.record.id), marked(one.record.dedupe)
    n = n + 2
  end
  return words
end

-- --- results -------------------------------------------------------------------------------------

local function is_position(value) return math.type(value) == "integer" and value >= 1 end

-- What `done` gets for a result of the script's; nil: the result is of no known form.
local function outcome(result, epoch)
  if is_position(result) then return result, epoch end
  if result == "EEXIST" then return false, EXISTS, "EEXIST" end
  if result == "UNSURE" then return false, UNSURE, "ESTORE" end
  if type(result) ~= "table" then return nil end
  if result.error then return false, "redis: " .. result.error, "ESTORE" end
  if not is_position(result[1]) or type(result[2]) ~= "string" then return nil end
  local held = decode(result[2], 1, { position = result[1] })
  if not held then return nil end
  return result[1], epoch, held
end

--- Gives an append its result.
function appends.finish(log, one, ...)
  log.store:count_waiting(-1, -size_of(one.record))
  log.call(one.done, ...)
end

-- Takes one result.
local function settle(log, flight, index, result, epoch)
  local one, store = flight.list[index], log.store
  local position, second, third = outcome(result, epoch)
  if not position then
    store.numbers.failures = store.numbers.failures + 1
    return appends.finish(log, one, nil, pages.add(second, third), third)
  end
  if third then return appends.finish(log, one, position, second, third) end
  log:note(epoch, position, ("%s:%d:%d"):format(store.writer, flight.number, index))
  store.numbers.appends = store.numbers.appends + 1
  if log:awaits_news(epoch, position) then return log:hold(one, position, epoch) end
  appends.finish(log, one, position, epoch)
end

local function is_right(flight, reply)
  if type(reply) ~= "table" or type(reply[1]) ~= "string" then return false end
  if is_position(reply[2]) and reply[2] >= #flight.list then
    local last = reply[2]
    reply[2] = {}
    for i = 1, #flight.list do reply[2][i] = last - #flight.list + i end
  end
  if type(reply[2]) ~= "table" then return false end
  for index = 1, #flight.list do
    if outcome(reply[2][index], reply[1]) == nil then return false end
  end
  return true
end

local function fail_flight(log, message, code)
  local flight = log.flight
  log.flight = nil
  for index, one in ipairs(flight.list) do
    log.store.numbers.failures = log.store.numbers.failures + 1
    appends.finish(log, one, nil, pages.add(message, code), code)
    flight.list[index] = nil
  end
end

-- The error of a run that has added nothing because its first event was refused.
local function error_of(flight, reply)
  local first = is_right(flight, reply) and reply[2][1]
  return type(first) == "table" and first.error or nil
end

local function on_reply(log, flight, reply, err)
  if log.flight ~= flight then return end
  flight.session = nil
  err = err or error_of(flight, reply)
  if err then
    local again = log.store:on_error(err, log)
    if again then return again(log) end
    fail_flight(log, "redis: " .. err, "ESTORE")
  elseif not is_right(flight, reply) then
    return log.store.pair:lose "a result of another form than expected"
  else
    log.flight = nil
    log.store:note_success()
    local can_announce = type(reply[3]) ~= "string"
    if can_announce then log.store.pair:note_success() end
    for index = 1, #flight.list do settle(log, flight, index, reply[2][index], reply[1]) end
    if not can_announce then log.store.pair:lose(reply[3], true) end
  end
  log.store:wake(log)
end

--- Sends the run that is sent again, or the next one. Only while the log can be asked.
function appends.send(log)
  local store, flight = log.store, log.flight
  if flight and flight.session == store.pair.session then return end
  if not flight then
    local list = take_waiting(log)
    if #list == 0 then return end
    -- No other run of this writer has the number, whichever logs come and go.
    flight = { list = list, number = store.numbers.runs + 1, known = log.known }
    log.flight = flight
  end
  flight.session = store.pair.session
  store.numbers.runs = store.numbers.runs + 1
  log:send(words_of(log, flight), function(reply, err) on_reply(log, flight, reply, err) end)
end

--- The record of an event of this process's own that has no result yet, by its token.
function appends.own_record(log, token)
  local flight = log.flight
  if not flight then return nil end
  local writer, number, index = token:match "^(%w+):(%d+):(%d+)$"
  if writer ~= log.store.writer or math.tointeger(number) ~= flight.number then return nil end
  local one = flight.list[math.tointeger(index)]
  if not one then return nil end
  local record = { time = core.wall_now() }
  for name, value in pairs(one.record) do record[name] = value end
  return record
end

--- The connection is lost: the run may have been done.
function appends.on_down(log, why)
  local target, flight, failure = log.store.target, log.flight, log.store.pair.failure
  if flight and flight.session then flight.is_repeated, flight.session = true, nil end
  if target.queue then return end
  local is_late = flight and core.now() - flight.list[1].since > target.timeout
  if not failure and not is_late then return end
  local message = "redis: " .. (failure or why)
  if flight then fail_flight(log, flight.is_repeated and UNSURE or message, "ESTORE") end
  if failure then appends.fail(log, message, "ESTORE") end
end

--- Fails all that waits.
function appends.fail(log, message, code)
  if log.flight then fail_flight(log, message, code) end
  while log.first_waiting <= log.last_waiting do
    log.flight = { list = take_waiting(log) }
    fail_flight(log, message, code)
  end
end

return appends
