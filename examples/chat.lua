-- A chat in the terminal with any service that speaks OpenAI's protocol:
--
--    lua5.4 examples/chat.lua [--url=http://127.0.0.1:9522/v1] [--model=echo] [--key=secret]
--
-- or by OPENAI_BASE_URL, OPENAI_MODEL and OPENAI_API_KEY. Ctrl-C stops a reply; at the prompt it
-- ends the chat. A service to try it with: lua5.4 examples/chat_server.lua
require "examples.program" -- finds the library in a clone
local sse = require "sse"
local given = {}
for _, word in ipairs(arg) do
  local name, value = word:match "^%-%-(%a+)=(.*)$"
  given[name or error("not an option: " .. word, 0)] = value
end
local url = given.url or os.getenv "OPENAI_BASE_URL" or "http://127.0.0.1:9522/v1"
local model = given.model or os.getenv "OPENAI_MODEL" or "echo"
local key = given.key or os.getenv "OPENAI_API_KEY"

local function at(value, first, ...) -- value[first]...; nil where there is none
  return first == nil and value or type(value) == "table" and at(value[first], ...) or nil
end

local function error_of(body) -- { error = { message = "text" } }, { error = "text" }, or anything
  local value = sse.json.decode(body)
  local why = at(value, "error", "message") or at(value, "error")
  return type(why) == "string" and why or body:gsub("%s+", " "):sub(1, 200)
end

-- Prints the model's reply while it is received. Returns the reply; or nil and an error.
local function print_reply(messages, signal)
  local res, problem = sse.fetch(url:gsub("/$", "") .. "/chat/completions", {
    method = "POST", signal = signal, headers = { Authorization = key and "Bearer " .. key },
    body = { model = model, stream = true, messages = messages },
  })
  if not res then return nil, problem end
  if not res.ok then return nil, "status " .. res.status .. ": " .. error_of(res:text() or "") end
  local text = ""
  for ev in res:events { untilData = "[DONE]" } do
    local chunk = ev:json()
    if type(chunk) ~= "table" or chunk.error then return nil, error_of(ev.data) end
    local words = at(chunk, "choices", 1, "delta", "content") -- chunks may lack any of these
    text = text .. (type(words) == "string" and io.write(words) and words or "")
  end
  return not res.failure and text or nil, res.failure and res.failure.message
end

io.stdout:setvbuf "no"
local messages = {}
while true do
  io.write "> "
  local ok, question = pcall(io.read) -- Ctrl-C raises here
  if not ok or not question then break end
  local controller = sse.AbortController()
  local interrupt = sse.signal("SIGINT", function() controller:abort() end)
  table.insert(messages, { role = "user", content = question })
  local text, problem = print_reply(messages, controller.signal)
  interrupt:stop()
  messages[text and #messages + 1 or #messages] = text and { role = "assistant", content = text }
  io.write(problem and "\n! " .. problem or "", "\n")
end
io.write "\n"
