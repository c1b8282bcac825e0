-- A model's answer that survives a reload: each answer is a channel of its own. A page or a script
-- that lost its connection, reloads, or is opened a second time gets all of the text, once.
--
-- POST /answers        asks what the body says; gives {"id":"..."}
-- GET /answers/:id     the answer's events: question, text ..., done; or failed, with the reason
-- DELETE /answers/:id  stops the model
--
-- The model is that of OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL, or else one that counts.
local program = require "examples.program" -- first: finds the library in a clone
local answers = require "examples.models.answers"
local chat_server = require "examples.chat_server"
local sse = require "sse"

local resume = { path = "/", retry = 1000 }

local PAGE = debug.getinfo(1, "S").source:match "^@(.*)lua$" .. "html" -- beside this file

function resume.mount(server, prefix)
  chat_server.mount(server, prefix)
  local function service()
    if os.getenv "OPENAI_BASE_URL" then return require "examples.models.service" {} end
    local url = ("http://127.0.0.1:%d%s/v1"):format(server.port, prefix)
    return { ask = require "examples.models.openai", url = url, key = "secret", model = "counter" }
  end
  server:get(prefix .. "/", sse.file(PAGE))
  server:post(prefix .. "/answers", function(req, res)
    answers.check_source(req)
    res:json({ id = answers.begin(service(), req:text(), resume.log) }, 201)
  end)
  server:get(prefix .. "/answers/:id", function(req, res)
    local channel = answers.find(req.params.id).channel
    res:event_stream { retry = resume.retry }:follow(channel, { from = "oldest" })
    resume.log("server", req.last_event_id and "goes on" or "begins", channel.followers)
  end)
  server:delete(prefix .. "/answers/:id", function(req, res)
    answers.find(req.params.id).controller:abort "stopped"
    res:reply(204)
  end)
end

--- Prints an answer, whose URL is given. After a lost connection it goes on where it was.
function resume.read(url)
  local source = sse.EventSource(url)
  source:addEventListener("*", function(ev)
    resume.log("client", ev.type, ev.data)
    if ev.type == "done" or ev.type == "failed" then source:close() end
  end)
  source.onerror = function(ev) resume.log("client", "error", ev.message or ev.data) end
  return source
end

--- Asks, and prints the answer.
function resume.client(url, question)
  local res, message = sse.fetch(url .. "answers", { method = "POST", body = question or "Why?" })
  local id = res and res.ok and res:json "id"
  if type(id) ~= "string" then return resume.log("client", "error", message or res.status) end
  return resume.read(url .. "answers/" .. id)
end

return program(resume, ...)
