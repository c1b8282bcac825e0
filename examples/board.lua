-- A message board on all cores: each worker serves it, and its messages lie in a file, which the
-- workers share and which outlives them. The page shows which worker each message came in by.
--
-- GET /            the page
-- GET /messages    the stream: `served` says by which worker, `here` how many windows all have
-- POST /messages   {"name":"ann","text":"Hello","dedupe":"..."} publishes. Who has lost the answer
--                  sends it again: with the same `dedupe` it is published once
local program = require "examples.program" -- first: finds the library in a clone
local sse = require "sse"

local board = { path = "/", workers = 2, retry = 500, file = os.getenv "BOARD_FILE" or "board.db" }

local worker = type(...) == "table" and ... or { id = 1, count = 1 } -- sse.workers gives it
local PAGE = debug.getinfo(1, "S").source:match "^@(.*)lua$" .. "html" -- beside this file

-- The number of this process, where the system tells it in a file.
local function process_id()
  local file <close> = io.open "/proc/self/stat"
  return file and file:read "n"
end

-- What a client sends, checked. A form of another site's page can't send JSON.
local function read_message(req)
  local sent = req.headers["content-type"] == "application/json" and req:json()
  local function is_text(name, most)
    local text = type(sent) == "table" and sent[name]
    return type(text) == "string" and text:find "%S" and #text <= most
  end
  if not (is_text("name", 40) and is_text("text", 2000) and is_text("dedupe", 100)) then
    error { status = 400, message = "wanted: JSON with name, text and dedupe\n" }
  end
  return { name = sent.name, text = sent.text, worker = worker.id, time = os.time() }, sent.dedupe
end

function board.mount(server, prefix)
  local store = board.store or sse.sqlite(board.file)
  local messages = sse.channel("board", { store = store, history = 1000 })
  messages:on("count", function(count)
    for _, stream in ipairs(messages:streams()) do stream:send { event = "here", data = count } end
  end)
  server:get(prefix .. "/", sse.file(PAGE))
  server:get(prefix .. "/messages", function(_, res)
    local stream = res:event_stream { retry = board.retry }
    local served = { worker = worker.id, of = worker.count, process = process_id() }
    stream:send { event = "served", data = served }
    stream:follow(messages, { from = 50 })
    stream:send { event = "here", data = messages:count() }
  end)
  server:post(prefix .. "/messages", function(req, res)
    local message, dedupe = read_message(req)
    local id, why = messages:publish { data = message, dedupe = dedupe }
    if not id then return res:reply(503, why .. "\n") end
    res:json({ id = id, worker = worker.id }, 201)
  end)
end

--- Prints the messages.
function board.client(url)
  local source = sse.EventSource(url .. "messages")
  source:addEventListener("*", function(ev) board.log("client", ev.type, ev.data) end)
  source.onerror = function(ev) board.log("client", "error", ev.message or ev.data) end
  return source
end

return program(board, ...)
