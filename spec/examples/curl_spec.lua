-- The examples with curl, over HTTP/1.1 and HTTP/2: the first event comes while the stream is open.
local curl = require "spec.support.curl"
local examples = require "spec.support.examples"

local cases = {
  { "channel", "/news", "^retry: 1000\n\n" },
  { "clock", "/stream", "^retry: 1000\n\nid: %d+\ndata: %d+:%d+:%d+\n\n" },
  { "monitor", "/events", '^retry: 2000\n\nevent: data\ndata: {"date":"[^\n]+"}\n\n' },
  { "notice", "/notices", "^event: status\ndata: {[^\n]+}\n\nevent: notice\ndata: " },
  { "page", "/sse?content=x", "^event: echo\nid: 1\nretry: 30000\ndata: {[^\n]+}\n\n" },
  { "typewriter", "/api/sse", "^event: hello\ndata: {[^\n]+}\n\nevent: char\nid: 1\ndata: M\n" },
  { "fetch_post", "/chat", "^You ", [[--data '{"prompt":"x"}']] },
}

describe("example over curl", function()
  after_each(function()
    curl.stop()
    examples.stop()
  end)

  for _, version in ipairs { "1.1", "1.0" } do
    for _, case in ipairs(cases) do
      local name, path, pattern, more = table.unpack(case)
      it(("HTTP/%s: %s"):format(version, name), function()
        local _, url, _, server = examples.serve(name, { interval = 150 })
        local base = url:match "^%w+://[^/]+"
        curl.start(("--http%s %s '%s%s'"):format(version, more or "", base, path)):till(pattern)
        assert.equal(1, server:stats().requests.received)
      end)
    end
  end
end)
