--- Appending to a channel's log. All that waits goes into one run of the script, and the next run
-- follows the result of the last, so that the order stays, whatever happens to the connection. A
-- run whose result was lost is sent again, marked so that the script adds nothing twice. What waits
-- and the runs' events are the module's (csrc/redis/queue.h): publishes of tasks get there and back
-- without Lua.
-- @module sse.redis.appends
local core = require "sse.core"
local decode = require("sse.redis.record").decode
local error_text = require "sse.redis.error_text"
local handles = require "sse.redis.core"
local pages = require "sse.shared.pages"
local protected = require "sse.shared.protected"
local reads = require "sse.redis.reads"

local EVENTS_AT_ONCE, BYTES_AT_ONCE = 200, 256 * 1024 -- of one run of the script
local SHARED = 64 -- events; of as many, half are kept for the run behind
local WHOLE_BYTES = 16 * 1024 -- of a record that is announced whole
local TRIES = 4 -- to tell of an event: the module's MOST_TRIES, and one
local EXISTS = "field 'id': an event with that id is held already"
local UNSURE = "redis: the connection was lost; whether the event was added is not known"
local UNSURE_AFTER = "redis: %s; the connection was lost before, and whether the event was added "
  .. "is not known"

local appends = {}

--- Prepares a new log.
function appends.prepare(log)
  log.queue = handles.queue(log.store.tally)
  log.all_bounds, log.bounds_numbers = {}, {}
  log.flight = nil -- the run that has no result yet
end

--- Whether an append has no result yet.
function appends.is_busy(log) return log.queue:count() > 0 end

--- The number that bounds have in a log.
function appends.number_of(log, bounds)
  local key = ("%d %d %d"):format(bounds.history, bounds.history_bytes, bounds.max_age or 0)
  local number = log.bounds_numbers[key]
  if not number then
    number = #log.all_bounds + 1
    log.all_bounds[number], log.bounds_numbers[key] = bounds, number
  end
  return number
end

-- --- asking --------------------------------------------------------------------------------------

--- Sends what was added to the log's queue, at the end of the turn.
function appends.wake(log)
  log.store:note_waiting()
  log.store:wake(log)
end

--- Appends a record, as a store does.
function appends.append(log, record, bounds, done)
  local ok, message, code = log.queue:append(done, appends.number_of(log, bounds), record.event,
    record.id, record.key, record.dedupe, record.meta)
  if not ok then return done(nil, pages.add(message, code), code) end
  appends.wake(log)
end

-- What the events of a run have their tokens from.
local function mark_of(log, flight) return ("%s:%d:"):format(log.store.writer, flight.number) end

-- The words of the script's that stand before the events.
local function words_of(log, flight)
  local store = log.store
  local words = log:words("append", flight.bounds)
  local n = #words
  words[n + 1], words[n + 2], words[n + 3] = store.writer, store.numbers.runs, flight.number
  words[n + 4] = flight.is_repeated and "1" or ""
  words[n + 5], words[n + 6] = log.topic, WHOLE_BYTES
  words[n + 7], words[n + 8] = flight.known.epoch, flight.known.position
  return words
end

-- --- results -------------------------------------------------------------------------------------

local function is_position(value) return math.type(value) == "integer" and value >= 1 end

-- What an append gets for a result of the script's; nil: the result is of no known form.
local function outcome(result, epoch)
  if is_position(result) then return result, epoch end
  if result == "EEXIST" then return false, EXISTS, "EEXIST" end
  if result == "UNSURE" then return false, UNSURE, "ESTORE" end
  if type(result) ~= "table" then return nil end
  if result.error then return false, "redis: " .. error_text(result.error), "ESTORE" end
  if not is_position(result[1]) or type(result[2]) ~= "string" then return nil end
  local held = decode(result[2], 1, { position = result[1] })
  if not held then return nil end
  return result[1], epoch, held
end

-- Tells publishers of results, by a method of the run's. What one of them raises is the loop's, and
-- the others are told.
local function tell(log, run, method, ...)
  for _ = 1, TRIES * run:count() do
    local ok, err = protected.call(run[method], run, ...)
    if ok then break end
    core.report(err)
  end
  log.store:note_waiting()
end

--- Gives events of a run, which lie from a position on, their results.
function appends.finish(log, run, from, to, position, epoch)
  tell(log, run, "added", from, to, position, epoch)
end

local function fail(log, run, from, to, message, code)
  log.store.numbers.failures = log.store.numbers.failures + to - from + 1
  tell(log, run, "fail", from, to, message, code, pages.add(message, code))
end

-- Events of a run were added, from a position on.
local function note_added(log, flight, from, to, position, epoch)
  local last = position + to - from
  reads.note_added(log, flight.number, position, epoch)
  log.store.numbers.appends = log.store.numbers.appends + to - from + 1
  if log:awaits_news(epoch, last) then
    return log:hold(flight.run, from, to, position, epoch)
  end
  appends.finish(log, flight.run, from, to, position, epoch)
end

-- Takes one result.
local function settle(log, flight, index, result, epoch)
  local position, second, third = outcome(result, epoch)
  if not position then
    fail(log, flight.run, index, index, second, third)
  elseif third then
    tell(log, flight.run, "held", index, position, epoch, third)
  else
    note_added(log, flight, index, index, position, epoch)
  end
end

-- Notes the newest event of those that were added.
local function note_newest(log, flight, results, epoch)
  if type(results) ~= "table" then
    return log:note(epoch, results, mark_of(log, flight) .. flight.count)
  end
  for index = flight.count, 1, -1 do
    if is_position(results[index]) then
      return log:note(epoch, results[index], mark_of(log, flight) .. index)
    end
  end
