-- Notices to all open streams, and the progress of a long task. Either side can end a stream.
--
-- GET /notices     status (JSON in one line), notice (several lines), progress, done
-- POST /notices    its text is sent to every open stream
local program = require "examples.program"
local sse = require "sse"

local notice = { path = "/notices", interval = 500, streams = {} }

local function broadcast(event)
  local count = 0
  for stream in pairs(notice.streams) do
    if stream:send(event) then count = count + 1 end
  end
  return count
end

-- The long task. Returns false if the client has gone.
local function work(stream)
  for percent = 0, 100, 10 do
    if not stream:send { event = "progress", data = { percent = percent } } then return false end
    stream:sleep(notice.interval)
  end
  return true
end

function notice.mount(server, prefix)
  server:get(prefix .. "/notices", function(_, res)
    local stream = res:event_stream()
    notice.streams[stream] = true
    stream.on_close = function(reason)
      notice.streams[stream] = nil
      notice.log("server", "closed by the " .. reason)
    end
    stream:send { event = "status", data = { state = "working", steps = 10 } }
    stream:send { event = "notice", data = "Maintenance tonight.\nFrom 22:00 to 23:00." }
    if not work(stream) then return end
    stream:send { event = "done", data = "The task is done." }
    stream:close()
  end)
  server:post(prefix .. "/notices", function(req, res)
    res:json { sent = broadcast { event = "notice", data = req:text() } }
  end)
end

--- Prints all events. With `leave`, closes the source at so many percent.
function notice.client(url, leave)
  local source = sse.EventSource(url)
  source:addEventListener("*", function(ev)
    local lines = ev.data:gsub("\n", "\n    ")
    notice.log("client", ev.type, lines)
    local value = ev.type == "progress" and ev:json()
    local percent = type(value) == "table" and value.percent or nil
    if ev.type == "done" or leave and percent == tonumber(leave) then source:close() end
  end)
  source.onerror = function(ev) notice.log("client", "error", ev.message or ev.data) end
  return source
end

return program(notice, ...)
