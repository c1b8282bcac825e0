-- Requests that wait for their start when the process forks are the parent's: it sends each of
-- them once, and the child's copies fail.
local process = require "spec.process"
local raw = require "spec.support.raw"
local sse = require "sse"

local COUNT = 400

describe("many requests and a fork", function()
  it("are sent once each, by the parent", function()
    local requests, called, done, reset, in_child = {}, 0, 0, 0, false
    local server = sse.server {
      port = 0, max_connections = 5000, max_connections_per_address = 5000,
    }
    server:post("/", function(req, res)
      requests[req.body] = (requests[req.body] or 0) + 1
      res:reply(200, "")
    end)
    assert(server:listen())
    local url = ("http://127.0.0.1:%d/"):format(server.port)
    for i = 1, COUNT do
      sse.spawn(function()
        if in_child then return end -- a task that had not begun goes on in both processes
        called = called + 1
        local _, _, code = sse.fetch(url, { method = "POST", body = tostring(i) })
        done = done + 1
        if code == "ECONNRESET" then reset = reset + 1 end
      end)
    end
    sse.sleep(0)
    local before = done
    assert.is_true(called > before)
    local id = process.fork()
    if id == 0 then
      in_child = true
      server:close()
      local ok = pcall(raw.pump, function() return done == called end, "the ends")
      process.exit(ok and reset == called - before and 0 or 1)
    end
    raw.pump(function() return done == COUNT end, "the responses")
    assert.equal(0, raw.pump(function() return process.ended(id) end, "the child's end"))
    for i = 1, COUNT do assert.equal(1, requests[tostring(i)]) end
    assert.equal(0, reset)
    server:close()
  end)
end)
