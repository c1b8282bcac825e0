-- Every block of Lua in the pages, and every example in the comments of modules, is run: against a
-- server of the spec if it is a client's, and asked by a client where it is a server's. A block
-- must not raise, and what it shows must happen. Clients' blocks are also run against servers that
-- answer with whatever real ones do: each goes on or ends, and says in a line what has happened.
local chat_server = require "examples.chat_server"
local blocks = require "spec.support.blocks"
local book = require "spec.support.book"
local certs = require "spec.support.certs"
local hostile = require "spec.support.hostile"
local lfs = require "lfs"
local serving = require "spec.support.serving"
local sse = require "sse"

-- Every block, with its `path`.
local function all_blocks()
  local list = {}
  local function add(path, found)
    for _, block in ipairs(found) do
      block.path = path
      list[#list + 1] = block
    end
  end
  for _, path in ipairs(book.pages "^docs/reference/") do -- spec/pages/examples_spec.lua
    if path ~= book.TUTORIAL then add(path, blocks.of_page(path, "lua")) end
  end
  local function add_modules(folder)
    for name in lfs.dir(folder) do
      local path = folder .. "/" .. name
      if name:find "%.lua$" then
        add(path, blocks.of_comments(path))
      elseif not name:find "^%." then
        add_modules(path)
      end
    end
  end
  add_modules "lua/sse"
  return list
end

-- What a client's block asks.
local function add_routes(server)
  server:get("/clock", function(_, res)
    res:event_stream():send { event = "time", data = "noon" }
  end)
  server:get("/prices", function(_, res) res:event_stream():send "7" end)
  server:get("/token", function(_, res) res:reply(200, "secret") end)
  server:post("/chat", function(_, res)
    local stream <close> = res:event_stream()
    stream:send { data = { choices = { { delta = { content = "hello" } } } } }
    stream:send "[DONE]"
  end)
  chat_server.mount(server, "/models")
end

local function urls()
  return {
    clock = serving.url "/clock", prices = serving.url "/prices", chat = serving.url "/chat",
    token = serving.url "/token", models = serving.url "/models",
    file = certs.write("events.txt", "data: 7\n\n"),
  }
end

local function close_all()
  for _, channel in ipairs(sse.channels()) do channel:close() end
  sse.set_log(nil)
  serving.stop()
end

local list = all_blocks()

describe("the code in", function()
  local interval, log = chat_server.interval, chat_server.log
  before_each(function()
    chat_server.interval, chat_server.log = 1, function() end
    serving.start(add_routes)
  end)
  after_each(function()
    close_all()
    chat_server.interval, chat_server.log = interval, log
  end)

  for _, block in ipairs(list) do
    it(("%s from line %d on"):format(block.path, block.line), function()
      local show = book.show_of(block)
      if not show then return end
      local _, got = blocks.run(blocks.whole(block, show), show, urls())
      if type(show.gets) == "string" then assert.truthy(got:find(show.gets, 1, true), got) end
      assert.same({}, serving.errors)
    end)
  end

  it("all that the spec knows", function()
    assert.same({}, book.unused())
  end)
end)

describe("against hostile servers, the client in", function()
  after_each(close_all)

  for _, block in ipairs(list) do
    local found, show = pcall(book.show_of, block)
    for _, response in ipairs(found and show and show.client and hostile or {}) do
      local title = ("%s from line %d on: %s"):format(block.path, block.line, response.name)
      it(title, function()
        local to = hostile.serve(response, show.hears)
        to.file = certs.write("events.txt", hostile.bytes(response))
        local says = hostile.says(response, show.client)
        local code = blocks.whole(block, show)
        local printed = blocks.run(code, { prints = says, globals = show.globals }, to)
        assert.is_nil(printed:find "traceback")
      end)
    end
  end
end)
