--- Publishing to clients that read nothing: how often their sockets are tried, and that publish
-- ends no stream.
local child = require "spec.support.child"
local following = require "spec.support.following"
local raw = require "spec.support.raw"

-- Followers read nothing, and their sockets have just become full; then events are published in one
-- turn of the loop. Prints how often full sockets were tried: while publishing, and in the next
-- turn.
local PUBLISHES = [[
local core, socket = require "sse.core", require "socket"
local sse, sends = require "sse", require "spec.sends"
local news = sse.channel("news", { history = 10, slow = "skip" })
local server = sse.server {}
server:get("/", function(_, res) res:event_stream { compress = false }:follow(news) end)
assert(server:listen())
local clients = {}
local function turn() core.defer(function() end) core.turn() end
for i = 1, 20 do
  clients[i] = socket.tcp()
  clients[i]:setoption("recv-buffer-size", 4096)
  assert(clients[i]:connect("127.0.0.1", server.port))
  clients[i]:send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
end
while news.followers < 20 do turn() end
repeat
  news:publish(("x"):rep(20000))
  for _ = 1, 3 do turn() end
until server:stats().memory.pending_bytes > 0
local before = sends()
for n = 1, 500 do news:publish("n" .. n) end
print("publishing", sends() - before)
turn()
print("after", sends() - before)
os.exit(0, false)
]]

describe("channel beside clients that read nothing", function()
  after_each(function()
    following.stop()
    child.stop()
  end)

  it("tries each full socket once in a turn, however much is published", function()
    local sends = assert(package.searchpath("spec.sends", package.cpath))
    local preload = ("%s:%s"):format(os.getenv "LD_PRELOAD" or "", sends)
    local program = child.script(PUBLISHES, "LD_PRELOAD=" .. preload)
    local publishing = tonumber(program:till "publishing%s+(%d+)")
    local after = tonumber(program:till "after%s+(%d+)")
    assert.is_true(publishing <= 20, publishing)
    assert.is_true(after <= 40, after)
  end)

  it("ends no stream within a publish; the turn ends the slow one", function()
    local news, streams = following.serve { history = 5 }
    local slow = following.open(nil, { slow = true })
    following.followers(news, 1)
    following.fill(news, streams[1])
    for n = 1, 500 do
      news:publish { data = n }
      assert.is_false(streams[1].closed)
      assert.equal(1, news.followers)
    end
    raw.pump(function() return streams[1].closed end, "the slow one's end")
    assert.equal(0, news.followers)
    assert.equal(1, news:stats().slow.followers_closed)
    slow:till_end()
    assert.is_true(slow.ended)
  end)

  it("finds no event by what has left the history within the turn", function()
    local news = following.serve { history = 2, slow = "skip" }
    local client = following.open()
    following.followers(news, 1)
    local first = news:publish { data = 1, id = "one", dedupe = "x" }
    following.count(news, 2, 3)
    assert.equal(2, news:stats().history.events)
    assert.not_equal(first, news:publish { data = 4, id = "one again", dedupe = "x" })
    assert.equal("1 2 3 4", client:all(news))
  end)
end)

describe("a server that is closed", function()
  after_each(following.stop)

  it("has no open stream, and none can follow", function()
    local news, streams, server = following.serve {}
    following.open()
    following.followers(news, 1)
    assert.is_false(streams[1].closed)
    server:close()
    assert.is_true(streams[1].closed)
    local other = following.channel()
    assert.same({ nil, "ECLOSED" }, (function(stream, _, code) return { stream, code } end)(
      streams[1]:follow(other)))
    assert.equal(0, other.followers)
    raw.pump(function() return streams.server end, "its reason")
  end)
end)
