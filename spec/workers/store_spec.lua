-- sse.workers over a store: what `make chaos-workers` does for a minute, in short; and with one in
-- Redis.
local blocks = require "spec.support.blocks"
local child = require "spec.support.child"
local curl = require "spec.support.curl"
local net = require "spec.support.net"
local newsroom = require "spec.support.newsroom"
local ports = require "spec.support.ports"
local redis = require "spec.support.redis"
local sse = require "sse"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

-- A program of two workers with a store each, whose clients' ends are published.
local LAST = [[
  local sse = require "sse"
  local ok, message = sse.workers { count = 2, listen = { port = %d }, run = function()
    local server = sse.server { port = %d }
    local news = sse.channel("news", { store = %s })
    server:get("/", function(_, res)
      local stream = res:event_stream()
      stream.on_close = function() news:publish "left" end
      stream:follow(news)
    end)
    assert(server:run { within = 0 })
  end }
  assert(ok, message)
]]

-- Starts that program with four clients.
local function start(store)
  local port = ports.free()
  local program = child.script(LAST:format(port, port, store))
  local clients = {}
  for i = 1, 4 do
    local words = "--retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:%d/"
    clients[i] = curl.start(words:format(port))
  end
  for _, client in ipairs(clients) do client:till "\n\n" end
  return program
end

-- What the channel has held since it began, of four events.
local function held_by(news)
  local held = {}
  for event in news:events { from = "oldest" } do
    held[#held + 1] = event.data
    if #held == 4 then return held end
  end
end

describe("workers on one file", function()
  after_each(function()
    curl.stop()
    newsroom.stop()
  end)

  it("have one order, and lose nothing when one is killed or all are replaced", function()
    local got = newsroom.run { -- in the stress run each event costs every reader a collection
      seconds = 3, rate = net.stress and 10 or 200, kills = 2, reloads = 2,
      steady = net.stress and 2 or 4, restless = net.stress and 1 or 4,
    }
    assert.same({}, got.faults)
    assert.is_true(got.resumes > 0)
  end)

  it("keep what their last callbacks publish", function()
    local path = temporary.folder() .. "/last.db"
    local program = start(("sse.sqlite %q"):format(path))
    program:kill "TERM"
    assert.equal(0, program:wait(), program:output())
    local store <close> = sse.sqlite(path)
    local news = sse.channel("news", { store = store })
    assert.same({ "left", "left", "left", "left" }, held_by(news))
    news:close()
  end)

  it("are what the how-to shows", function()
    local code, port = nil, ports.free()
    for _, block in ipairs(blocks.of_page("docs/howto/two-processes.md", "lua")) do
      if block.code:find "sse%.workers" then code = block.code end
    end
    code = code:gsub("9522", port):gsub("/var/lib/app", temporary.folder())
    local program = child.script(code)
    local url = ("http://127.0.0.1:%d/news"):format(port)
    local client = curl.start("--retry 20 --retry-delay 1 --retry-connrefused " .. url)
    client:till "id: [^\n]+\n\n" -- only now the client has its place
    assert.equal(204, assert(sse.fetch(url, { method = "POST", body = "It rains" })).status)
    client:till "\ndata: It rains\n\n"
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)
end)

describe("workers on a Redis server", function()
  local store, news

  after_each(function()
    curl.stop()
    child.stop()
    if news then news:close() end
    if store then store:close() end
    redis.stop()
  end)

  it("count their followers together, and keep what their last callbacks publish", function()
    local url, prefix = redis.shared().url, redis.prefix()
    local program = start(("sse.redis(%q, { prefix = %q })"):format(url, prefix))
    store = sse.redis(url, { prefix = prefix })
    news = sse.channel("news", { store = store })
    wait.till(function() return news:count() == 4 end, "the followers")
    program:kill "TERM"
    assert.equal(0, program:wait(), program:output())
    assert.same({ "left", "left", "left", "left" }, held_by(news))
    wait.till(function() return news:count() == 0 end, "no followers") -- at once, not by expiry
    assert.equal("0\n", redis.shared():cli(("EXISTS '%s{news}:followers'"):format(prefix)))
  end)

  it("open it each for itself", function()
    local program = child.script [[
      local sse = require "sse"
      local store = sse.redis { "redis://user:secret@a:1", "redis://b" }
      print(pcall(sse.workers, { count = 2, run = function() end }))
      store:close()
      print(sse.workers { count = 1, run = function() error "begins" end })
    ]]
    program:wait()
    local said = program:output()
    assert.truthy(said:find("the store 'redis://a:1, redis://b' is open; each worker opens its own",
      1, true), said)
    assert.truthy(said:find "begins", said)
  end)
end)
