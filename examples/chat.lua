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
  if not name then error("not an option: " .. word, 0) end
  given[name] = value
end
local url = given.url or os.getenv "OPENAI_BASE_URL" or "http://127.0.0.1:9522/v1"
local model = given.model or os.getenv "OPENAI_MODEL" or "echo"
local key = given.key or os.getenv "OPENAI_API_KEY"

local function error_of(body)
  local why = type(body) == "table" and body.error
  return type(why) == "table" and why.message or type(why) == "string" and why or "no reason given"
end

-- Prints the model's reply while it is received. Returns the reply; or nil and an error.
local function print_reply(messages, signal)
  local res, problem = sse.fetch(url:gsub("/$", "") .. "/chat/completions", {
    method = "POST", signal = signal, headers = { Authorization = key and "Bearer " .. key },
    body = { model = model, stream = true, messages = messages },
  })
  if not res then return nil, problem end
  if not res.ok then return nil, ("status %d: %s"):format(res.status, error_of(res:json())) end
  local text = ""
  for ev in res:events { untilData = "[DONE]" } do
    local chunk = ev:json()
    if type(chunk) ~= "table" or chunk.error then return nil, error_of(chunk) end
    local choice = chunk.choices and chunk.choices[1]
    local words = choice and choice.delta and choice.delta.content or ""
    io.write(words)
    text = text .. words
  end
  if res.failure then return nil, res.failure.message end
  return text
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
