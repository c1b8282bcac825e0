-- A service that speaks OpenAI's protocol, for examples/chat.lua. Its model "echo" repeats what it
-- was told; the others fail, each in one of the ways that services do.
local program = require "examples.program"
local sse = require "sse"

local chat_server = { path = "/v1", key = "secret", interval = 150 }

-- model -> status, message
local refusals = {
  limited = { 429, "you are too fast", { ["Retry-After"] = "20" } },
  broken = { 500, "the model is out of order" },
}

local function refuse(res, status, message, headers)
  res:reply(status, { error = { message = message, code = status } }, headers)
end

local function check(req)
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

local function stream_answer(stream, asked)
  local answer = ("This is answer %d. You said: %s"):format(asked.turn, asked.text)
  local said = 0
  for word in answer:gmatch "%S+%s*" do
    local chunk = { choices = { { index = 0, delta = { content = word } } } }
    if not stream:send { data = chunk } then return end
    sse.sleep(chat_server.interval)
    said = said + 1
    if said == 3 and asked.model == "upset" then -- the status has been 200 already
      return stream:send { data = { error = { message = "I lost my thread" } } }
    elseif said == 3 and asked.model == "cut" then
      return
    end
  end
  stream:send "[DONE]"
end

function chat_server.mount(server, prefix)
  server:post(prefix .. "/v1/chat/completions", function(req, res)
    local asked, status, message = check(req)
    if not asked then return refuse(res, status, message) end
    local refusal = refusals[asked.model]
    if refusal then return refuse(res, table.unpack(refusal)) end
    local stream = res:event_stream()
    stream.onclose = function(reason) chat_server.log("server", "ended by the " .. reason) end
    stream_answer(stream, asked)
    stream:close()
  end)
end

return program(chat_server, ...)
