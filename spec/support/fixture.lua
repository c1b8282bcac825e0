--- What the client's specs share: servers and sources, which are closed after each test, and
-- records of what a source dispatches.
local eventsource = require "sse.eventsource"
local origin = require "spec.support.origin"
local task = require "sse.task"
local wait = require "spec.support.wait"

local fixture = {}

local open, sources = {}, {}

--- Starts a scripted server for this test.
function fixture.serve(handler, port)
  local server = origin.start(handler, port)
  open[#open + 1] = function() server:stop() end
  return server
end

--- Opens a source for this test. Unless options say otherwise, it reconnects almost at once.
function fixture.source(url, options)
  options = options or {}
  options.retryInterval = options.retryInterval or 5
  options.maxRetryInterval = options.maxRetryInterval or 10
  local source = eventsource(url, options)
  sources[#sources + 1] = source
  return source
end

--- From now on nothing here keeps the test's sources from being collected.
function fixture.drop_references()
  setmetatable(sources, { __mode = "v" })
end

--- Everything that a source dispatches, as a list of { type, event, readyState }.
function fixture.record(source)
  local log = {}
  local function note(ev)
    log[#log + 1] = { type = ev.type, event = ev, readyState = source.readyState }
  end
  for _, type_ in ipairs { "open", "error", "*" } do source:addEventListener(type_, note) end
  function log.count(type_)
    local n = 0
    for _, entry in ipairs(log) do n = n + (entry.type == type_ and 1 or 0) end
    return n
  end
  function log.first(type_)
    for _, entry in ipairs(log) do
      if entry.type == type_ then return entry end
    end
  end
  function log.till(type_, n)
    wait.till(function() return log.count(type_) >= (n or 1) end, ("%d x %s"):format(n or 1, type_))
    return log.first(type_)
  end
  function log.types()
    local types = {}
    for i, entry in ipairs(log) do types[i] = entry.type end
    return table.concat(types, " ")
  end
  return log
end

--- Starts a server that gives every request the same response.
function fixture.answer(...)
  local parts = table.pack(...)
  return fixture.serve(function(conn) conn:reply(table.unpack(parts, 1, parts.n)) end)
end

--- Starts a server whose nth request is handled by the nth of the functions, later ones by the last
-- function.
function fixture.script(...)
  local steps, n = { ... }, 0
  return fixture.serve(function(conn, request)
    n = n + 1
    steps[math.min(n, #steps)](conn, request)
  end)
end

--- The handler of a connection: streams an event whose data is "good", and leaves the stream open.
function fixture.good(conn)
  conn:stream():send("data: good\n\n")
end

--- Makes the handler of a connection: streams the text and closes.
function fixture.sends(text)
  return function(conn) conn:stream():send(text):close() end
end

--- Runs fn in a task, and pumps the loop until it has ended.
function fixture.in_task(fn)
  local done
  task.spawn(function()
    fn()
    done = true
  end)
  wait.till(function() return done end, "the task")
end

--- For after_each: closes everything, and checks that nothing keeps the loop running.
function fixture.finish()
  for _, source in pairs(sources) do source:close() end
  for i = #open, 1, -1 do open[i]() end
  open, sources = {}, {}
  wait.idle()
end

return fixture
