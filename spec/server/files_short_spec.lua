-- Files that change while they are sent, and the memory and descriptors of files that no client
-- reads.
local frames = require "spec.support.frames"
local lfs = require "lfs"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

local SIZE = 8 * 1024 * 1024
local path

local function write(size)
  local f = assert(io.open(path, "wb"))
  for _ = 1, size // 65536 do f:write(("x"):rep(65536)) end
  f:write(("x"):rep(size % 65536))
  f:close()
end

local function start(options)
  return serving.start(options or {}, function(server)
    server:static("/st", path:match "^(.*)/[^/]*$")
  end)
end

local function target() return "/st/" .. path:match "[^/]*$" end

-- Pumps the loop until the client's socket is full.
local function stuck(server)
  local seen, since = -1, 0
  raw.pump(function()
    local sent = server:stats().traffic.sent_bytes
    since = sent == seen and since + 1 or 0
    seen = sent
    return sent > 0 and since > 50
  end, "a client that is behind")
  return seen
end

-- A file of its own for each test of the block.
local function with_file()
  before_each(function()
    path = os.tmpname()
    write(SIZE)
  end)
  after_each(function()
    serving.stop()
    os.remove(path)
  end)
end

describe("a file that changes while it is sent", function()
  with_file()

  it("has the length it had when it was opened", function()
    start()
    local client = serving.connect()
    client:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(target()))
    local head = client:head()
    assert.equal(tostring(SIZE), head.headers["content-length"])
    assert.is_nil(head.headers["transfer-encoding"])
    assert.equal(SIZE, #client:receive_bytes(SIZE))
    -- The connection must still work.
    client:send(("HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(target()))
    assert.equal(tostring(SIZE), client:head().headers["content-length"])
    client:close()
  end)

  it("breaks off over HTTP/1.1 where it has become shorter", function()
    local server = start()
    local client = serving.connect(4096)
    client:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(target()))
    stuck(server)
    write(1000)
    client:head()
    assert.is_true(#client:receive_all() < SIZE)
    assert.truthy(serving.errors[1].message:find("bytes early", 1, true))
  end)

  it("breaks off over HTTP/2 where it has become shorter", function()
    start()
    local client = frames.open(serving.connect(), frames.setting(4, 100000))
    client:get(1, "GET " .. target())
    client:receive("HEADERS", 1)
    client:receive("DATA", 1)
    write(1000)
    client:send("WINDOW_UPDATE", 0, 0, frames.u32(2 ^ 30 | 0))
    client:send("WINDOW_UPDATE", 0, 1, frames.u32(2 ^ 30 | 0))
    client:receive("RST_STREAM", 1)
    assert.truthy(serving.errors[1].message:find("bytes early", 1, true))
  end)

  it("sends no more than that where it has become longer", function()
    local server = start()
    local client = serving.connect(4096)
    client:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(target()))
    stuck(server)
    write(SIZE + 1000)
    client:head()
    assert.equal(SIZE, #client:receive_bytes(SIZE))
    assert.equal(404, client:request("GET /st/none").status)
  end)

  it("holds a piece of a file at most for a client that takes nothing", function()
    local server = start()
    local client = frames.open(serving.connect(), frames.setting(4, 0))
    for n = 1, 20 do client:get(2 * n - 1, "GET " .. target()) end
    for _ = 1, 20 do client:receive("HEADERS") end
    stuck(server)
    assert.is_true(server:stats().memory.pending_bytes <= 20 * 65536)
    assert.is_true(lfs.attributes(path, "size") == SIZE)
  end)
end)

describe("files that nobody takes", function()
  with_file()

  local function ask(n)
    local clients = {}
    for i = 1, n do
      clients[i] = serving.connect(4096)
      clients[i]:send(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(target()))
    end
    return clients
  end

  it("hold few descriptors, and come whole when they are taken after all", function()
    local server = start()
    local before = wait.fds()
    local clients = ask(100)
    raw.pump(function() return server:stats().requests.received == 100 end, "all requests")
    stuck(server)
    local files = wait.fds() - before - 200 -- less both ends of each connection
    assert.is_true(files > 0 and files <= 64, files)
    for _, i in ipairs { 1, 100 } do
      local got = clients[i]:response()
      assert.equal(SIZE, #got.body)
    end
    assert.same({}, serving.errors)
  end)

  it("break off where the file has changed meanwhile", function()
    local server = start()
    local clients = ask(100)
    raw.pump(function() return server:stats().requests.received == 100 end, "all requests")
    stuck(server)
    write(SIZE + 1)
    clients[1]:head()
    assert.equal(SIZE, #clients[1]:receive_bytes(SIZE)) -- the server kept its file open
    clients[100]:head()
    assert.is_true(#clients[100]:receive_all() < SIZE)
    assert.matches("ended %d+ bytes early: it has changed", serving.errors[1].message)
  end)
end)
