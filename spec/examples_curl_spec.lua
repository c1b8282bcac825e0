-- The examples as curl sees them: the first event while the stream is open, over either version.
local examples = require "spec.support.examples"
local wait = require "spec.support.wait"

local cases = {
  { "clock", "/stream", "^retry: 1000\n\nid: %d+\ndata: %d+:%d+:%d+\n\n" },
  { "monitor", "/events", '^retry: 2000\n\nevent: data\ndata: {"date":"[^\n]+"}\n\n' },
  { "notice", "/notices", "^event: status\ndata: {[^\n]+}\n\nevent: notice\ndata: " },
  { "page", "/sse?content=x", "^event: echo\nid: 1\nretry: 30000\ndata: {[^\n]+}\n\n" },
  { "typewriter", "/api/sse", "^event: hello\ndata: {[^\n]+}\n\nevent: char\nid: 1\ndata: 床\n" },
  { "fetch_post", "/chat", "^You ", [[--data '{"prompt":"x"}']] },
}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- Runs curl until its output matches. A sanitizer's library, preloaded for Lua, hangs curl.
local function curl(arguments, pattern)
  local output = os.tmpname()
  local pipe <close> = io.popen(("env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES curl -sN %s >%s & "
    .. "echo $!"):format(arguments, output))
  local pid = pipe:read "n"
  local ok, message = pcall(wait.till, function() return read(output):find(pattern) end, pattern)
  os.execute("kill " .. pid)
  os.remove(output)
  assert(ok, message)
end

describe("example over curl", function()
  after_each(examples.stop)

  for _, version in ipairs { "1.1", "1.0" } do
    for _, case in ipairs(cases) do
      local name, path, pattern, more = table.unpack(case)
      it(("HTTP/%s: %s"):format(version, name), function()
        local _, url, _, server = examples.serve(name, { interval = 150 })
        local base = url:match "^%w+://[^/]+"
        curl(("--http%s %s '%s%s'"):format(version, more or "", base, path), pattern)
        assert.equal(1, server:stats().requests)
      end)
    end
  end
end)
