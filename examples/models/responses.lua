-- Asks a model by OpenAI's Responses: events whose types say what they are.
local sse = require "sse"

local FAILED = { error = true, ["response.failed"] = true }

local function reason(text)              -- of an error's body or event, whatever its form
  local function at(...) return sse.json.get(text, ...) end
  local why = at("error", "message") or at "error" or at("response", "error", "message")
    or at("response", "incomplete_details", "reason") or at "message"
  return type(why) == "string" and why or text
end

-- Calls write(text) for each piece. Returns true and why the model has stopped; or nil, what is
-- wrong, a code, and the Retry-After.
local function ask(service, messages, write)
  local res, message, code = sse.fetch(service.url .. "/responses", {
    headers = { Authorization = service.key and "Bearer " .. service.key },
    body = { model = service.model, input = messages, stream = true },
    signal = service.signal, maxRetries = service.retries, heartbeatTimeout = service.silence,
  })
  if not res then return nil, message, code end
  local after = res.headers["retry-after"]
  if not res.ok then return nil, reason(res:text() or ""), res.status, after end
  for ev in res:events { untilType = "response.completed" } do
    local text = ev.type == "response.output_text.delta" and ev:json "delta"
    if type(text) == "string" then
      write(text)
    elseif ev.type == "response.incomplete" then
      return true, reason(ev.data)
    elseif FAILED[ev.type] or ev:json "error" or type(ev:json()) ~= "table" then
      return nil, reason(ev.data), "error"                 -- within a response of status 200
    end
  end
  if res.failure then return nil, res.failure.message, res.failure.code end
  return true, "completed"
end

return ask
