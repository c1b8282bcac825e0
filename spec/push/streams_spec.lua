-- server:streams and channel:streams: who is there.
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames = misuse.blames
local number = 0

local function new_channel()
  number = number + 1
  return sse.channel("listed " .. number)
end

-- The users of a list of streams, sorted.
local function users(list)
  local names = {}
  for i, stream in ipairs(list) do
    assert.is_false(stream.closed)
    names[i] = tostring(stream.user)
  end
  table.sort(names)
  return names
end

-- Starts a server whose streams have the user and follow the channels that the query names.
local function start(channels, before)
  return serving.start(function(server)
    server:get("/", function(req, res)
      local stream = res:event_stream()
      stream.user = req.query.user
      if before then before(stream) end
      for _, name in ipairs(req:query_all "follow") do stream:follow(channels[name]) end
    end)
  end)
end

local function listen(target)
  local client = serving.listen(target)
  client:till "\n"
  return client
end

serving.each("the streams of a server and a channel", function()
  after_each(serving.stop)

  it("are those that are open, each with its user", function()
    local channels = { a = new_channel(), b = new_channel() }
    local server = start(channels)
    assert.same({}, server:streams())
    assert.same({}, channels.a:streams())
    local ann = listen "/?user=ann&follow=a"
    local bob = listen "/?user=bob&follow=a&follow=b"
    listen "/?user=bob&follow=b"
    assert.same({ "ann", "bob", "bob" }, users(server:streams()))
    assert.same({ "ann", "bob" }, users(channels.a:streams()))
    assert.same({ "bob", "bob" }, users(channels.b:streams()))
    assert.same({ "bob", "bob" }, users(server:streams "bob"))
    assert.same({ "bob" }, users(channels.a:streams "bob"))
    assert.same({}, server:streams "eve")
    assert.same({}, server:streams(false))
    ann:close()
    bob:close()
    raw.pump(function()
      channels.b:publish "x" -- libcurl tells of streams that it left when it reads the next time
      return #server:streams() == 1
    end, "their ends")
    assert.same({ "bob" }, users(server:streams()))
    assert.same({}, channels.a:streams())
  end)

  it("end where all those of a user are closed, and no other", function()
    local channel = new_channel()
    local server = start { c = channel }
    local mine = { listen "/?user=ann&follow=c", listen "/?user=ann&follow=c" }
    local other = listen "/?user=bob&follow=c"
    for _, stream in ipairs(server:streams "ann") do stream:close() end
    assert.same({ "bob" }, users(server:streams()))
    assert.same({ "bob" }, users(channel:streams()))
    for _, client in ipairs(mine) do client:rest() end
    channel:publish "still there"
    other:till "still there"
  end)

  it("are the objects that the program has", function()
    local channel, kept = new_channel(), {}
    local server = start({ c = channel }, function(stream) kept[#kept + 1] = stream end)
    listen "/"
    listen "/?follow=c"
    collectgarbage()
    local listed = {}
    for _, stream in ipairs(server:streams()) do listed[stream] = true end
    for _, stream in ipairs(kept) do assert.is_true(listed[stream]) end
    assert.equal(kept[2], channel:streams()[1])
  end)

  it("have an object again where the program kept none", function()
    local channel = new_channel()
    local server = start { c = channel }
    local client = listen "/?follow=c"
    collectgarbage()
    collectgarbage()
    local stream, reason = server:streams()[1], nil
    assert.equal(stream, channel:streams()[1])
    assert.is_nil(stream.user)
    stream.user = "ann"
    stream.on_close = function(why) reason = why end
    stream = nil
    collectgarbage()
    assert.same({ "ann" }, users(channel:streams "ann"))
    server:streams()[1]:send "hello"
    client:till "hello"
    server:streams()[1]:close()
    raw.pump(function() return reason end, "on_close")
    assert.equal("server", reason)
    assert.is_nil(stream)
  end)

  it("leave out what closes", function()
    local server = start {}
    local client = listen "/?user=ann"
    local stream = server:streams()[1]
    if stream then stream:close() end
    assert.same({}, server:streams())
    client:rest()
  end)
end)

describe("the streams of a channel", function()
  after_each(serving.stop)

  it("whose objects the collector has found go on", function()
    local channel = new_channel()
    local server = start { c = channel }
    local clients = {}
    for i = 1, 30 do clients[i] = listen "/?follow=c" end
    collectgarbage "stop"
    for _ = 1, 5 do
      channel:streams()
      collectgarbage "step"
      assert.equal(30, #channel:streams())
      assert.equal(30, #server:streams())
    end
    collectgarbage "restart"
    channel:publish "hello"
    for _, client in ipairs(clients) do client:till "hello" end
  end)

  it("survive finalizers that close some of them, and open others", function()
    local channel = new_channel()
    start { c = channel }
    for _ = 1, 10 do listen "/?follow=c" end
    for i = 1, 100 do
      setmetatable({}, { __gc = function()
        local list = channel:streams()
        if i % 20 == 0 and list[1] then list[1]:close() end
      end })
      for _, stream in ipairs(channel:streams()) do assert.is_boolean(stream.closed) end
      collectgarbage "step"
    end
    collectgarbage()
  end)

  it("are told to channel:on with their users", function()
    local channel, told = new_channel(), {}
    channel:on("follow", function(_, stream) told[#told + 1] = "+" .. stream.user end)
    channel:on("leave", function(_, stream) told[#told + 1] = "-" .. stream.user end)
    start { c = channel }
    local client = listen "/?user=ann&follow=c"
    client:close()
    raw.pump(function() return #told == 2 end, "both")
    assert.same({ "+ann", "-ann" }, told)
  end)

  it("are none once it is closed or collected, and misuse raises", function()
    local channel = new_channel()
    local server = start { c = channel }
    local client = listen "/?follow=c"
    channel:close()
    client:rest()
    assert.same({}, channel:streams())
    blames("server:streams: the user is nil", function() server:streams(nil) end)
    blames("channel:streams: the user is nil", function() channel:streams(nil) end)
    blames("one argument too many", function() server:streams(1, 2) end)
    blames("call it with ':'", function() server.streams() end)
    blames("call it with ':'", function() channel.streams() end)
  end)
end)
