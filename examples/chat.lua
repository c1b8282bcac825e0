-- A chat in the terminal with a model:
--
--    lua5.4 examples/chat.lua [--api=openai] [--url=http://127.0.0.1:9522/v1] [--model=echo]
--                             [--key=secret] [--silence=60] [--tries=4]
--
-- The API is openai, responses, anthropic or ollama. Or by OPENAI_BASE_URL, OPENAI_MODEL and
-- OPENAI_API_KEY; ANTHROPIC_... and OLLAMA_... for the other two. Ctrl-C stops an answer, and at
-- the prompt the chat. A service to try it with: lua5.4 examples/chat_server.lua
require "examples.program" -- finds the library in a clone
local explain, plain = require "examples.models.explain", require "examples.models.plain"
local sse = require "sse"

local LONGEST_WAIT = 60 -- seconds before asking again
local AT_LIMIT = { length = true, max_tokens = true, max_output_tokens = true }
local service = require "examples.models.service"(arg)

-- Waits; false where Ctrl-C ends it.
local function wait(seconds, signal)
  sse.await(function(resume)
    sse.after(seconds * 1000, resume)
    signal.onabort = resume
  end)
  return not signal.aborted
end

-- Prints the answer while it comes. Returns it, or nil; and what is wrong.
local function print_answer(messages, signal)
  service.signal = signal
  for attempt = 1, service.tries do
    local pieces = {}
    local ok, message, code, after = service:ask(messages, function(text)
      pieces[#pieces + 1] = text
      io.write(plain(text)) -- nothing that the terminal takes for a command
    end)
    if ok then return table.concat(pieces), AT_LIMIT[message] and "as long as it may be" end
    local line, can_pass = explain(message, code)
    local seconds = tonumber((after or ""):match "^%d+$" or 2 ^ (attempt - 1))
    local again = can_pass and #pieces == 0 and attempt < service.tries
    if signal.aborted then return nil, "stopped" end
    if not again or seconds > LONGEST_WAIT then return nil, line end
    io.write("! ", line, ("; asking again in %g s\n"):format(seconds))
    if not wait(seconds, signal) then return nil, "stopped" end
  end
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
  local text, problem = print_answer(messages, controller.signal)
  interrupt:stop()
  messages[text and #messages + 1 or #messages] = text and { role = "assistant", content = text }
  io.write(problem and "\n! " .. problem or "", "\n")
end
io.write "\n"
