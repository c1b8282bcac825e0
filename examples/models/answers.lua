-- The answers of examples/resume.lua: each is a channel, which a task fills whoever reads it.
local explain = require "examples.models.explain"
local sse = require "sse"

local answers = {
  keep = 3600 * 1000, -- ms for which an answer can be read after its end
  kept = 100, -- answers that have ended; one more takes the place of the oldest
  limit = 20, -- models at work at a time
}

-- A longer answer is stopped, so that a channel always holds all of it, even byte by byte.
local LONGEST = 256 * 1024
local HOLDS_ALL = { history = LONGEST + 2, history_bytes = 64 * LONGEST }

local by_id, ended = {}, {} -- `ended`: the ids of answers that are complete, the oldest first
local count, running = 0, 0

-- Nobody can guess it, since whoever knows it can read the answer; and no restart gives it again.
local function new_id()
  local random <close> = assert(io.open("/dev/urandom", "rb"))
  return (random:read(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- The answer of that id, with its `channel` and a `controller` that stops the model. Where there
-- is none, the client gets a 404, after which an EventSource does not come back.
function answers.find(id)
  return by_id[id] or error { status = 404, message = "no such answer\n" }
end

--- Refuses a page of another site, since a question costs money. Programs send no Origin.
function answers.check_source(req)
  local origin = req.headers.origin
  if origin and origin:match "^https?://(.*)$" ~= req.headers.host then
    error { status = 403, message = "questions of other sites are not asked\n" }
  end
end

local function forget(id)
  local answer = by_id[id]
  by_id[id] = nil
  if answer then answer.channel:close() end
end

local function keep(id)
  running = running - 1
  table.insert(ended, id)
  while #ended > answers.kept do forget(table.remove(ended, 1)) end
  sse.after(answers.keep, function() forget(id) end):unref()
end

-- Fills the channel with the answer and its end, also where the function that asks raises.
local function fill(channel, service, question, controller, log)
  local size = 0
  local function write(text)
    size = size + #text
    if size > LONGEST then return controller:abort "the answer is too long" end
    if text ~= "" then channel:publish { event = "text", data = text } end
  end
  local messages = { { role = "user", content = question } }
  local returned, ok, message, code = pcall(service.ask, service, messages, write)
  if not returned then ok, message = false, tostring(ok) end
  if not ok then log("model", (explain(message, code))) end
  local reason = code == "EABORTED" and message or "the model failed"
  channel:publish(ok and { event = "done", data = "" } or { event = "failed", data = reason })
end

--- Asks the model, and publishes its answer. Returns the answer's id at once.
-- @tparam table service as examples/models/service.lua makes it
-- @tparam string question
-- @tparam function log is told why a model failed; readers are not, since some services' errors
-- quote a part of the key
function answers.begin(service, question, log)
  if running >= answers.limit then
    error { status = 429, message = "too many questions\n", headers = { ["Retry-After"] = "1" } }
  end
  local id, controller = new_id(), sse.AbortController()
  count, running = count + 1, running + 1
  local channel = sse.channel("answer " .. count, HOLDS_ALL) -- not the id: metrics show the name
  by_id[id] = { channel = channel, controller = controller }
  service.signal = controller.signal
  channel:publish { event = "question", data = question }
  sse.spawn(function()
    fill(channel, service, question, controller, log)
    keep(id)
  end)
  return id
end

return answers
