-- The examples' clients and the chat, against what real services and the proxies before them send:
-- each goes on or ends, and says in a line what has happened.
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local hostile = require "spec.support.hostile"
local serving = require "spec.support.serving"

-- Example, function, its kind as in spec/cases/code_blocks.lua, the type of the events it hears.
local CLIENTS = {
  { "channel", "client", "source", "news" }, { "clock", "client", "source" },
  { "monitor", "client", "source", "data" }, { "notice", "client", "source", "progress" },
  { "page", "client", "source", "echo" }, { "typewriter", "client", "source", "char" },
  { "fetch_post", "client", "reader" }, { "fetch_post", "read", "reader" },
}

-- Of a response to the chat: what it prints behind its prompt.
local function chat_says(response)
  if not response.status and not response.text and not response.says then
    return "> hello\n> "
  end
  return "! [^\n]*" .. (response.text or response.says) .. "[^\n]*\n> "
end

describe("against hostile servers", function()
  after_each(function()
    child.stop()
    serving.stop()
  end)

  for _, response in ipairs(hostile) do
    it("examples/chat.lua: " .. response.name, function()
      local url = hostile.serve(response).chat
      local chat = child.start("examples/chat.lua --tries=1 --url=" .. url, nil, true)
      chat:till "> "
      chat:write "Hello\n"
      chat:till(chat_says(response))
      chat:shut()
      assert.equal(0, chat:wait())
      assert.is_nil(chat:output():find("traceback", 1, true))
    end)
  end
end)

describe("against hostile servers", function()
  after_each(examples.stop)

  for _, client in ipairs(CLIENTS) do
    local name, method, kind, hears = table.unpack(client)
    for _, response in ipairs(hostile) do
      it(("examples/%s.lua %s: %s"):format(name, method, response.name), function()
        local url = hostile.serve(response, hears).clock .. (name == "page" and "/" or "")
        local example, log = examples.take(name)
        local function write(text) example.log(text) end
        local argument = name == "typewriter" and write or name == "fetch_post" and 99 or nil
        local source = example[method](url, argument)
        local says = hostile.says(response, kind)
        if says then log.till(says) end
        if source then source:close() end
      end)
    end
  end
end)
