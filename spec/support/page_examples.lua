--- A program that runs all blocks of Lua of a page of docs/reference, one after the other, each as
-- a program of its own would, and prints what they print, after a line `=== LINE` for each.
-- page_examples.lua PAGE URL: URL is that of a server with what clients' blocks ask.
--
-- A block finds what it takes for granted: `server`, `channel`, `source` and the like. One that
-- uses `req`, `res` or `stream` is run in a handler, for a client that goes after the first bytes.
local blocks = require "spec.support.blocks"
local core = require "sse.core"
local process = require "spec.process"
local sse = require "sse"
local temporary = require "spec.support.temporary"

local page, url = arg[1], arg[2]
local kept -- what the present block has made
local close_all, run_workers -- defined below

local function fail(text) print("FAILED: " .. tostring(text)) end

local function keep(object)
  kept[#kept + 1] = object
  return object
end

-- Runs workers in a process of its own, since this one has a loop that has run, until they serve.
-- What a block says of them has to come true: true at their end.
function run_workers(given)
  local pid = process.fork()
  if pid == 0 then
    close_all()
    sse.run()
    local served = 0
    given.log = function(level, message)
      if level == "error" then fail(message) end
      served = served + (message:find "is ready" and 1 or 0)
      if served == given.count then core.kill(core.process_id(), "SIGTERM") end
    end
    given.count = given.count or 2
    local ok, message = sse.workers(given)
    if not ok then fail(message) end
    os.exit(ok and 0 or 1)
  end
  while not process.ended(pid) do sse.sleep(5) end
  return true
end

-- A copy of the library whose sources and servers end by themselves, and whose files are temporary.
local function make_library()
  local library = setmetatable({}, { __index = sse })
  function library.server(given)
    given = given or {}
    given.on_error = given.on_error or fail
    local server = keep(sse.server(given))
    keep(sse.after(100, function() server:close() end)):unref()
    return server
  end
  local EventSource = setmetatable({}, {
    __index = sse.EventSource,
    __call = function(_, to, given)
      given = given or {}
      given.reconnect = given.reconnect or function() return false end
      return keep(sse.EventSource(to, given))
    end,
  })
  library.EventSource = EventSource
  function library.sqlite(path, options)
    return keep(sse.sqlite(("%s/%s"):format(temporary.folder(), path), options))
  end
  function library.after(...) return keep(sse.after(...)) end
  function library.every(...) return keep(sse.every(...)) end
  function library.workers(...) return run_workers(...) end
  return library
end

local clock = url .. "/clock"

-- What blocks take for granted, by name: made when it is used.
local given = {
  server = function(library) return library.server() end,
  channel = function() return sse.channel "news" end,
  orders = function()
    local orders = sse.channel "orders"
    orders:publish "one"
    return orders
  end,
  store = function(library) return library.sqlite "given.db" end,
  source = function(library) return library.EventSource(clock) end,
  response = function() return keep(assert(sse.fetch(clock))) end,
  handle = function() return keep(sse.fetchEventSource(clock, { onmessage = function() end })) end,
  controller = function() return sse.AbortController() end,
  parser = function() return sse.parser { on_event = function() end } end,
  lookup = function()
    return function(word, resume) sse.after(1, function() resume("meaning of " .. word) end) end
  end,
}

local function new_environment(more)
  local library = make_library()
  more.sse = library
  more.require = function(name) return name == "sse" and library or require(name) end
  return setmetatable(more, {
    __index = function(env, name)
      local value = _G[name]
      if value == nil and given[name] then
        value = given[name](library)
        rawset(env, name, value)
      end
      return value
    end,
  })
end

local REPLACED = {
  { "http://127.0.0.1:9522", url }, { "https://example.com", url }, { "port = 952%d", "port = 0" },
  { "listen%(9523%)", "listen(0)" }, { '"index.html"', '"README.md"' }, { '"public"', '"docs"' },
  { '"app%.lua"', ("%q"):format "spec/support/worker_app.lua" },
  { '"/run/app/app.sock"', ("%q"):format(os.tmpname() .. ".sock") },
  { '"c%.pem"', ("%q"):format(os.getenv "CERT") }, { '"k%.pem"', ("%q"):format(os.getenv "KEY") },
}

local function load_block(block, more)
  local code = block.code
  for _, pair in ipairs(REPLACED) do
    code = code:gsub(pair[1], function() return pair[2] end)
  end
  return assert(load(code, "=" .. page, "t", new_environment(more)))
end

-- Runs a block in a handler, for a client that goes after the first bytes of the response.
local function run_in_handler(block)
  local server, over = keep(sse.server { on_error = fail }), false
  server:get("/:name", function(req, res)
    local more = { req = req, res = res }
    local takes_stream = block.code:find "%f[%w]stream[:.]"
    local has_own = block.code:find "local stream"
    if takes_stream and not has_own then more.stream = res:event_stream() end
    load_block(block, more)()
    if more.stream then more.stream:close() end
    if not takes_stream and not res.closed then pcall(res.reply, res, 204) end
    over = true
  end)
  assert(server:listen())
  local to = ("http://127.0.0.1:%d/x"):format(server.port)
  local res = assert(sse.fetch(to, { redirect = "manual" }))
  local take = res:chunks()
  take()
  res:close()
  while not over do sse.sleep(1) end
end

function close_all()
  for _, channel in ipairs(sse.channels()) do channel:close() end
  for _, object in ipairs(kept) do
    for _, name in ipairs { "close", "stop" } do
      local ok, method = pcall(function() return object[name] end)
      if ok and method then method(object) end
    end
  end
  sse.set_log(nil)
end

for _, block in ipairs(blocks.of_page(page)) do
  kept = {}
  print(("=== %d"):format(block.line))
  local in_handler = block.code:find "%f[%w]re[qs][:.]" or block.code:find "%f[%w]stream[:.]"
  local routes = block.code:find "function%(" and block.code:find "server[:.]"
  local fetches = block.code:find "res = " or block.code:find "stream%.user"
  local is_handlers = in_handler and not routes and not fetches
  local run = is_handlers and run_in_handler or function() load_block(block, {})() end
  local ok, err = xpcall(run, debug.traceback, block)
  if not ok then fail(err) end
  close_all()
end
print "=== end"
