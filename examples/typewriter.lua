-- A text file, one character an event. The event's id is the character's position, so that a client
-- that reconnects gets the rest.
local program = require "examples.program"
local sse = require "sse"

local typewriter = { path = "/api/sse", interval = 120 }
typewriter.file = debug.getinfo(1, "S").source:match "^@(.*)%.lua$" .. ".txt"

-- The characters of a file, not its bytes: a part of a character would be malformed UTF-8.
local function characters(path)
  local list = {}
  local file <close> = assert(io.open(path, "rb"))
  for character in file:read("a"):gmatch(utf8.charpattern) do list[#list + 1] = character end
  return list
end

function typewriter.mount(server, prefix)
  server:get(prefix .. "/api/sse", function(req, res)
    local text = characters(typewriter.file)
    local stream = res:event_stream { headers = { ["Set-Cookie"] = "reader=1; HttpOnly" } }
    local reader, cookie = req.headers["x-reader"], req.headers.cookie
    stream:send { event = "hello", data = { reader = reader, cookie = cookie, length = #text } }
    local last = math.tointeger(tonumber(req.last_event_id)) or 0
    for i = math.min(math.max(last, 0), #text) + 1, #text do
      if not stream:send { event = "char", id = tostring(i), data = text[i] } then return end
      stream:sleep(typewriter.interval)
    end
    stream:send { event = "end", data = "" }
    stream:close()
  end)
end

--- Prints the text as it is received, or passes its characters to `write`.
function typewriter.client(url, write)
  local log = function(...) typewriter.log("client", ...) end
  local EventSource = sse.EventSource
  for _, name in ipairs { "CONNECTING", "OPEN", "CLOSED" } do log(name, EventSource[name]) end
  local source = EventSource(url, {
    withCredentials = true, -- cookies are sent from the second connection on
    headers = { ["X-Reader"] = "lua" },
    retryInterval = 500,
  })
  log("readyState", source.readyState)
  source.onopen = function() log("readyState", source.readyState) end
  source.onerror = function(ev) log("readyState", source.readyState, ev.message or ev.data) end
  source:addEventListener("hello", function(ev) log("hello", ev.data) end)
  source:addEventListener("char", function(ev)
    if write then write(ev.data) else io.write(ev.data):flush() end
  end)
  source:addEventListener("end", function()
    source:close()
    log("readyState", source.readyState)
  end)
  return source
end

return program(typewriter, ...)
