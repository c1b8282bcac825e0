-- A service that speaks OpenAI's protocol, for examples/chat.lua. Its model "echo" repeats the
-- user's message; its other models fail, each in another way that real services do.
local program = require "examples.program"

local chat_server = { path = "/v1", key = "secret", interval = 150 }

-- Model -> status, message and headers of its error.
local errors = {
  limited = { 429, "you are too fast", { ["Retry-After"] = "20" } },
  broken = { 500, "the model is out of order" },
}

local function reply_error(res, status, message, headers)
  res:reply(status, { error = { message = message, code = status } }, headers)
end

-- The checked request; or nil, status, message.
local function parse_request(req)
  if req.headers.authorization ~= "Bearer " .. chat_server.key then
    return nil, 401, "the key is wrong; try --key=" .. chat_server.key
  end
  local asked = req:json()
  local messages = type(asked) == "table" and asked.messages
  local last = type(messages) == "table" and messages[#messages]
  if type(last) ~= "table" or type(last.content) ~= "string" then
    return nil, 400, "messages[].content is missing"
  end
  return { model = asked.model, text = last.content, turn = (#messages + 1) // 2 }
end

-- Sends the reply word by word. The models "upset" and "cut" fail after three words.
local function send_reply(stream, asked)
  local reply = ("This is answer %d. You said: %s"):format(asked.turn, asked.text)
  local sent = 0
  for word in reply:gmatch "%S+%s*" do
    local chunk = { choices = { { index = 0, delta = { content = word } } } }
    if not stream:send { data = chunk } then return end
    stream:sleep(chat_server.interval)
    sent = sent + 1
    if sent == 3 and asked.model == "upset" then -- status 200 has been sent
      return stream:send { data = { error = { message = "I lost my thread" } } }
    elseif sent == 3 and asked.model == "cut" then
      return
    end
  end
  stream:send "[DONE]"
end

function chat_server.mount(server, prefix)
  server:post(prefix .. "/v1/chat/completions", function(req, res)
    local asked, status, message = parse_request(req)
    if not asked then return reply_error(res, status, message) end
    local failing = errors[asked.model]
    if failing then return reply_error(res, table.unpack(failing)) end
    local stream = res:event_stream { finish = true }
    stream.on_close = function(reason) chat_server.log("server", "ended by the " .. reason) end
    send_reply(stream, asked)
    stream:close()
  end)
end

return program(chat_server, ...)
