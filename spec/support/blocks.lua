--- Blocks of Lua in pages and in the comments of modules, and how the suite runs one.
local certs = require "spec.support.certs"
local guessing = require "spec.support.guessing"
local memory = require "sse.store.memory"
local sse = require "sse"
local wait = require "spec.support.wait"

local blocks = {}

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

--- The blocks of a page, in their order: `line`, where the block begins, `language`, and `code`.
-- @tparam string path
-- @tparam[opt] string language only the blocks of this one
function blocks.of_page(path, language)
  local list, block, number = {}, nil, 0
  for line in read(path):gmatch "(.-)\n" do
    number = number + 1
    if block and line == "```" then
      block.code = table.concat(block, "\n")
      if not language or block.language == language then list[#list + 1] = block end
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line:find "^%s*```" then
      block = { line = number + 1, language = line:match "^```(%w*)$", path = path }
      assert(block.language, ("%s:%d: ``` without a language"):format(path, number))
    end
  end
  return list
end

-- The code of a line of a comment: behind `@usage`, in the lines after it up to the next tag, or
-- indented by four columns.
local function code_of(line, in_usage)
  local text = line:match "^%-%-+ @usage ?(.*)"
  if text then return text, true end
  if in_usage then
    text = line:match "^%-%- ([^@].*)" or line:match "^%-%-$" and ""
    return text, text ~= nil
  end
  return line:match "^%-%-    (.*)", false
end

--- The examples in the comments of a module, in the same form.
function blocks.of_comments(path)
  local list, block, number, in_usage = {}, nil, 0, false
  for line in (read(path) .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local code
    code, in_usage = code_of(line, in_usage)
    if code and not block then block = { line = number } end
    if code then
      block[#block + 1] = code
    elseif block then
      block.code = table.concat(block, "\n")
      list[#list + 1], block = block, nil
    end
  end
  return list
end

-- The code with the spec's addresses and files in place of its own; `to` are the URLs.
local function local_code(code, to)
  local tls = certs.server()
  for from, replacement in pairs {
    ["http://127.0.0.1:9522/clock"] = to.clock, ["https://example.com/prices"] = to.prices,
    ["http://127.0.0.1:9522/hub"] = to.prices, ["http://127.0.0.1:9522/news"] = to.clock,
    ["http://127.0.0.1:8080/v1/chat/completions"] = to.chat,
    ['"https://example.com/"'] = ("%q"):format(to.chat),
    ["https://api%.openai%.com"] = to.models, ["https://api%.anthropic%.com"] = to.models,
    ["http://127%.0%.0%.1:11434"] = to.models, ["retries = 3"] = "retries = 0",
    ["sleep%(200%)"] = "sleep(1)", ["every%(1000"] = "every(20",
    ['access_log = "common",'] = "",
    ["port = 952%d"] = "port = 0", ["listen%(9523%)"] = "listen(0)",
    ['"index.html"'] = '"README.md"', ['"public"'] = '"spec"', ['"access%.log"'] = '"/dev/null"',
    ['"events%.txt"'] = ("%q"):format(to.file), ['"last%-id"'] = ("%q"):format(to.file .. "-id"),
    ['"c%.pem"'] = ("%q"):format(tls.cert), ['"k%.pem"'] = ("%q"):format(tls.key),
  } do
    code = code:gsub(from, function() return replacement end)
  end
  return code
end

-- The names that a block finds beside Lua's.
local function environment_of(show, to, kept, printed)
  local function write(...)
    local list = table.pack(...)
    for i = 1, list.n do list[i] = tostring(list[i]) end
    printed[#printed + 1] = table.concat(list, "\t")
  end
  local library = guessing.library(kept)
  rawset(library, "run", function() end) -- the spec runs the loop
  local made = show.globals and show.globals(to) or {}
  rawset(library, "server", function(given)
    made.server = sse.server(given)
    kept[#kept + 1] = made.server
    return made.server
  end)
  rawset(library, "sqlite", function() return memory() end) -- no block makes a file
  rawset(library, "redis", function() return memory() end) -- or connects
  made.sse, made.print = library, write
  made.os = setmetatable({ getenv = function() return "secret" end }, { __index = os })
  made.require = function(name) return name == "sse" and library or require(name) end
  made.io = setmetatable({
    write = write, stderr = { write = function(_, ...) write(...) end },
    open = function(...)
      local file, message = io.open(...)
      kept[#kept + 1] = file
      return file, message
    end,
  }, { __index = io })
  return setmetatable(made, { __index = _G })
end

-- What a client gets of the server, up to a text that it waits for.
local function ask_one(server, line, wanted, headers)
  local method, path = line:match "^(%S+) (%S+)$"
  local res <close> = assert(sse.fetch(("http://127.0.0.1:%d%s"):format(server.port, path), {
    method = method, body = method == "POST" and "x" or nil, headers = headers,
  }))
  local text = ""
  for chunk in res:chunks() do
    text = text .. chunk
    if text:find(wanted, 1, true) then break end
  end
  return text
end

-- The same of several requests, one after the other, that `show` has.
local function ask(server, show)
  if server.port == 0 then assert(server:listen()) end
  if type(show.asks) == "string" then
    return ask_one(server, show.asks, show.gets, show.headers)
  end
  local texts = {}
  for i, line in ipairs(show.asks) do
    texts[i] = ask_one(server, line, show.gets[i], show.headers)
    assert(texts[i]:find(show.gets[i], 1, true), texts[i])
  end
  return table.concat(texts, "\n")
end

--- A block's code behind that of the blocks before it on its page that `show.after` names, by a
-- piece of the code of each. Those don't run their servers.
function blocks.whole(block, show)
  local list = {}
  for _, piece in ipairs(show and show.after or {}) do
    local found
    for _, other in ipairs(blocks.of_page(block.path, "lua")) do
      if other.line < block.line and other.code:find(piece, 1, true) then found = other end
    end
    assert(found, ("no block before it has: %s"):format(piece))
    list[#list + 1] = found.code:gsub("assert%(server:run[^\n]*", "")
  end
  list[#list + 1] = block.code
  return table.concat(list, "\n")
end

--- Runs a block that serves, and nothing else; returns its server, which listens, and a function
-- that ends it.
function blocks.serve(code)
  local kept, printed = {}, {}
  local made = environment_of({}, {}, kept, printed)
  local task = sse.spawn(assert(load(local_code(code, { file = "none" }), "=block", "t", made)))
  wait.till(function()
    local server = rawget(made, "server")
    return server and server.port ~= 0
  end, "the block's server")
  return made.server, function()
    task:cancel()
    for _, object in ipairs(kept) do
      if io.type(object) ~= "closed file" then object:close() end
    end
  end
end

--- Runs a block until it has shown what it is to show: until it has printed `show.prints`, a client
-- of its server has got `show.gets`, or else until it is over.
-- @tparam string code
-- @tparam table show of spec/cases/code_blocks.lua
-- @tparam table to the URLs `clock`, `prices`, `chat`, `token`, `models` (four APIs) that it is to
-- ask, and a `file`
-- @treturn string what it has printed
-- @treturn string|nil what the client got
function blocks.run(code, show, to)
  local kept, printed, over, got = {}, {}, false, nil
  local made = environment_of(show, to, kept, printed)
  local chunk = assert(load(local_code(code, to), "=block", "t", made))
  local task = sse.spawn(function()
    chunk()
    over = true
  end)
  local asking
  local ok, problem = pcall(wait.till, function()
    local server = rawget(made, "server")
    if show.asks and not asking and server and (over or server.port ~= 0) then
      asking = sse.spawn(function() got = ask(server, show) end)
    end
    if show.asks and not got then return false end
    if show.prints then return table.concat(printed, "\n"):find(show.prints, 1, true) end
    return got or over
  end, "what the block shows")
  task:cancel()
  kept[#kept + 1] = rawget(made, "server")
  for _, object in ipairs(kept) do
    if io.type(object) ~= "closed file" then object:close() end
  end
  local text = table.concat(printed, "\n")
  if not ok then error(("%s\nIt has printed:\n%s"):format(problem, text), 0) end
  return text, got
end

return blocks
