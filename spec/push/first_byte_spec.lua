-- What a stream begins with, and the ids that tell a client where it stands before the first event.
local following = require "spec.support.following"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

local ID = "^id: ([^\n]+)\n\n"

serving.each("a stream", function()
  after_each(serving.stop)

  local fields = { ["Accept-Encoding"] = "identity" }

  it("line 50: begins with a comment where the handler sends nothing", function()
    serving.start({ heartbeat = false }, function(server)
      server:get("/", function(_, res) res:event_stream() end)
      server:get("/sends", function(_, res) res:event_stream():send "x" end)
      server:get("/retry", function(_, res) res:event_stream { retry = 7 } end)
    end)
    assert.equal(":\n\n", serving.listen("/", fields):till "\n\n")
    assert.equal("data: x\n\n", serving.listen("/sends", fields):till "\n\n")
    assert.equal("retry: 7\n\n", serving.listen("/retry", fields):till "\n\n")
    serving.listen "/":till ":\n\n" -- compressed, where the client asks for it
  end)

  it("line 50: begins with a byte also where the client is one that missed nothing", function()
    local news = following.channel()
    local id = news:publish "x"
    serving.start({ heartbeat = false }, function(server)
      server:get("/", function(_, res) res:event_stream():follow(news) end)
    end)
    local client = serving.listen("/", { ["Last-Event-ID"] = id, ["Accept-Encoding"] = "identity" })
    assert.equal(":\n\n", client:till "\n\n")
    news:publish "y"
    assert.matches("^id: [^\n]+\ndata: y\n\n$", client:till "data: y\n\n")
  end)

  it("line 50: has its byte also where the handler waits", function()
    local go
    serving.start({ heartbeat = false }, function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        require("sse").await(function(resume) go = resume end)
        stream:close()
      end)
    end)
    local client = serving.listen("/", fields)
    assert.equal(":\n\n", client:till "\n\n")
    go()
    assert.equal("", (client:rest()))
  end)
end)

