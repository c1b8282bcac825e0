-- Asks a model by OpenAI's chat completions: events with the data [DONE] at the end.
local sse = require "sse"

local function reason(text)              -- {"error":{"message":"..."}}, {"error":"..."}, anything
  local why = sse.json.get(text, "error", "message") or sse.json.get(text, "error")
  return type(why) == "string" and why or text
end

-- Calls write(text) for each piece. Returns true and why the model has stopped; or nil, what is
-- wrong, a code, and the Retry-After.
local function ask(service, messages, write)
  local res, message, code = sse.fetch(service.url .. "/chat/completions", {
    headers = { Authorization = service.key and "Bearer " .. service.key },
    body = { model = service.model, messages = messages, stream = true },
    signal = service.signal, maxRetries = service.retries, heartbeatTimeout = service.silence,
  })
  if not res then return nil, message, code end
  local after, stop = res.headers["retry-after"], nil
  if not res.ok then return nil, reason(res:text() or ""), res.status, after end
  for ev in res:events { untilData = "[DONE]" } do
    local text = ev:json("choices", 1, "delta", "content") -- some chunks have none: the usage, say
    stop = ev:json("choices", 1, "finish_reason") or stop
    if type(text) == "string" then
      write(text)
    elseif ev.type == "error" or ev:json "error" or type(ev:json()) ~= "table" then
      return nil, reason(ev.data), "error"                 -- within a response of status 200
    end
  end
  if res.failure then return nil, res.failure.message, res.failure.code end
  return true, stop
end

return ask
