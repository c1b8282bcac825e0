-- Every block of Lua in README and docs is run: against a server of the spec if it is a client's,
-- and asked by a client where it is a server's. A block must not raise, and what it shows must
-- happen.
local certs = require "spec.support.certs"
local guessing = require "spec.support.guessing"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local PAGES = { "README.md", "docs/reference.md", "docs/errors.md", "docs/security.md" }

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- The blocks of Lua of a page: by their first line, with the line's number.
local function blocks_of(path)
  local list, block, number = {}, nil, 0
  for line in read(path):gmatch "(.-)\n" do
    number = number + 1
    if block and line == "```" then
      block.code = table.concat(block, "\n")
      list[#list + 1], block = block, nil
    elseif block then
      block[#block + 1] = line
    elseif line == "```lua" then
      block = { line = number + 1 }
    end
  end
  return list
end

-- What a client's block asks.
local function add_routes(server)
  server:get("/clock", function(_, res)
    res:event_stream():send { event = "time", data = { now = "noon" } }
  end)
  server:get("/prices", function(_, res) res:event_stream():send "7" end)
  server:get("/token", function(_, res) res:reply(200, "secret") end)
  server:post("/chat", function(_, res)
    local stream <close> = res:event_stream()
    stream:send { data = { choices = { { delta = { content = "hello" } } } } }
    stream:send "[DONE]"
  end)
end

-- The code with the spec's addresses and files in place of its own.
local function local_code(code)
  local url, tls = serving.url "", certs.server()
  for from, to in pairs {
    ["http://127.0.0.1:9522/clock"] = url .. "/clock",
    ["https://example.com/prices"] = url .. "/prices",
    ["http://127.0.0.1:8080/v1/chat/completions"] = url .. "/chat",
    ["port = 952%d"] = "port = 0", ['"index.html"'] = '"README.md"', ['"public"'] = '"spec"',
    ['"c%.pem"'] = ("%q"):format(tls.cert), ['"k%.pem"'] = ("%q"):format(tls.key),
  } do
    code = code:gsub(from, to)
  end
  return code
end

local function lookup(word, resume) sse.after(1, function() resume("meaning of " .. word) end) end

local function with_server() return { server = sse.server() } end

-- What each block shows, by a piece of its code. `prints`: a part of what it prints. `asks` and
-- `gets`: a request to its server, and a part of the response. `globals`: a function that returns
-- what the block takes for granted.
local shows = {
  ['source:addEventListener("time"'] = { prints = "noon" },
  ['server:get("/clock", '] = { asks = "GET /clock", gets = "event: time" },
  ['sse.EventSource("https://example.com/prices"'] = {
    prints = "message\t7", globals = function() return { token = function() return "x" end } end,
  },
  ['sse.fetch("http://127.0.0.1:8080'] = {
    prints = "hello", globals = function() return { messages = {} } end,
  },
  ['server:get("/clock/:zone"'] = { asks = "GET /clock/here", gets = '{"zone":"here"}' },
  ['server:get("/ticks"'] = { asks = "GET /ticks", gets = "data: " },
  ["news:publish{"] = { asks = "POST /news", gets = '"followers":0', globals = with_server },
  ['server:get("/metrics"'] = {
    asks = "GET /metrics", gets = "sse_connections", globals = with_server,
  },
  ["sse.parser{"] = { prints = "message\tat once" },
  ["task:wait()"] = {
    prints = "meaning of 3", globals = function() return { lookup = lookup } end,
  },
  ["sse.readable(io.stdin)"] = {},
  ["where = function(event)"] = {},
  ["sse.encode(ev)"] = { prints = "tick\t1" },
  ["server:listen{"] = {},
  ['res:reply(200, "hello'] = { asks = "GET /", gets = "hello" },
  ["server.on_response(entry)"] = {},
  ['server:get("/later"'] = { asks = "GET /later", gets = "later", globals = with_server },
  ["server.on_error = "] = {
    prints = "handler", asks = "GET /", gets = "no database", globals = function()
      local server = sse.server()
      server:get("/", function() error { status = 503, message = "no database" } end)
      return { server = server }
    end,
  },
  ["tls = {"] = {},
  ["orders:events"] = { prints = "message", globals = function()
    local orders = sse.channel "orders"
    orders:publish "one"
    return { orders = orders }
  end },
  ["token_url"] = { globals = function()
    return { url = serving.url "/prices", token_url = serving.url "/token" }
  end },
  ["body = question"] = { prints = "hello", globals = function()
    return { url = serving.url "/chat", question = { model = "m" } }
  end },
}

local function find_show(code)
  local found
  for piece, show in pairs(shows) do
    if code:find(piece, 1, true) and (not found or #piece > #found.piece) then
      found, show.piece = show, piece
    end
  end
  return assert(found, "what this block shows is not in the table")
end

-- The names that a block finds beside Lua's.
local function environment_of(show, kept, printed)
  local function write(...)
    local list = table.pack(...)
    for i = 1, list.n do list[i] = tostring(list[i]) end
    printed[#printed + 1] = table.concat(list, "\t")
  end
  local library = guessing.library(kept)
  rawset(library, "run", function() end) -- the spec runs the loop
  local made = show.globals and show.globals() or {}
  rawset(library, "server", function(given)
    made.server = sse.server(given)
    return made.server
  end)
  made.sse, made.print = library, write
  made.require = function(name) return name == "sse" and library or require(name) end
  made.io = setmetatable({
    write = write, stderr = { write = function(_, ...) write(...) end },
  }, { __index = io })
  return setmetatable(made, { __index = _G })
end

-- What a client gets of the server, up to a text that it waits for.
local function ask(server, line, wanted)
  if server.port == 0 then assert(server:listen()) end
  local method, path = line:match "^(%S+) (%S+)$"
  local res <close> = assert(sse.fetch(("http://127.0.0.1:%d%s"):format(server.port, path), {
    method = method, body = method == "POST" and "x" or nil,
  }))
  local text = ""
  for chunk in res:chunks() do
    text = text .. chunk
    if text:find(wanted, 1, true) then break end
  end
  return text
end

-- Runs a block until it has shown what it is to show; returns what a client got.
local function run(code, show)
  local kept, printed, over, got = {}, {}, false, nil
  local made = environment_of(show, kept, printed)
  local chunk = assert(load(local_code(code), "=block", "t", made))
  local task = sse.spawn(function()
    chunk()
    over = true
  end)
  local asking
  wait.till(function()
    local server = rawget(made, "server")
    if show.asks and not asking and server and (over or server.port ~= 0) then
      asking = sse.spawn(function() got = ask(server, show.asks, show.gets) end)
    end
    if show.asks and not got then return false end
    if show.prints then return table.concat(printed, "\n"):find(show.prints, 1, true) end
    return got or over
  end, "what the block shows")
  task:cancel()
  for _, object in ipairs(kept) do object:close() end
  if rawget(made, "server") then made.server:close() end
  return got
end

for _, path in ipairs(PAGES) do
  describe("the code in " .. path, function()
    before_each(function() serving.start(add_routes) end)
    after_each(function()
      for _, channel in ipairs(sse.channels()) do channel:close() end
      serving.stop()
    end)

    for _, block in ipairs(blocks_of(path)) do
      it("from line " .. block.line .. " on", function()
        local show = find_show(block.code)
        local got = run(block.code, show)
        if show.gets then assert.truthy(got:find(show.gets, 1, true), got) end
        assert.same({}, serving.errors)
      end)
    end
  end)
end
