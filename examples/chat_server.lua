-- Services of four APIs for examples/chat.lua: OpenAI's chat completions and Responses, Anthropic's
-- Messages, and Ollama. The model "echo" repeats the user's message, "counter" counts; the models
-- of examples/models/faults.lua fail as real services do.
local program = require "examples.program" -- first: finds the library in a clone
local faults = require "examples.models.faults"
local formats = require "examples.models.formats"
local sse = require "sse"

local chat_server = { path = "/v1", key = "secret", interval = 150 }

-- The text of the last message, and the number of questions so far; nil where there is none.
local function question_of(asked)
  local messages = type(asked) == "table" and (asked.messages or asked.input)
  local last = type(messages) == "table" and messages[#messages]
  if type(last) ~= "table" or type(last.content) ~= "string" then return nil end
  return last.content, (#messages + 1) // 2
end

-- Sends the answer word by word; calls fail(res, format) after so many words.
local function send_answer(res, format, text, fail, after)
  res:write_head(200, { ["Content-Type"] = format.type or "text/event-stream" })
  local sent = 0
  for word in text:gmatch "%S+%s*" do
    if sent == after and not fail(res, format) then return end
    if not res:write(format.text(word)) then return end
    sse.sleep(chat_server.interval)
    sent = sent + 1
  end
  res:finish(format.last)
end

local function answer(req, res, format)
  local key = req.headers["x-api-key"] or (req.headers.authorization or ""):match "^Bearer (.*)"
  local is_welcome = key == chat_server.key or not key and format == formats.ollama
  if not is_welcome then -- the error is a text, where others are objects
    return res:json({ error = "the key is wrong; try --key=" .. chat_server.key }, 401)
  end
  local asked = req:json()
  local question, number = question_of(asked)
  if not question then
    return res:json(format.refusal "the content of the last message is missing", 400)
  end
  local refused, fail, after = faults.of(format.path, asked.model)
  if refused then
    local status, says, headers = table.unpack(refused)
    return res:reply(status, says:find "^<" and says or format.refusal(says), headers)
  end
  res.on_close = function(reason) chat_server.log("server", "ended by the " .. reason) end
  local text = ("This is answer %d. You said: %s"):format(number, question)
  if asked.model == "counter" then for n = 1, 60 do text = text .. " " .. n end end
  send_answer(res, format, text, fail, after)
end

function chat_server.mount(server, prefix)
  for _, format in pairs(formats) do
    server:post(prefix .. format.path, function(req, res) answer(req, res, format) end)
  end
end

return program(chat_server, ...)
