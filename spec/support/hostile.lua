--- Responses that real services and the proxies before them send where a program expects events,
-- and a server of them. A list of them; each has a `name`, and
--
-- `data`: the data of the events of a stream. `text`: its last one is no chunk of a model's answer,
-- and this piece of it has to be told; without it a program reads the words `hello` and goes on.
-- `cut`: the stream breaks off. Or, for what is no stream: `status`, `type`, `body`.
-- `says`: what a program is to say about it. `fine`: nothing, if it waits for no certain end.
local serving = require "spec.support.serving"

local HELLO = '{"choices":[{"index":0,"delta":{"content":"hello"}}]}'
local PAGE = "<!doctype html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body>"

local hostile = {
  { name = "no choices, as Azure's first chunk and the usage", data = {
    '{"id":"c1","choices":[],"prompt_filter_results":[{"prompt_index":0}]}', HELLO,
    '{"id":"c1","choices":[],"usage":{"prompt_tokens":9007199254740993}}', "[DONE]",
  } },
  { name = "content null", data = {
    '{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}', HELLO, "[DONE]",
  } },
  { name = "no delta", data = {
    HELLO, '{"choices":[{"index":0,"finish_reason":"stop"}]}', "[DONE]",
  } },
  { name = "null for all", data = {
    '{"choices":null}', '{"choices":[null]}', '{"choices":[{"delta":null}]}', HELLO, "[DONE]",
  } },
  { name = "other types", data = {
    '{"choices":"x"}', '{"choices":{"a":1}}', '{"choices":[3]}', '{"choices":[{"delta":"x"}]}',
    '{"choices":[{"delta":{"content":[{"text":"x"}]}}]}', HELLO, "[DONE]",
  } },
  { name = "something else", data = {
    '{"tools":[],"parameters":{"required":[],"properties":{}},"seed":12345678901234567}', "[]",
    HELLO, "[DONE]",
  } },

  { name = "an error as a text", text = "text instead of an object", data = {
    HELLO, '{"error":"text instead of an object"}', "[DONE]",
  } },
  { name = "an error as an object", text = "overloaded", data = {
    HELLO, '{"error":{"message":"overloaded","type":"overloaded_error"}}',
  } },
  { name = "an error of a strange type", text = "77", data = {
    HELLO, '{"error":{"message":{"code":"77"}}}',
  } },
  { name = "an event named error", event = "error", text = "overloaded", data = {
    '{"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}',
  } },
  { name = "a text for JSON", text = "Internal error: 77", data = { HELLO, "Internal error: 77" } },
  { name = "a number for an object", text = "77", data = { HELLO, "77" } },
  { name = "null for an object", text = "null", data = { HELLO, "null" } },

  { name = "a stream of nothing", data = {}, says = "ended", fine = true },
  { name = "a stream that breaks off", data = { HELLO }, cut = true, says = "broke off" },

  { name = "HTML with 502", status = 502, type = "text/html", body = PAGE, says = "502" },
  { name = "nothing with 503", status = 503, body = "", says = "503" },
  { name = "an error as an object with 500", status = 500, says = "500",
    type = "application/json", body = '{"error":{"message":"the model is out of order"}}' },
  { name = "an error as a text with 401", status = 401, says = "401",
    type = "application/json", body = '{"error":"who are you?"}' },
  { name = "an error of null with 400", status = 400, says = "400",
    type = "application/json", body = '{"error":null}' },
}

local current -- the response that the server gives, and the type of its events

local function answer(_, res)
  local response = current.response
  if response.status then
    return res:reply(response.status, response.body, { ["Content-Type"] = response.type })
  end
  local stream = res:event_stream { retry = 60000 }
  for _, data in ipairs(response.data) do
    stream:send { event = response.event or current.hears, data = data }
  end
  if response.cut then
    stream:drain() -- so that the head and the events have gone out
    error "the stream breaks off"
  end
  stream:close()
end

--- Starts a server that gives a response to every request.
-- @tparam table response of this list
-- @tparam[opt] string hears the type of its events
-- @treturn table its URLs, as blocks.run takes them
function hostile.serve(response, hears)
  current = { response = response, hears = hears }
  local function ignore() end
  serving.start({ on_error = ignore }, function(server)
    for _, path in ipairs { "", "/", "/sse", "/chat/completions", "/v1/chat/completions" } do
      server:all("/any" .. path, answer)
    end
  end)
  local url = serving.url "/any"
  return { clock = url, prices = url, chat = url, token = url, models = url }
end

--- The bytes of a response's body.
function hostile.bytes(response)
  local list = {}
  for i, data in ipairs(response.data or {}) do list[i] = ("data: %s\n\n"):format(data) end
  return response.body or table.concat(list)
end

--- What a program of a kind is to say about a response; nil: nothing.
-- @tparam table response of this list
-- @tparam string kind of spec/cases/code_blocks.lua: "model", "source", "reader", "quiet"
function hostile.says(response, kind)
  if kind == "quiet" or kind == "reader" and response.fine then return nil end
  if response.says then return response.says end
  return kind ~= "model" and response.data[#response.data] or response.text or "hello"
end

return hostile
