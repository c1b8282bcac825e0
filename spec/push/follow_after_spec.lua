-- Where a follow begins by ids that the program gives, and what a where is told beside the event.
local following = require "spec.support.following"
local json = require "sse.json"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local blames = misuse.blames

describe("stream:follow{ after }", function()
  after_each(following.stop)

  local function serve(options)
    local news = following.channel { history = 4 }
    following.handle(function(req, res)
      res:event_stream():follow(news, options(req))
    end)
    return news, following.count(news, 1, 6)
  end

  it("begins after an id where the client brought none", function()
    local ids
    local news
    news, ids = serve(function() return { after = ids[4] } end)
    assert.equal("5 6", following.open():all(news))
    assert.equal("6", following.open(ids[5]):all(news)) -- its own id says more
  end)

  it("sends a gap event where events are missing", function()
    local after
    local news, ids = serve(function() return { after = after } end)
    for id, reason in pairs { [ids[1]] = "expired", strange = "unknown" } do
      after = id
      local client = following.open()
      local published = news:publish "end"
      client:till_data "end"
      assert.equal("sse-gap", client.events[1].type)
      assert.equal(reason, json.decode(client.events[1].data).reason)
      assert.equal(id, json.decode(client.events[1].data).lastEventId)
      assert.is_string(published)
    end
  end)

  it("is none where it is nil or empty: from counts", function()
    local after
    local news = serve(function() return { after = after, from = 2 } end)
    assert.equal("5 6", following.open():all(news))
    after = ""
    assert.equal("6", following.open():all(news))
  end)

  it("says where a channel begins that the client's id says nothing of", function()
    local other = following.channel()
    local news, ids
    news, ids = following.channel { history = 4 }, nil
    following.handle(function(_, res)
      local stream = res:event_stream():follow(other)
      stream:follow(news, { after = ids[4] })
      stream:unfollow(news)
      stream:follow(news, { after = ids[5] })
    end)
    ids = following.count(news, 1, 6)
    local client = following.open(other:publish "x")
    assert.equal("5 6 6", client:all(news))
  end)

  it("of several channels counts for the one that knows it", function()
    local a, b = following.channel(), following.channel()
    local ids = following.count(a, 1, 3)
    following.count(b, 4, 6)
    following.handle(function(_, res) res:event_stream():follow(a, b, { after = ids[1] }) end)
    assert.equal("2 3", following.open():all(b))
  end)

  it("must be an id", function()
    local stream
    following.handle(function(_, res) stream = res:event_stream() end)
    following.open()
    raw.pump(function() return stream end, "the stream")
    local news = following.channel()
    blames("stream:follow: option 'after' must be a string without NUL, CR and LF, got number 5",
      function() stream:follow(news, { after = 5 }) end)
    blames("after", function() sse.follow(news, { after = "x" }) end)
  end)
end)

describe("req.last_event_id", function()
  after_each(following.stop)

  it("may be set to an id, and to none", function()
    local news = following.channel()
    local ids = following.count(news, 1, 3)
    local follow = sse.follow(news)
    local given, seen
    following.handle(function(req, res)
      seen = { req.last_event_id or "none" }
      if given then req.last_event_id = given[1] end
      seen[2] = req.last_event_id or "none"
      for name in pairs(req) do seen[name] = true end
      follow(req, res)
    end)
    assert.equal("3", following.open(ids[2]):all(news))
    given = { ids[1] }
    assert.equal("2 3", following.open(ids[2]):all(news))
    assert.same({ ids[2], ids[1] }, { seen[1], seen[2] })
    assert.is_true(seen.last_event_id)
    given = {}
    assert.equal("", following.open(ids[2]):all(news))
    assert.same({ ids[2], "none" }, { seen[1], seen[2] })
  end)

  it("raises for what is no id", function()
    following.handle(function(req, res)
      blames("last_event_id must be a string or nil, got number 5",
        function() req.last_event_id = 5 end)
      res:reply(200, "fine")
    end)
    assert.equal(200, serving.ask("GET /").status)
  end)

  it("line 47: may come in the parameters of polyfills; empty ones are none", function()
    local news = following.channel()
    local ids = following.count(news, 1, 6)
    following.handle(function(_, res) res:event_stream():follow(news) end)
    for _, query in ipairs {
      "evs_last_event_id=" .. ids[5], "last-event-id=" .. ids[5],
      "lastEventId=&evs_last_event_id=&last-event-id=" .. ids[5],
      ("lastEventId=%s&evs_last_event_id=%s"):format(ids[5], ids[1]),
      ("evs_last_event_id=%s&last-event-id=%s"):format(ids[5], ids[1]),
    } do
      local client = following.open(nil, { target = "/?" .. query })
      assert.matches("^6", client:all(news))
    end
    local client = following.open(news.last_id, { target = "/?evs_last_event_id=" .. ids[1] })
    assert.equal("", client:all(news))
  end)
end)

describe("publish{ meta }", function()
  after_each(following.stop)

  it("is for where, and is never sent", function()
    local seen = {}
    local news = following.serve({ history = 10 }, function()
      return {
        from = "oldest",
        where = function(ev)
          seen[#seen + 1] = ev.meta or "none"
          local to = type(ev.meta) == "table" and ev.meta.to or ev.meta
          ev.meta = "changed"
          return to ~= "bob"
        end,
      }
    end)
    news:publish { data = "1", meta = { to = "ann" } }
    news:publish { data = "2", meta = { to = "bob" } }
    news:publish { data = "3", meta = "bob" }
    news:publish "4"
    local client = following.open(nil, { version = "1.0" })
    news:publish { data = "end", meta = { to = "ann" } }
    local text = client.raw:receive_until "data: end\n\n"
    assert.equal("1 4", table.concat({ text:match "data: (%d).*data: (%d)" }, " "))
    assert.is_nil(text:find "ann")
    assert.same({ { to = "ann" }, { to = "bob" }, "bob", "none", { to = "ann" } }, seen)
  end)

  it("is kept as long as the event", function()
    local metas = setmetatable({}, { __mode = "v" })
    local news = following.channel { history = 2 }
    for n = 1, 5 do
      metas[n] = { n }
      news:publish { data = n, meta = metas[n] }
    end
    raw.pump(function() return true end, "a turn")
    news:publish "6"
    wait.collect()
    assert.same({ nil, nil, nil, nil, { 5 } }, { metas[1], metas[2], metas[3], metas[4], metas[5] })
  end)

  it("reaches the where of channel:events, too", function()
    local news = following.channel()
    news:publish { data = "1", meta = 1 }
    news:publish { data = "2", meta = 2 }
    news:publish "3"
    local got = {}
    for ev in news:events { from = "oldest", where = function(ev) return ev.meta ~= 1 end } do
      got[#got + 1] = ev.data
      if ev.data == "3" then break end
    end
    assert.same({ "2", "3" }, got)
  end)

  it("is not taken from a publish whose dedupe is held", function()
    local seen
    local news = following.serve({}, function()
      return { from = "oldest", where = function(ev) seen = ev.meta return true end }
    end)
    news:publish { data = "x", dedupe = 1, meta = "first" }
    news:publish { data = "x", dedupe = 1, meta = "second" }
    following.open():till_data "x"
    assert.equal("first", seen)
  end)

  it("must be what a store could keep", function()
    local news = following.channel()
    for _, value in ipairs { print, coroutine.create(print), io.stdout } do
      blames("field 'meta' must be a table, a string, a number or a boolean, got " .. type(value),
        function() news:publish { data = "x", meta = value } end)
    end
    blames("meta", function() sse.encode { data = "x", meta = 1 } end)
  end)
end)
