-- The functions of examples/models that ask a model, with examples/chat_server.lua and with what
-- real services send beside that: what a program gets.
local examples = require "spec.support.examples"
local faults = require "spec.cases.model_faults"
local formats = require "examples.models.formats"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local QUICK = { interval = 1 }
local MESSAGES = { { role = "user", content = "Hello" } }

local function module_of(api) return require("examples.models." .. api) end

-- The URL that a module takes: of OpenAI's two APIs it ends with /v1.
local function base(api, url)
  return api:find "^[or]" and api ~= "ollama" and url or (url:gsub("/v1$", ""))
end

-- Asks; returns the text that came, and what the function returns.
local function ask(api, service)
  local pieces = {}
  return pieces, table.pack(module_of(api)(service, MESSAGES, function(text)
    assert(type(text) == "string")
    pieces[#pieces + 1] = text
  end))
end

describe("examples/models", function()
  after_each(examples.stop)

  for _, api in ipairs(faults.apis) do
    for _, case in ipairs(faults.cases) do
      it(("%s: %s%s"):format(api, case.model, case.key and " with a wrong key" or ""), function()
        local _, url = examples.serve("chat_server", QUICK)
        local pieces, got = ask(api, { url = base(api, url), key = case.key or "secret",
          model = case.model, silence = case.silence })
        examples.pass_over "on purpose"
        assert.equal(case.text or "", table.concat(pieces))
        if not case.code then
          assert.is_true(got[1])
          return case.stop and assert.equal(case.stop[api], got[2])
        end
        assert.same({ false, case.code, case.after or false },
          { got[1] or false, got[3], got[4] or false })
        assert.truthy(got[2]:find(faults.message_of(case, api)), got[2])
      end)
    end

    it(api .. ": a word is given out as soon as it has come", function()
      local _, url = examples.serve("chat_server", { interval = 50 })
      local controller = sse.AbortController()
      local got = table.pack(module_of(api)({ url = base(api, url), key = "secret", model = "echo",
        signal = controller.signal }, MESSAGES, function(text)
        assert.equal("This ", text)
        controller:abort()
      end))
      assert.same({ nil, "EABORTED" }, { got[1], got[3] })
    end)

    it(api .. ": asks again where it is told to", function()
      local _, url = examples.serve("chat_server", QUICK)
      local pieces, got = ask(api, { url = base(api, url), key = "secret", model = "limited:1",
        retries = 1 })
      assert.is_true(got[1])
      assert.truthy(table.concat(pieces):find "Hello$")
    end)

    it(api .. ": the end marker ends it, also where the response stays open", function()
      local format, reason = formats[api], nil
      serving.start(function(server)
        server:post(format.path, function(_, res)
          res.on_close = function(why) reason = why end
          res:write_head(200, { ["Content-Type"] = format.type or "text/event-stream" })
          res:write(format.text "Hello" .. format.last)
          res:detach()
        end)
      end)
      local pieces, got = ask(api, { url = base(api, serving.url "/v1"), silence = 2000 })
      assert.same({ "Hello", true }, { pieces[1], got[1] })
      wait.till(function() return reason end, "the response's end")
      assert.equal("client", reason)
    end)

    it(api .. ": nobody is there", function()
      local _, got = ask(api, { url = "http://127.0.0.1:1", model = "echo" })
      assert.same({ nil, "ECONNREFUSED" }, { got[1], got[3] })
    end)
  end
end)

-- The blocks of docs/models.md are run by spec/pages/blocks_spec.lua.
it("docs/models.md has the functions as they are in examples/models, of 20 lines", function()
  local page <close> = assert(io.open "docs/models.md")
  local text = page:read "a"
  for _, api in ipairs(faults.apis) do
    local file <close> = assert(io.open(("examples/models/%s.lua"):format(api)))
    local code = file:read "a":match "^(.*)return ask\n$"
    local block = "```lua\n" .. code .. "local ok, message, code = ask({\n"
    assert.truthy(text:find(block, 1, true), api)
    local lines = select(2, code:match "local function ask(.-)\nend\n":gsub("\n", ""))
    assert.is_true(lines <= 20, ("%s: %d lines"):format(api, lines))
  end
end)

-- Events or lines that no service should send: what is said of them. True: nothing.
local STRANGE = {
  openai = {
    ['data: {"choices":"x"}\n\ndata: {"choices":[3]}\n\ndata: [DONE]\n\n'] = true,
    ['data: {"error":{"message":{"code":"77"}}}\n\n'] = "77", ["data: Oh no\n\n"] = "Oh no",
    ["data: null\n\n"] = "null", ['error: {"x": 1}\n\n'] = "error: ", ["<html>"] = "<html>",
    ["event: error\ndata: {}\n\n"] = "{}",
  },
  responses = {
    ['event: response.output_text.delta\ndata: {"delta":7}\n\n'
      .. "event: response.completed\ndata: {}\n\n"] = true,
    ['event: error\ndata: {"type":"error","message":"busy","code":null}\n\n'] = "^busy$",
    ['event: error\ndata: {"type":"error","error":{"message":"busy"}}\n\n'] = "^busy$",
    ["event: response.incomplete\ndata: {}\n\n"] = true,
    ["event: response.failed\ndata: {}\n\n"] = "{}", ["data: Oh no\n\n"] = "Oh no",
    ['data: {"error":"busy"}\n\n'] = "^busy$",
  },
  anthropic = {
    ['event: content_block_delta\ndata: {"delta":{"text":7}}\n\n'
      .. 'event: content_block_delta\ndata: {"delta":"x"}\n\n'
      .. "event: message_stop\ndata: {}\n\n"] = true,
    ['event: error\ndata: {"error":{"type":"x"}}\n\n'] = '"x"', ["data: Oh no\n\n"] = "Oh no",
    ['data: {"error":"busy"}\n\n'] = "^busy$",
  },
  ollama = {
    ['{"message":7}\n[]\n\n{"message":{"content":7}}\n{"done":true}'] = true,
    ['{"error":{"message":"busy"}}\n'] = "^busy$", ["7\n"] = "7", ["Oh no\n"] = "Oh no",
    ["null\n"] = "null", ["<html>\n"] = "<html>",
  },
}

describe("examples/models with strange services", function()
  after_each(serving.stop)

  for api, bodies in pairs(STRANGE) do
    for body, says in pairs(bodies) do
      it(("%s: %s"):format(api, body:gsub("\n", "|")), function()
        serving.start(function(server)
          for _, path in ipairs { "chat/completions", "responses", "v1/messages", "api/chat" } do
            server:post("/" .. path, function(_, res)
              res:reply(200, body, { ["Content-Type"] = "text/event-stream" })
            end)
          end
        end)
        local pieces, got = ask(api, { url = serving.url "", model = "x" })
        assert.same({}, pieces)
        assert.equal(says == true or nil, got[1])
        if says ~= true then assert.truthy(got[2]:find(says), got[2]) end
      end)
    end
  end
end)
