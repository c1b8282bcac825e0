-- What a server of each API sends, as bytes: for examples/chat_server.lua.
--
-- `path` of the POST; `text(word)`, a piece of the answer; `last`, the end of a whole answer, and
-- `long`, of one that has become as long as it may be; `failure(message)`, an error within the
-- stream; `refusal(message)`, the body of an error's status; `ping`, a sign of life; `odd`, what
-- else is met in real streams and says nothing.
local sse = require "sse"

local formats = {}

local function event(value) return sse.encode { event = value.type, data = value } end
local function line(value) return sse.json.encode(value) .. "\n" end

local function join(...) -- events, each as the text of its data
  local list = {}
  for i, data in ipairs { ... } do
    list[i] = sse.encode { event = sse.json.get(data, "type"), data = data }
  end
  return table.concat(list)
end

local function openai_error(message)
  return { error = { message = message, type = "api_error" } }
end

local function openai_end(why)
  local data = { choices = { { index = 0, delta = {}, finish_reason = why } } }
  return sse.encode { data = data } .. sse.encode { data = "[DONE]" }
end

formats.openai = {
  path = "/v1/chat/completions",
  text = function(word)
    return sse.encode { data = { choices = { { index = 0, delta = { content = word } } } } }
  end,
  last = openai_end "stop", long = openai_end "length",
  failure = function(message) return sse.encode { data = openai_error(message) } end,
  refusal = openai_error,
  ping = ": ping\n\n",
  odd = join('{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}',
    '{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}',
    '{"choices":[{"index":0,"finish_reason":null}]}',
    '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}', '{"choices":null}'),
}

formats.responses = {
  path = "/v1/responses",
  text = function(word) return event { type = "response.output_text.delta", delta = word } end,
  last = event { type = "response.completed", response = { status = "completed" } },
  long = event { type = "response.incomplete",
    response = { incomplete_details = { reason = "max_output_tokens" } } },
  failure = function(message)
    return event { type = "response.failed", response = { error = { message = message } } }
  end,
  refusal = openai_error,
  ping = ": ping\n\n",
  odd = join('{"type":"response.created","response":{"error":null,"incomplete_details":null}}',
    '{"type":"response.output_item.added","item":{"type":"reasoning"}}',
    '{"type":"response.output_text.delta","delta":null}', '{"type":"response.output_text.delta"}'),
}

local function anthropic_end(why)
  return event { type = "message_delta", delta = { stop_reason = why } }
    .. event { type = "message_stop" }
end

formats.anthropic = {
  path = "/v1/messages",
  text = function(word)
    return event { type = "content_block_delta", delta = { type = "text_delta", text = word } }
  end,
  last = anthropic_end "end_turn", long = anthropic_end "max_tokens",
  failure = function(message)
    return event { type = "error", error = { type = "overloaded_error", message = message } }
  end,
  refusal = function(message)
    return { type = "error", error = { type = "api_error", message = message } }
  end,
  ping = ": ping\n\n" .. event { type = "ping" },
  odd = join('{"type":"message_start","message":{"content":[],"usage":{"input_tokens":9}}}',
    '{"type":"content_block_delta","delta":{"thinking":"Hm"}}',
    '{"type":"content_block_delta"}', '{"type":"message_delta","usage":{"output_tokens":2}}'),
}

local function ollama_end(why)
  return line { message = { role = "assistant", content = "" }, done = true, done_reason = why }
end

formats.ollama = {
  path = "/api/chat",
  text = function(word) return line { message = { role = "assistant", content = word } } end,
  last = ollama_end "stop", long = ollama_end "length",
  failure = function(message) return line { error = message } end,
  refusal = function(message) return { error = message } end,
  ping = "\n",
  type = "application/x-ndjson",
  odd = '{"done":false}\n{"message":null}\n{"message":{"content":"","thinking":"Hm"}}\n\n',
}

return formats
