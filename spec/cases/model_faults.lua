--- What the models of examples/chat_server.lua do, and what is made of it, by every API:
--
-- `model`, and `key` where it is not the right one; `text`, the part of the answer that comes;
-- `code` and `message` (a pattern), what a program sees instead of true; `after`, the Retry-After;
-- `stop`, by API, what it sees behind true;
-- `chat`, a pattern of what examples/chat.lua shows between its two prompts, where `%s` stands for
-- the whole answer.
local patience = tonumber(os.getenv "SSE_TEST_PATIENCE" or "") or 1
local SILENCE = 500 * patience -- ms

local WHOLE = "This is answer 1. You said: Hello"
local PART = "This is answer "

-- A list by API, whose messages differ.
local function each(openai, responses, anthropic, ollama)
  return { openai = openai, responses = responses, anthropic = anthropic, ollama = ollama }
end

local cut = each("the stream ended without '%[DONE%]'",
  "the stream ended without an event of type 'response.completed'",
  "the stream ended without an event of type 'message_stop'",
  "the answer ended without its last line")
local WITHIN = "the stream ended within an event"
local half = each(WITHIN, WITHIN, WITHIN, 'not JSON: {"message":{[^\n]*')
local LOST = "[^\n]*broke off[^\n]*"
local SILENT = "silent for %d+ ms"

local cases = {
  { model = "echo", text = WHOLE, chat = "%s",
    stop = each("stop", "completed", "end_turn", "stop") },
  { model = "odd", text = WHOLE, chat = "%s" },
  { model = "pings", text = WHOLE, chat = "%s" },

  { model = "echo", key = "wrong", code = 401, message = "the key is wrong; try %-%-key=secret",
    chat = "\n! the key is not accepted %(401%): the key is wrong; try %-%-key=secret" },
  { model = "limited:1", code = 429, message = "you are too fast", after = "1",
    chat = "! too many requests %(429%): you are too fast; asking again in 1 s\n%s" },
  { model = "exhausted", code = 429, message = "your quota is used up", after = "3600",
    chat = "\n! too many requests %(429%): your quota is used up" },
  { model = "overloaded:1", code = 529, message = "come back later",
    chat = "! the service is overloaded %(529%): come back later; asking again in 1 s\n%s" },
  { model = "broken:1", code = 500, message = "the model is out of order",
    chat = "! the service is in trouble %(500%): the model is out of order;"
      .. " asking again in 1 s\n%s" },
  { model = "gateway:1", code = 502, message = "<title>502 Bad Gateway</title>",
    chat = "! the service is in trouble %(502%): 502 Bad Gateway nginx; asking again in 1 s\n%s" },

  { model = "upset", text = PART, code = "error", message = "I lost my thread",
    chat = PART .. "\n! the model failed: I lost my thread" },
  { model = "upset0:1", code = "error", message = "I lost my thread",
    chat = "! the model failed: I lost my thread; asking again in 1 s\n%s" },
  { model = "long", text = PART, chat = PART .. "\n! as long as it may be",
    stop = each("length", "max_output_tokens", "max_tokens", "length") },
  { model = "cut", text = PART, code = "EUNFINISHED", message = cut,
    chat = PART .. "\n! the answer was cut off: $message" },
  { model = "cut0:1", code = "EUNFINISHED", message = cut,
    chat = "! the answer was cut off: $message; asking again in 1 s\n%s" },
  { model = "half", text = PART, code = "EUNFINISHED", message = half,
    chat = PART .. "\n! the answer was cut off: $message" },
  { model = "lost", text = PART, code = "ECONNRESET", message = LOST,
    chat = PART .. "\n! the connection was lost: $message" },
  { model = "lost0:1", code = "ECONNRESET", message = LOST,
    chat = "! the connection was lost: $message; asking again in 1 s\n%s" },
  { model = "silent", silence = SILENCE, text = PART, code = "ETIMEDOUT", message = SILENT,
    chat = PART .. "\n! the service fell silent: $message" },
  { model = "silent0:1", silence = SILENCE, code = "ETIMEDOUT", message = SILENT,
    chat = "! the service fell silent: $message; asking again in 1 s\n%s" },
}

local function message_of(case, api)
  return type(case.message) == "table" and case.message[api] or case.message
end

local faults = { apis = { "openai", "responses", "anthropic", "ollama" }, cases = cases }

--- The pattern of the message that a program sees.
faults.message_of = message_of

--- The pattern of what the chat shows.
function faults.chat_of(case, api)
  local pattern = case.chat:gsub("%%s$", function() return (WHOLE:gsub("%.", "%%.")) end)
  return (pattern:gsub("%$message", function() return message_of(case, api) end))
end

return faults
