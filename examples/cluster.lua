-- Two machines, each a program with two workers and a port of its own, that share a Redis server.
-- Each process publishes a beat once a second. The page shows which process sent what, whichever
-- machine serves it, and goes on with another machine when its own is lost.
-- MACHINE is this machine's name, MACHINES the addresses of all of them, REDIS_URL the server's.
--
-- GET /           the page
-- GET /messages   the stream: `served` says by which process; `beat` and messages are everybody's
-- POST /messages  {"text":"Hello","dedupe":"..."} publishes, once for each `dedupe`
local program = require "examples.program" -- first: finds the library in a clone
local sse = require "sse"

local cluster = {
  path = "/", workers = 2, retry = 500, pause = 1000, machine = os.getenv "MACHINE" or "a",
  machines = {}, redis = os.getenv "REDIS_URL" or "redis://127.0.0.1:6379",
}
for url in (os.getenv "MACHINES" or ""):gmatch "%S+" do table.insert(cluster.machines, url) end
if #cluster.machines > 0 then cluster.cors = { origin = cluster.machines } end -- others' pages ask

local worker = type(...) == "table" and ... or { id = 1, count = 1 } -- sse.workers gives it
local PAGE = debug.getinfo(1, "S").source:match "^@(.*)lua$" .. "html" -- beside this file
local ASKED = "wanted: JSON with text and dedupe\n"

-- The numbers of this process and of its parent, where the system tells them in a file.
local function process_ids()
  local file <close> = io.open "/proc/self/stat"
  local own, parent = (file and file:read "a" or ""):match "^(%d+) %(.*%) %a (%d+)"
  return math.tointeger(own), math.tointeger(parent)
end

local function is_text(value, most)
  return type(value) == "string" and value:find "%S" and #value <= most
end

function cluster.mount(server, prefix)
  local process, master = process_ids()
  local from = { machine = cluster.machine, worker = worker.id, process = process }
  local store = cluster.store or sse.redis(cluster.redis, { queue = 1000 })
  local messages = sse.channel("messages", { store = store, history = 1000 })
  local beats, beat = sse.channel("beats", { store = store, history = 1000 }), 0
  cluster.timer = sse.every(cluster.pause, function()
    beat = beat + 1
    beats:publish { event = "beat", data = { from = from, number = beat } }
  end)
  cluster.timer:unref()
  server:get(prefix .. "/", sse.file(PAGE))
  server:get(prefix .. "/messages", function(_, res)
    local stream = res:event_stream { retry = cluster.retry }
    local served = { from = from, master = master, machines = cluster.machines }
    stream:send { event = "served", data = served }
    stream:follow(messages, beats, { from = 20 })
  end)
  server:post(prefix .. "/messages", function(req, res)
    local sent = req.headers["content-type"] == "application/json" and req:json()
    local text, dedupe = sent and sent.text, sent and sent.dedupe
    if not (is_text(text, 2000) and is_text(dedupe, 100)) then return res:reply(400, ASKED) end
    local message = { from = from, text = text, time = os.time() }
    local id, why = messages:publish { data = message, dedupe = dedupe }
    if not id then return res:reply(503, why .. "\n") end
    res:json({ id = id, from = from }, 201)
  end)
end

--- Prints the messages and the beats.
function cluster.client(url)
  local source = sse.EventSource(url .. "messages")
  source:addEventListener("*", function(ev) cluster.log("client", ev.type, ev.data) end)
  source.onerror = function(ev) cluster.log("client", "error", ev.message or ev.data) end
  return source
end

return program(cluster, ...)
