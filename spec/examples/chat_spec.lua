-- examples/chat.lua in a process of its own, with examples/chat_server.lua.
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local lfs = require "lfs"
local serving = require "spec.support.serving"

local QUICK = { interval = 5 }

-- Starts the chat; returns it and the writing end of its standard input.
local function start(url, more)
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  local process = child.start(("examples/chat.lua --url=%s %s <%s"):format(url, more or "", path),
    "OPENAI_API_KEY=secret")
  local input = assert(io.open(path, "r+"))
  input:setvbuf "no"
  process:till "> "
  os.remove(path)
  return process, input
end

-- util-linux's script(1) serves as the terminal: keys are bytes, and Ctrl-C is one of them. If it
-- can't open a terminal (no /dev/pts), its status is not 0.
local function has_terminal()
  local pipe <close> = io.popen "script --version 2>/dev/null"
  return pipe:read "a":find "util%-linux" ~= nil
    and os.execute "script -qefc true /dev/null </dev/null >/dev/null 2>&1" == true
end

local function start_in_terminal(url)
  local keys = os.tmpname()
  os.remove(keys)
  assert(os.execute("mkfifo " .. keys))
  -- Without "exec", a shell that waits for the chat would receive Ctrl-C, too, and end.
  local chat = ("exec %s examples/chat.lua --url=%s --key=secret"):format(child.lua(), url)
  local process = child.script(([[
    local _, _, status = os.execute("exec env ASAN_OPTIONS=detect_leaks=0 " -- script itself leaks
      .. "script -qefc '%s' /dev/null <%s")
    os.exit(status)
  ]]):format(chat, keys))
  local input = assert(io.open(keys, "r+"))
  input:setvbuf "no"
  process:till "> "
  os.remove(keys)
  return process, input
end

describe("example chat", function()
  after_each(function()
    child.stop()
    examples.stop()
  end)

  it("has at most 60 lines", function()
    local n = 0
    for _ in io.lines "examples/chat.lua" do n = n + 1 end
    assert.is_true(n <= 60)
    assert.is_truthy(lfs.attributes "examples/chat_server.lua")
  end)

  it("streams answers word by word and keeps the conversation", function()
    local server, url = examples.serve("chat_server", { interval = 400 })
    local chat, input = start(url .. "/")
    input:write "Good day\n"
    chat:till "^> This $" -- the first word is printed before the second one comes
    server.interval = 5
    chat:kill "INT"
    chat:till "^> This \n! [^\n]*aborted\n> $"
    input:write "Good evening\n"
    chat:till "This is answer 1. You said: Good evening\n> $"
    input:write "And again\n"
    chat:till "This is answer 2. You said: And again\n> $"
    input:close()
    assert.equal(0, chat:wait())
  end)

  it("Ctrl-C aborts the request, which the server sees, and at the prompt ends the chat", function()
    local _, url, log = examples.serve("chat_server", { interval = 400 })
    local chat, input = start(url)
    input:write "Hello\n"
    chat:till "^> This $"
    chat:kill "INT"
    assert.equal("server ended by the client", log.till "server ended")
    chat:till "aborted\n> $"
    chat:kill "INT"
    assert.equal(0, chat:wait())
    input:close()
  end)

  it("in a terminal: words as they come, the key Ctrl-C stops the answer, then the chat", function()
    if not has_terminal() then return pending "no terminal by util-linux's script(1)" end
    local server, url, log = examples.serve("chat_server", { interval = 400 })
    local chat, input = start_in_terminal(url)
    input:write "Hello\n"
    chat:till "> Hello\r\nThis $" -- the terminal's echo, and only the first word
    chat:till "This is $"
    input:write "\3"
    assert.equal("server ended by the client", log.till "server ended")
    chat:till "aborted\r\n> $"
    server.interval = 5
    input:write "Again\n"
    chat:till "This is answer 1. You said: Again\r\n> $"
    input:write "\3"
    assert.equal(0, chat:wait())
    input:close()
  end)

  local troubles = {
    ["--key=wrong"] = "! status 401: the key is wrong; try %-%-key=secret\n",
    ["--model=limited"] = "! status 429: you are too fast\n",
    ["--model=broken"] = "! status 500: the model is out of order\n",
    ["--model=upset"] = "> This is answer \n! I lost my thread\n",
    ["--model=cut"] = "> This is answer \n! the stream ended without '%[DONE%]'\n",
  }
  for option, said in pairs(troubles) do
    it("says what is wrong and goes on: " .. option, function()
      local _, url = examples.serve("chat_server", QUICK)
      local chat, input = start(url, option)
      input:write "Hello\n"
      chat:till(said .. "> $")
      input:close()
      assert.equal(0, chat:wait())
    end)
  end

  it("says that nobody is there", function()
    local chat, input = start "http://127.0.0.1:1/v1"
    input:write "Hello\n"
    chat:till "! [^\n]*127.0.0.1[^\n]*\n> $"
    input:close()
    assert.equal(0, chat:wait())
  end)
end)

describe("example chat_server", function()
  after_each(examples.stop)

  it("refuses what isn't asked as it should be", function()
    examples.serve("chat_server", QUICK)
    local path = "POST /v1/chat/completions"
    local authorized = { Authorization = "Bearer secret" }
    assert.equal(401, serving.request(path, {}, "{}").status)
    for _, body in ipairs { "", "{", "3", "{}", '{"messages":3}', '{"messages":[]}',
      '{"messages":[3]}', '{"messages":[{"role":"user"}]}' } do
      assert.equal(400, serving.request(path, authorized, body).status)
    end
    assert.equal(405, serving.request("GET /v1/chat/completions").status)
  end)

  it("is a program", function()
    local process = child.start "examples/chat_server.lua 0"
    process:till "http://127.0.0.1:%d+/v1\n"
    process:kill "INT"
    assert.equal(0, process:wait())
    child.stop()
  end)
end)