describe("a follower's first id", function()
  after_each(following.stop)

  -- Reads what comes first; returns the id if it is a block that has only an id.
  local function first_id(client)
    client:till(function() return client.parser.last_event_id ~= "" end, "an id")
    assert.same({}, client.events)
    return client.parser.last_event_id
  end

  -- A client that loses the connection before the first event, and comes back with what it knows.
  local function comes_back(client)
    local id = first_id(client)
    client:close()
    raw.pump(function() return following.of().followers == 0 end, "the follower to leave")
    return id
  end

  local news
  function following.of() return news end

  it("line 49: a client that lost the connection before the first event misses nothing", function()
    for _, from in ipairs { "newest", "oldest", 0 } do
      news = following.serve({ history = 10 }, function() return { from = from } end)
      local id = comes_back(following.open())
      following.count(news, 1, 3)
      assert.equal("1 2 3", following.open(id):all(news))
      following.stop()
    end
  end)

  it("line 49: the block is the first of the body, and has only an id", function()
    news = following.serve { history = 10 }
    local client = following.open(nil, { version = "1.0" })
    client.raw:receive_until(ID)
    news:publish { id = "own", data = "x" }
    client.raw:receive_until "^id: own\ndata: x\n\n"
    local second = following.open(nil, { version = "1.0" })
    assert.equal("id: own\n\n", second.raw:receive_until "\n\n")
  end)

  it("line 49: a channel that was never published to has a place, too", function()
    news = following.serve { history = 10 }
    local id = comes_back(following.open())
    assert.matches("^%w+%-0$", id)
    assert.equal("", following.open(id):all(news))
  end)

  it("line 49: what has left the history meanwhile is told", function()
    news = following.serve { history = 2 }
    local id = comes_back(following.open())
    following.count(news, 1, 5)
    assert.equal("gap:expired 4 5", following.open(id):all(news))
  end)

  it("line 49: after an id that no event has, too", function()
    news = following.serve { history = 10 }
    local ids = following.count(news, 1, 2)
    local client = following.open(following.id(ids[1], 7))
    client:till(function() return client.parser.last_event_id == ids[2] end, "the id")
    assert.equal("gap:unknown", client:text())
    client:close()
    following.count(news, 3, 9) -- the id that the client brought is one of these now
    assert.equal("3 4 5 6 7 8 9", following.open(client.parser.last_event_id):all(news))
  end)

  it("line 49: a client whose id is right is told nothing", function()
    news = following.serve { history = 10 }
    local ids = following.count(news, 1, 2)
    local client = following.open(ids[1], { version = "1.0" })
    news:publish "end"
    local text = client.raw:receive_until "data: end\n\n"
    assert.equal(2, select(2, text:gsub("id: ", "")))
  end)

  it("line 49: with several channels, in one block", function()
    local other, streams = following.channel { history = 10 }, {}
    news = following.channel { history = 10 }
    following.handle(function(_, res)
      streams[#streams + 1] = res:event_stream():follow(news, other)
    end)
    local id = comes_back(following.open())
    assert.matches("^%w+:%w+%-0,%w+:%w+%-0$", id)
    news:publish "a"
    other:publish "b"
    local client = following.open(id)
    client:till(function() return #client.events == 2 end)
    assert.same({ a = true, b = true },
      { [client.events[1].data] = true, [client.events[2].data] = true })
  end)

  it("line 49: when a stream follows one channel more", function()
    local other = following.channel { history = 10 }
    local stream
    news = following.channel { history = 10 }
    following.handle(function(req, res)
      stream = res:event_stream():follow(news)
      if req.last_event_id then stream:follow(other) end
    end)
    local client = following.open()
    first_id(client)
    stream:follow(other)
    client:till(function() return client.parser.last_event_id:find "," end, "both places")
    client:close()
    raw.pump(function() return other.followers == 0 end, "the follower to leave")
    other:publish "missed"
    local again = following.open(client.parser.last_event_id)
    again:till_data "missed"
  end)

  it("line 49: is not lost where the client takes nothing", function()
    local stream
    news = following.channel { history = 10 }
    following.handle(function(_, res)
      stream = res:event_stream { max_pending = 1000, heartbeat = 20 }
    end)
    local client = following.open(nil, { slow = true })
    raw.pump(function() return stream end, "the stream")
    raw.pump(function() return stream.pending == 0 end, "the head to go out")
    raw.pump(function() return not stream:send(("x"):rep(900)) end, "a full socket")
    stream:follow(news)
    client:till(function() return client.parser.last_event_id ~= "" end, "the id")
  end)
end)

describe("where", function()
  after_each(following.stop)

  local news

  local function serve(options, heartbeat)
    news = following.channel(options)
    following.handle(function(_, res)
      res:event_stream():follow(news, { where = function(ev) return ev.data == "end" end })
    end, { heartbeat = heartbeat })
    return news
  end

  local function last_id(client) return client.parser.last_event_id end

  local function told(client, id)
    client:till(function() return last_id(client) == id end, "the id " .. id)
  end

  it("line 49: a client whose where kept events from it is told with the next heartbeat", function()
    serve({ history = 10 }, 20)
    local client = following.open()
    local ids = following.count(news, 1, 50)
    told(client, ids[50])
    client:close()
    following.followers(news, 0)
    assert.equal("", following.open(last_id(client)):all(news)) -- no gap: it missed nothing
  end)

  it("line 49: once for what was kept, and then heartbeats as ever", function()
    serve({ history = 10 }, 20)
    local client = following.open(nil, { version = "1.0" })
    client.raw:receive_until(ID)
    local id = news:publish "kept"
    assert.equal("id: " .. id .. "\n\n", client.raw:receive_until "id: [^\n]*\n\n":match "id.*")
    assert.equal(":\n\n:\n\n", client.raw:receive_until ":\n\n:\n\n")
  end)

  it("line 49: before the history drops what it knows, whatever the heartbeat is", function()
    serve({ history = 100 }, false)
    local client = following.open()
    local ids
    for round = 0, 9 do
      ids = following.count(news, round * 100 + 1, round * 100 + 100)
      -- It is told after 64 events at the latest.
      local low = following.id(ids[round * 100 + 1], round * 100 + 100 - 63)
      client:till(function()
        local id = last_id(client)
        return #id > #low or #id == #low and id >= low
      end, "an id")
    end
    client:close()
    following.followers(news, 0)
    assert.equal("", following.open(last_id(client)):all(news))
  end)

  it("line 49: tells no own id of an event that it kept from the client", function()
    serve({ history = 10 }, 20)
    local client = following.open()
    local id = following.id(news:publish "first", 2)
    news:publish { id = "secret", data = "kept" }
    told(client, id)
    wait.past(0)
    news:publish "end"
    client:till_data "end"
    assert.equal("end", client:text())
  end)

  it("line 49: with several channels", function()
    local other = following.channel { history = 10 }
    news = following.channel { history = 10 }
    following.handle(function(_, res)
      res:event_stream():follow(news, other, { where = function(ev) return ev.data == "end" end })
    end, { heartbeat = 20 })
    local client = following.open()
    following.count(news, 1, 20)
    following.count(other, 1, 30)
    client:till(function() return last_id(client):find "%-20,%w+:%w+%-30$" end, "the id")
    client:close()
    following.followers(news, 0)
    assert.equal("", following.open(last_id(client)):all(news))
  end)

  it("an event heartbeat comes although the client is told its place", function()
    serve({ history = 10 }, { every = 20, event = "ping" })
    local client = following.open()
    local id = news:publish "kept"
    told(client, id)
    client:till(function() return client.events[2] end)
    assert.same({ "ping", "ping" }, { client.events[1].type, client.events[2].type })
  end)
end)
