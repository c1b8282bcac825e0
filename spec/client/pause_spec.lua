-- Unread responses on an HTTP/2 connection that other requests share: when a response ends, the
-- bytes that libcurl holds for it are freed, whoever ends it. Each test has a process of its own.
local certs = require "spec.support.certs"
local child = require "spec.support.child"

local SIZE, ROUNDS = 8, 8 -- MiB of each response; number of responses

local SERVER = [[
  local sse = require "sse"
  local big, broken = ("x"):rep(%d * 2 ^ 20), 0
  local server = sse.server {
    tls = { cert = %q, key = %q }, on_error = function() end,
    max_pending = 2 ^ 30, max_pending_total = 2 ^ 30,
  }
  local last
  server:get("/stream", function(_, res) res:event_stream():send "x" end)
  server:get("/big", function(_, res)
    last = res
    res:write(big)
    local mine = broken
    while broken == mine and not res.closed do sse.sleep(5) end
    error "broken off"
  end)
  server:get("/pending", function(_, res)
    res:reply(200, tostring(last.closed and 0 or last.pending))
  end)
  server:get("/zipped", function(_, res)
    local pipe = io.popen "head -c 90000000 /dev/zero | gzip -9n"
    res:reply(200, pipe:read "a", { ["Content-Encoding"] = "gzip" })
    pipe:close()
  end)
  server:get("/break", function(_, res)
    broken = broken + 1
    res:reply(200, "")
  end)
  assert(server:listen())
  print("port " .. server.port)
  io.stdout:flush()
  sse.run()
]]

local CLIENT_OF = [[
  local core = require "sse.core"
  local sse = require "sse"
  local tls = { verify = false }

  local function get(path)
    local res = assert(sse.fetch("https://127.0.0.1:%d" .. path, { tls = tls }))
    assert(res.protocol == "HTTP/2")
    return res
  end

  local function resident()
    local file = io.open "/proc/self/status"
    return file and tonumber(file:read("a"):match "VmRSS:%%s*(%%d+)") // 1024 or 0
  end

  local shared = sse.EventSource("https://127.0.0.1:%d/stream", { tls = tls })
  local opened
  shared.onmessage = function() opened = true end
  while not opened do core.turn() end
]]

local CLIENT = CLIENT_OF .. [[
  local function round()
    local res = get "/big"
    local next_piece = res:chunks()
    assert(next_piece())
    repeat until get "/pending":text() == "0" -- then this process has received all of it
    %s
  end

  local function rounds(n)
    for _ = 1, n do
      round()
      collectgarbage()
      collectgarbage()
    end
    return resident()
  end
  local before = rounds(2)
  print("grown by " .. rounds(%d) - before)
  shared:close()
]]

local READER = CLIENT_OF .. [[
  local res, size, pieces = get "/zipped", 0, 0
  for piece in res:chunks() do
    size, pieces = size + #piece, pieces + 1
    if pieces %% 10 == 0 then sse.sleep(0) end
  end
  print(size, res.failure and res.failure.code)
  shared:close()
]]

local ENDS = {
  ["closed by the client"] = "res:close()",
  ["broken off by the server"] = [[
    get "/break":text()
    while next_piece() do end
    assert(res.failure)]],
}

local function start_server()
  local files = certs.server()
  return child.script(SERVER:format(SIZE, files.cert, files.key)):till "port (%d+)"
end

describe("a response over a shared connection", function()
  after_each(child.stop)

  it("that becomes more than libcurl would keep reaches a slow reader whole", function()
    local port = start_server()
    child.script(READER:format(port, port)):till "90000000\tnil"
  end)
end)

describe("a response that nobody reads, over a shared connection", function()
  after_each(child.stop)

  for name, ending in pairs(ENDS) do
    it("leaves nothing behind when it is " .. name, function()
      local port = start_server()
      local client = child.script(CLIENT:format(port, port, ending, ROUNDS))
      local grown = tonumber((client:till "grown by (%-?%d+)"))
      if not (os.getenv "LD_PRELOAD" or ""):find "asan" then -- ASan keeps freed memory for a while
        assert.is_true(grown < SIZE * ROUNDS / 2, grown .. " MiB more")
      end
      assert.equal(0, client:wait()) -- under LeakSanitizer: nothing leaked
    end)
  end
end)
