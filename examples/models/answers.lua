-- The answers of examples/resume.lua: each is a channel, which a task fills whoever reads it.
local sse = require "sse"

local answers = { keep = 3600 * 1000 } -- ms for which an answer can be read after its end

-- A longer answer is stopped, so that a channel always holds all of it, even byte by byte.
local LONGEST = 256 * 1024
local HOLDS_ALL = { history = LONGEST + 2, history_bytes = 64 * LONGEST }

local by_id, count = {}, 0

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

--- Asks the model, and publishes its answer. Returns the answer's id at once.
-- @tparam table service as examples/models/service.lua makes it
-- @tparam string question
-- @tparam function log is told why a model failed; readers are not, since some services' errors
-- quote a part of the key
function answers.begin(service, question, log)
  local id = new_id()
  local controller, size = sse.AbortController(), 0
  count = count + 1
  local channel = sse.channel("answer " .. count, HOLDS_ALL) -- not the id: metrics show the name
  by_id[id] = { channel = channel, controller = controller }
  service.signal = controller.signal
  channel:publish { event = "question", data = question }
  sse.spawn(function()
    local ok, message, code = service:ask({ { role = "user", content = question } }, function(text)
      size = size + #text
      if size > LONGEST then return controller:abort "the answer is too long" end
      if text ~= "" then channel:publish { event = "text", data = text } end
    end)
    if not ok then log("model", message) end
    local reason = code == "EABORTED" and message or "the model failed"
    channel:publish(ok and { event = "done", data = "" } or { event = "failed", data = reason })
    sse.after(answers.keep, function()
      by_id[id] = nil
      channel:close()
    end):unref()
  end)
  return id
end

return answers