end

-- Takes the results: a list, or the position of the last event.
local function settle_all(log, flight, results, epoch)
  local count = flight.count
  if type(results) ~= "table" then
    return note_added(log, flight, 1, count, results - count + 1, epoch)
  end
  for index = 1, count do settle(log, flight, index, results[index], epoch) end
end

local function is_right(flight, reply)
  if type(reply) ~= "table" or type(reply[1]) ~= "string" then return false end
  local epoch, results = reply[1], reply[2]
  if type(results) ~= "table" then return is_position(results) and results >= flight.count end
  local is_over = false -- what follows is not done yet
  for index = 1, flight.count do
    local result = results[index]
    is_over = is_over or index > 1 and result == "AGAIN"
    if is_over ~= (result == "AGAIN") then return false end
    if not is_over and outcome(result, epoch) == nil then return false end
  end
  return true
end

-- Has the events of a run that were not done wait again, before all others.
local function give_back(flight, results)
  local count = flight.count
  while type(results) == "table" and results[count] == "AGAIN" do count = count - 1 end
  flight.run:give_back(count)
  flight.count = count
end

local function fail_flight(log, message, code)
  local flight = log.flight
  log.flight = nil
  fail(log, flight.run, 1, flight.count, message, code)
end

-- The error of a run that has added nothing because its first event was refused.
local function error_of(flight, reply)
  local first = is_right(flight, reply) and type(reply[2]) == "table" and reply[2][1]
  return type(first) == "table" and first.error and error_text(first.error) or nil
end

local send_early

local function on_reply(log, flight, reply, err)
  if log.flight ~= flight then return end
  flight.session = nil
  local is_unsure = err and flight.is_repeated -- the script has not looked for its events
  err = err or error_of(flight, reply)
  if err then
    local again = log.store:on_error(err, log)
    if again then return again(log) end
    fail_flight(log, (is_unsure and UNSURE_AFTER or "redis: %s"):format(err), "ESTORE")
  elseif not is_right(flight, reply) then
    flight.is_repeated = true -- who knows what was done
    return log.store.pair:lose "a result of another form than expected"
  else
    log.flight = nil
    log.store:note_success()
    local can_announce = type(reply[3]) ~= "string"
    if can_announce then log.store.pair:note_success() end
    give_back(flight, reply[2])
    note_newest(log, flight, reply[2], reply[1])
    if can_announce then send_early(log) end
    settle_all(log, flight, reply[2], reply[1])
    if not can_announce then log.store.pair:lose(error_text(reply[3]), true) end
  end
  log.store:wake(log)
end

-- Takes what waits and is to go into one run, up to a number of events; nil: nothing waits.
local function new_flight(log, most)
  local run, bounds = log.queue:take(most, BYTES_AT_ONCE)
  if not run then return nil end
  -- No other run of this writer has the number, whichever logs come and go.
  return { run = run, count = run:count(), bounds = log.all_bounds[bounds], known = log.known,
    number = log.store.numbers.runs + 1, since = core.now() }
end

local function send(log, flight)
  local store = log.store
  log.flight, flight.session = flight, store.pair.session
  store.numbers.runs = store.numbers.runs + 1
  log:send(words_of(log, flight), function(reply, err) on_reply(log, flight, reply, err) end,
    flight.run, mark_of(log, flight))
end

--- Sends the run that is sent again, or the next one. Only while the log can be asked. Of many
-- events it takes half, so that the server has the others to do while this process takes the first
-- ones' results.
function appends.send(log)
  local flight, count = log.flight, log.queue:count()
  if flight and flight.session == log.store.pair.session then return end
  local most = count >= SHARED and (count + 1) // 2 or count
  flight = flight or count > 0 and new_flight(log, math.min(most, EVENTS_AT_ONCE))
  if flight then send(log, flight) end
end

-- A run has its results: before they are told, sends what waits behind it.
function send_early(log)
  if log.session ~= log.store.pair.session or not log:can_ask() then return end
  local flight = new_flight(log, EVENTS_AT_ONCE)
  if not flight then return end
  send(log, flight)
  log.store.pair.commands:write()
end

--- The record of an event of this process's own that has no result yet, by its token.
function appends.own_record(log, token)
  local flight = log.flight
  if not flight then return nil end
  local writer, number, index = token:match "^(%w+):(%d+):(%d+)$"
  if writer ~= log.store.writer or math.tointeger(number) ~= flight.number then return nil end
  index = math.tointeger(index)
  local record = index and flight.run:record(index)
  if record then record.time = core.wall_now() end
  return record
end

--- The connection is lost: the run may have been done.
function appends.on_down(log, why)
  local target, flight, failure = log.store.target, log.flight, log.store.pair.failure
  if flight and flight.session then flight.is_repeated, flight.session = true, nil end
  if target.queue then return end
  local is_late = flight and core.now() - flight.since > target.timeout
  if not failure and not is_late then return end
  local message = "redis: " .. (failure or why)
  if flight then fail_flight(log, flight.is_repeated and UNSURE or message, "ESTORE") end
  if failure then appends.fail(log, message, "ESTORE") end
end

--- Fails all that waits.
function appends.fail(log, message, code)
  if log.flight then fail_flight(log, message, code) end
  log.flight = new_flight(log, EVENTS_AT_ONCE)
  while log.flight do
    fail_flight(log, message, code)
    log.flight = new_flight(log, EVENTS_AT_ONCE)
  end
end

return appends
