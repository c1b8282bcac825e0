-- Asks a model by Anthropic's Messages: message_start, content_block_delta ... message_stop.
local sse = require "sse"

local function reason(text)              -- {"error":{"message":"..."}}, {"error":"..."}, anything
  local why = sse.json.get(text, "error", "message") or sse.json.get(text, "error")
  return type(why) == "string" and why or text
end

-- Calls write(text) for each piece. Returns true and why the model has stopped; or nil, what is
-- wrong, a code, and the Retry-After.
local function ask(service, messages, write)
  local res, message, code = sse.fetch(service.url .. "/v1/messages", {
    headers = { ["x-api-key"] = service.key, ["anthropic-version"] = "2023-06-01" },
    body = { model = service.model, messages = messages, max_tokens = 4096, stream = true },
    signal = service.signal, maxRetries = service.retries, heartbeatTimeout = service.silence,
  })
  if not res then return nil, message, code end
  local after, stop = res.headers["retry-after"], nil
  if not res.ok then return nil, reason(res:text() or ""), res.status, after end
  for ev in res:events { untilType = "message_stop" } do
    local text = ev.type == "content_block_delta" and ev:json("delta", "text")
    stop = ev:json("delta", "stop_reason") or stop
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
