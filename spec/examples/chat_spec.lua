-- examples/chat.lua on a terminal of its own, with examples/chat_server.lua.
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local faults = require "spec.cases.model_faults"
local lfs = require "lfs"
local serving = require "spec.support.serving"
local sse = require "sse"
local terminal = require "spec.support.terminal"

local QUICK = { interval = 5 }

-- Starts the chat with an API and further options, and waits for its prompt.
local function start(api, url, ...)
  local program = 'io.stdout:setvbuf "no"\ndofile "examples/chat.lua"'
  local base = (api == "openai" or api == "responses") and url or url:gsub("/v1(/?)$", "%1")
  local chat = terminal.script(program, "--api", api, "--url=" .. base, ...)
  chat:till "> "
  return chat
end

local function count_lines(path)
  local n = 0
  for _ in io.lines(path) do n = n + 1 end
  return n
end

describe("example chat", function()
  after_each(function()
    terminal.stop()
    child.stop()
    examples.stop()
  end)

  it("has at most 60 lines, and the part for each API 40", function()
    assert.is_true(count_lines "examples/chat.lua" <= 60)
    assert.is_true(count_lines "examples/chat_server.lua" <= 60)
    for _, api in ipairs(faults.apis) do
      assert.is_true(count_lines(("examples/models/%s.lua"):format(api)) <= 40)
    end
    assert.is_truthy(lfs.attributes "examples/models")
  end)

  for _, api in ipairs(faults.apis) do
    it(api .. ": words as they come; Ctrl-C stops the answer, which the server sees", function()
      local server, url, log = examples.serve("chat_server", { interval = 400 })
      local chat = start(api, url .. "/", "--key=secret")
      chat:type "Good day\n"
      chat:till "^> Good day\nThis $" -- the terminal's echo, and only the first word
      chat:till "This is $"
      chat:interrupt()
      assert.equal("server ended by the client", log.till "server ended")
      chat:till "\n! stopped\n> $"
      server.interval = 5
      chat:type "Good evening\n"
      chat:till "This is answer 1. You said: Good evening\n> $"
      chat:type "And again\n"
      chat:till "This is answer 2. You said: And again\n> $"
      chat:interrupt()
      assert.equal(0, (chat:wait()))
    end)
  end

  -- Asks by every API, and returns a function that waits for what the chats are to show.
  local function begin(case, url)
    local chats = {}
    for _, api in ipairs(faults.apis) do
      chats[api] = start(api, url, "--model", case.model, "--key", case.key or "secret",
        "--silence", tostring((case.silence or 60000) / 1000))
      chats[api]:type "Hello\n"
    end
    return function()
      for _, api in ipairs(faults.apis) do
        chats[api]:till("^> Hello\n" .. faults.chat_of(case, api) .. "\n> $")
      end
    end
  end

  local repeated = {}
  for _, case in ipairs(faults.cases) do
    if case.chat:find "asking again" then
      repeated[#repeated + 1] = case
    else
      it("says what is wrong, and goes on: " .. case.model .. (case.key or ""), function()
        local _, url = examples.serve("chat_server", QUICK)
        begin(case, url)()
        examples.pass_over "on purpose"
      end)
    end
  end

  it("asks again where nothing of the answer has come, and that can help", function()
    local _, url = examples.serve("chat_server", QUICK)
    local ends = {}
    for i, case in ipairs(repeated) do ends[i] = begin(case, url) end -- each waits for a second
    for _, finish in ipairs(ends) do finish() end
    examples.pass_over "on purpose"
    assert.equal(8, #ends)
  end)

  it("prints nothing that the terminal takes for a command", function()
    serving.start(function(server)
      server:post("/v1/chat/completions", function(_, res)
        local text = [[{"choices":[{"delta":{"content":"a\u001b[31mb\nc\td\u0007\u009b\u00c3"}}]}]]
        local failure = [[{"error":"e\u001b[0mf\u009d\u0080"}]]
        res:reply(200, ("data: %s\n\ndata: %s\n\n"):format(text, failure),
          { ["Content-Type"] = "text/event-stream" })
      end)
    end)
    local chat = start("openai", serving.url "/v1")
    chat:type "Hello\n"
    chat:till "^> Hello\na%[31mb\nc\tdÃ\n! the model failed: e %[0mf\n> $"
  end)

  it("gives up after as many tries as it is told", function()
    local _, url = examples.serve("chat_server", QUICK)
    local chat = start("openai", url, "--key=secret", "--model=limited", "--tries=2")
    chat:type "Hello\n"
    chat:till "> Hello\n! [^\n]*; asking again in 1 s\n\n! too many requests %(429%): [^\n;]*\n> $"
  end)

  it("Ctrl-C ends the wait before it asks again", function()
    local _, url = examples.serve("chat_server", QUICK)
    local chat = start("openai", url, "--key=secret", "--model=limited")
    chat:type "Hello\n"
    chat:till "asking again in 1 s\n"
    chat:interrupt()
    chat:till "\n! stopped\n> $"
  end)

  it("says that nobody is there", function()
    local chat = start("openai", "http://127.0.0.1:1/v1")
    chat:type "Hello\n"
    chat:till "\n! nobody answers there: [^\n]*127.0.0.1[^\n]*\n> $"
  end)

  it("reads a pipe, too, and ends with it; settings come from the environment", function()
    local _, url = examples.serve("chat_server", QUICK)
    local base = url:gsub("/v1$", "")
    local chat = child.start("examples/chat.lua --api=anthropic",
      ("ANTHROPIC_BASE_URL=%s/ ANTHROPIC_API_KEY=secret ANTHROPIC_MODEL=cut"):format(base), true)
    chat:write "Hello\n"
    chat:till "^> This is answer \n! the answer was cut off: [^\n]*\n> $"
    chat:shut()
    assert.equal(0, chat:wait())
  end)

  it("refuses what is no option, and an API that it does not know", function()
    for option, says in pairs {
      ["--api=x"] = "one of openai, responses, anthropic, ollama", ["-x"] = "not an option: %-x",
      ["--mode=x"] = "not an option: %-%-mode", ["--model"] = "%-%-model needs a value",
      ["--tries=x"] = "%-%-tries is a number", ["--silence="] = "%-%-silence is a number",
      ["--tries=0"] = "%-%-tries is a number", ["--silence=-1"] = "%-%-silence is a number",
      ["--silence=1e999"] = "%-%-silence is a number", ["--url=x"] = "%-%-url begins with http",
      ["'--key=k\n'"] = "the key has a control character",
    } do
      local chat = child.start("examples/chat.lua " .. option)
      assert.equal(1, chat:wait())
      assert.truthy(chat:output():find(says))
    end
  end)
end)

describe("example chat_server", function()
  after_each(examples.stop)

  it("refuses what isn't asked as it should be", function()
    examples.serve("chat_server", QUICK)
    local keys = { Authorization = "Bearer secret" }
    for _, format in pairs(require "examples.models.formats") do
      local path = format.path
      assert.equal(401, serving.request("POST " .. path, { ["x-api-key"] = "x" }, "{}").status)
      for _, body in ipairs { "", "{", "3", "{}", '{"messages":3}', '{"messages":[]}',
        '{"messages":[3]}', '{"input":[{"role":"user"}]}' } do
        assert.equal(400, serving.request("POST " .. path, keys, body).status)
      end
      assert.equal(405, serving.request("GET " .. path).status)
    end
    assert.equal(401, serving.request("POST /v1/messages", {}, "{}").status)
    assert.equal(400, serving.request("POST /api/chat", {}, "{}").status) -- Ollama needs no key
  end)

  it("is a program", function()
    local process = child.start "examples/chat_server.lua 0"
    local url = process:till "(http://127.0.0.1:%d+/v1)\n"
    assert.equal(404, sse.fetch(url).status) -- it runs
    process:kill "INT"
    assert.equal(0, process:wait())
    child.stop()
  end)
end)
