-- Asks a model of Ollama: a line of JSON for each piece, and no events at all.
local sse = require "sse"

local function reason(text)              -- {"error":"..."}, {"error":{"message":"..."}}, anything
  local why = sse.json.get(text, "error", "message") or sse.json.get(text, "error")
  return type(why) == "string" and why or text
end

-- Calls write(text) for each piece. Returns true and why the model has stopped; or nil, what is
-- wrong, a code, and the Retry-After.
local function ask(service, messages, write)
  local res, message, code = sse.fetch(service.url .. "/api/chat", {
    headers = { Authorization = service.key and "Bearer " .. service.key },
    body = { model = service.model, messages = messages, stream = true },
    signal = service.signal, maxRetries = service.retries, heartbeatTimeout = service.silence,
  })
  if not res then return nil, message, code end
  local after = res.headers["retry-after"]
  if not res.ok then return nil, reason(res:text() or ""), res.status, after end
  for line in res:lines() do
    local piece = line == "" and {} or sse.json.decode(line) or line
    if type(piece) ~= "table" then return nil, "not JSON: " .. line, "EUNFINISHED" end
    if piece.error then return nil, reason(line), "error" end
    local text = sse.json.get(line, "message", "content")
    if type(text) == "string" then write(text) end
    if piece.done == true then return true, piece.done_reason or "stop" end
  end
  if res.failure then return nil, res.failure.message, res.failure.code end
  return nil, "the answer ended without its last line", "EUNFINISHED"
end

return ask
