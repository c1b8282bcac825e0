-- A Lua state closes while streams follow channels, in a process of its own: the process must exit
-- normally and, under sanitizers, leak nothing.
local net = require "spec.support.net"

-- A channel and a server, created in either order, with four followers: one reads, one has a
-- filter, one follows two channels, one does not read.
local CHILD = [[
  local core = require "sse.core"
  local sse = require "sse"
  local raw = require "spec.support.raw"
  local streams, act, clients = {}, {}, {}
  local news, more, server
  local function do_(where) if act[where] then act[where]() end end
  local function make_channels()
    news = sse.channel("news", { history = 5, max_age = 100000 })
    more = sse.channel("more", { history = 5, slow = "skip" })
    news:on("leave", function() do_ "presence" end)
  end
  if not after then make_channels() end
  server = sse.server { on_error = function(message) io.write(message) end }
  if after then make_channels() end
  server:get("/:what", function(req, res)
    local stream, what = res:event_stream(), req.params.what
    streams[#streams + 1] = stream
    stream.on_close = function() do_ "on_close" end
    if what == "both" then return stream:follow(news, more, { from = "oldest" }) end
    local options = {}
    if what == "where" then options.where = function() do_ "where" return true end end
    stream:follow(news, options)
  end)
  assert(server:listen())
  for _, what in ipairs { "plain", "where", "both", "slow" } do
    clients[#clients + 1] = raw.connect(server.port)
    clients[#clients]:send("GET /" .. what .. " HTTP/1.1\r\nHost: a\r\n\r\n")
  end
  raw.pump(function() return #streams == 4 end, "the streams")
  for n = 1, 10 do
    news:publish { data = ("x"):rep(300000), id = "own" .. n, dedupe = n }
    more:publish { data = n, key = "k" }
    core.turn()
    for i = 1, 3 do clients[i]:take() end
  end
  assert(not streams[1].closed)
  core.after(20000, function() os.exit(7) end):unref()
  local function exit() os.exit(0, true) end
]]

local ENDS = {
  ["at its end"] = "",
  ["by os.exit"] = "exit()",
  ["in a where function"] = "act.where = exit news:publish 'x' core.run()",
  ["in on_close"] = "act.on_close = exit streams[1]:close() core.run()",
  ["when presence is told"] = "act.presence = exit streams[1]:close() core.run()",
  ["with a round to come"] = "news:publish 'x'",
  ["with closes to come"] = "news:close() streams[2]:close()",
  ["with the server closed"] = "server:close()",
  ["with the channels let go"] = "news, more = nil, nil collectgarbage()",
  ["with presence to be told"] = "streams[1]:unfollow(news)",
  ["with finalizers that reach for all of it"] = [[
    finalized = setmetatable({}, { __gc = function()
      pcall(function() news:publish "late" end)
      pcall(function() streams[3]:unfollow(more) end)
      pcall(function() streams[3]:follow(more) end)
      pcall(function() news:close() end)
      pcall(function() more:stats() end)
      pcall(function() streams[1]:close() end)
    end })]],
}

describe("channel exit", function()
  for name, how in pairs(ENDS) do
    for order, first in pairs { ["channels first"] = "", ["server first"] = "after = true " } do
      it(("a Lua state closes, %s, %s"):format(name, order), function()
        local status, output = net.child(first .. CHILD .. how)
        assert.equal("", output)
        assert.equal(0, status)
      end)
    end
  end

  it("a Lua state closes before the finalizers of objects that were there first", function()
    local status, output = net.child [[
      local early = setmetatable({}, { __gc = function(self)
        for _, call in ipairs {
          function() self.news:publish "x" end, function() self.news:stats() end,
          function() self.news:close() end, function() return self.news.followers end,
          function() self.stream:follow(self.news) end,
          function() self.stream:unfollow(self.news) end,
          function() self.news:on("leave", print) end, function() self.sse.channel "x" end,
        } do pcall(call) end
      end })
      local sse = require "sse"
      local raw = require "spec.support.raw"
      early.sse, early.news = sse, sse.channel "news"
      local server = sse.server {}
      server:get("/", function(_, res) early.stream = res:event_stream():follow(early.news) end)
      assert(server:listen())
      raw.connect(server.port):send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      raw.pump(function() return early.stream end, "the stream")
    ]]
    assert.equal("", output)
    assert.equal(0, status)
  end)
end)
