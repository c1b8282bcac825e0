--- Reading a channel's log.
-- @module sse.redis.reads
local decode = require("sse.redis.record").decode

local READ_BYTES = 256 * 1024 -- of a page

local reads = {}

--- Prepares a new log.
function reads.prepare(log)
  log.questions = {} -- reads that are to be sent
  log.asked = {} -- reads that were sent, as a set
end

--- Whether a read has no result yet.
function reads.is_busy(log) return #log.questions > 0 or next(log.asked) ~= nil end

--- Reads, as a store does.
function reads.read(log, after, limit, bounds, done)
  log.questions[#log.questions + 1] = { after = after, limit = limit, bounds = bounds, done = done }
  log.store:count_reads(1)
  log.store:wake(log)
end

-- --- results -------------------------------------------------------------------------------------

-- A record of what the script has given; nil: it is none.
local function record_of(entry)
  if type(entry) ~= "table" then return nil end
  local position, time, text = table.unpack(entry, 1, 3)
  local is_right = math.type(position) == "integer" and math.type(time) == "integer"
    and type(text) == "string"
  return is_right and decode(text, 1, { position = position, time = time }) or nil
end

local function is_count(value) return math.type(value) == "integer" and value >= 0 end

-- What `done` gets for a reply of the script's; nil: the reply is of no known form.
local function result_of(reply)
  if type(reply) ~= "table" then return nil end
  local epoch, first, head, after, token, entries = table.unpack(reply, 1, 6)
  local ok = type(epoch) == "string" and is_count(first) and is_count(head)
    and math.type(after) == "integer" and type(token) == "string" and type(entries) == "table"
  if not ok or first < 1 or first > head + 1 then return nil end
  local records = {}
  for i, entry in ipairs(entries) do
    records[i] = record_of(entry)
    if not records[i] then return nil end
  end
  return { epoch = epoch, first = first, head = head, after = after >= 0 and after or nil,
    records = records }, token
end

-- Where the log was when it was asked first, where that may be before what the result says: the
-- question was sent again, behind events that this process has published since. nil: it was there.
local function asked_head(log, question, result)
  local before, flight = question.before, log.flight
  if before and before.epoch ~= result.epoch then before = nil end
  if flight and flight.is_repeated and flight.number > question.runs
    and flight.known.epoch == result.epoch then
    before = flight.known -- it may have been done
  end
  return before and before.position < result.head and before.position or nil
end

local function finish(log, question, ...)
  log.asked[question] = nil
  log.store:count_reads(-1)
  log.call(question.done, ...)
end

-- Takes a reply. Returns what it says. One of another form ends the connections, and gives nothing.
local function take(log, reply)
  local result, token = result_of(reply)
  if not result then
    log.store.pair:lose "a result of another form than expected"
    return nil
  end
  log.store:note_success()
  log:note(result.epoch, result.head, token)
  return result
end

local function on_reply(log, question, reply, err)
  if not log.asked[question] then return end
  local store = log.store
  if err then
    local again = store:on_error(err, log)
    if again and log.asked[question] then
      log.asked[question] = nil
      table.insert(log.questions, question)
    end
    if again then return again(log) end
    return finish(log, question, nil, "redis: " .. err, "ESTORE")
  end
  local result = take(log, reply)
  if not result then return end
  store.numbers.reads = store.numbers.reads + 1
  result.asked_head = asked_head(log, question, result)
  finish(log, question, result)
end

--- Events of this process's own were added, from a position on, by a run of that number.
function reads.note_added(log, number, position, epoch)
  local function note(question)
    if question.before or not question.runs or question.runs >= number then return end
    question.before = { epoch = epoch, position = position - 1 }
  end
  for question in pairs(log.asked) do note(question) end
  for _, question in ipairs(log.questions) do note(question) end
end

-- --- asking --------------------------------------------------------------------------------------

local function words_of(log, question)
  local words = log:words("read", question.bounds)
  local n, after = #words, question.after
  words[n + 1] = type(after) == "string" and "=" .. after or after
  words[n + 2], words[n + 3] = question.limit, READ_BYTES
  return words
end

--- How many reads have no result yet.
function reads.count(log)
  local count = #log.questions
  for _ in pairs(log.asked) do count = count + 1 end
  return count
end

--- Sends the reads that wait. Only while the log can be asked.
function reads.send(log)
  local list = log.questions
  if #list == 0 then return end
  log.questions = {}
  for _, question in ipairs(list) do
    log.asked[question] = true
    question.runs = question.runs or log.store.numbers.runs -- those of its first time
    log:send(words_of(log, question), function(reply, err)
      on_reply(log, question, reply, err)
    end)
  end
end

--- Looks where the log is. Only while it can be asked.
function reads.look(log)
  local question = { after = 0, limit = 0, bounds = log.bounds }
  log.store.numbers.looks = log.store.numbers.looks + 1
  log:send(words_of(log, question), function(reply, err)
    if err then
      local again = log.store:on_error(err, log) -- the next look comes soon
      return again and again(log)
    end
    local result = take(log, reply)
    if result then log:on_look(result.epoch, result.head) end
  end)
end

--- Asks, before anything else is asked over new connections, whether the log still has the newest
-- event that this process knows of. Where the log is watched and has gone on meanwhile, it is read.
function reads.verify(log)
  log:send(words_of(log, { after = 0, limit = 0, bounds = log.bounds }), function(reply, err)
    if err then
      local again = log.store:on_error(err, log)
      log:forget_session() -- verifies again
      return again and again(log)
    end
    local result = take(log, reply)
    if not result then return end
    local told = log.told_before
    log.told_before = nil
    if not log:is_watched() then return end
    if told and result.epoch == told.epoch and result.head == told.position then
      log.told = log.told or told
    else
      log:read_again(result.epoch, result.head)
    end
  end)
end

--- The connection is lost: what was asked is asked again.
function reads.on_down(log)
  for question in pairs(log.asked) do table.insert(log.questions, question) end
  log.asked = {}
end

--- Fails all that waits.
function reads.fail(log, message, code)
  reads.on_down(log)
  local list = log.questions
  log.questions = {}
  for _, question in ipairs(list) do finish(log, question, nil, message, code) end
end

return reads
