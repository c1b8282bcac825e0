-- A POST that is answered word by word, as services of language models do: with plain text, or with
-- events if the client accepts them. The client stops half-way, and the server notices.
local program = require "examples.program"
local sse = require "sse"

local fetch_post = { path = "/chat", interval = 1000 }

function fetch_post.mount(server, prefix)
  server:post(prefix .. "/chat", function(req, res)
    local body = req:json()
    if type(body) ~= "table" or type(body.prompt) ~= "string" then
      return res:json({ error = 'expected {"prompt": "..."}' }, 400)
    end
    local events = (req.headers.accept or ""):find("text/event-stream", 1, true)
    local out = events and res:event_stream { finish = true } or res
    out.on_close = function(reason) fetch_post.log("server", "stopped by the " .. reason) end
    local send = events and out.send or out.write
    local text = "You asked: %s Good question, and this is its slow answer."
    for word in text:format(body.prompt):gmatch "%S+%s*" do
      if not send(out, word) then return end
      sse.sleep(fetch_post.interval)
    end
    if events then out:close() else out:finish() end
  end)
end

--- Reads events by callbacks. Aborts the request after `enough` events.
function fetch_post.client(url, enough)
  local log, controller, n = fetch_post.log, sse.AbortController(), 0
  return sse.fetchEventSource(url, {
    method = "POST", body = { prompt = "Why is the sky blue?" }, signal = controller.signal,
    onopen = function(res) log("client", "open", res.status) end,
    onmessage = function(ev)
      n = n + 1
      log("client", "message", ev.data)
      if n == (tonumber(enough) or 5) then controller:abort() end
    end,
    onclose = function() log("client", "close") end,
    onerror = function(err)
      log("client", "error", err.message)
      return false -- no further attempt
    end,
  })
end

--- Reads the same as plain text, in a loop.
function fetch_post.read(url, enough)
  local body, n = { prompt = "Why is the sky blue?" }, 0
  local res, message = sse.fetch(url, { method = "POST", body = body })
  if not res then return fetch_post.log("client", "error", message) end
  if not res.ok then return fetch_post.log("client", "error", res.status, res:text()) end
  for piece in res:chunks() do
    n = n + 1
    fetch_post.log("client", "piece", piece)
    if n == tonumber(enough) then break end -- leaving the loop closes the response
  end
  if res.failure then fetch_post.log("client", "error", res.failure) end
end

return program(fetch_post, ...)
