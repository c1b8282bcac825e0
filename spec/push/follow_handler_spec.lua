-- sse.follow: a handler whose event stream follows channels, over each transport.
local following = require "spec.support.following"
local misuse = require "spec.support.misuse"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local blames = misuse.blames

serving.each("sse.follow", function()
  after_each(following.stop)

  local function serve(handler, options)
    return following.handle(handler, options)
  end

  it("sends what is published", function()
    local news = following.channel()
    serve(sse.follow(news))
    local client = serving.listen()
    following.followers(news, 1)
    news:publish { event = "tick", data = "one" }
    assert.truthy(client:till("data: one\n\n"):find("event: tick", 1, true))
    news:close()
    assert.is_nil((select(2, client:rest())))
  end)

  it("begins at the client's Last-Event-ID, or where `from` says", function()
    local news = following.channel()
    local ids = following.count(news, 1, 5)
    serving.start(function(server)
      server:get("/all", sse.follow(news, { from = "oldest" }))
      server:get("/two", sse.follow(news, { from = 2 }))
      server:get("/new", sse.follow(news, {}))
    end)
    for _, case in ipairs { { "all", 1 }, { "two", 4 }, { "new", 6 } } do
      local path, first = table.unpack(case)
      local client = serving.listen("/" .. path)
      following.followers(news, 1)
      if path == "new" then news:publish "6" end
      local text = client:till(("data: %d\n\n"):format(path == "new" and 6 or 5))
      assert.is_nil(text:find(("data: %d\n"):format(first - 1), 1, true), text)
      assert.truthy(text:find(("data: %d\n"):format(first), 1, true), text)
      client:close()
      following.followers(news, 0)
    end
    local client = serving.listen("/all", { ["Last-Event-ID"] = ids[4] })
    local text = client:till "data: 6\n\n"
    assert.is_nil(text:find("data: 4\n", 1, true), text)
  end)

  it("follows several channels with one id", function()
    local one, two = following.channel(), following.channel()
    one:publish "1"
    two:publish "2"
    serve(sse.follow(one, two, { from = "oldest" }))
    local client = serving.listen()
    local text = client:till "data: 2\n\n"
    assert.truthy(text:find("data: 1\n", 1, true), text)
    local last = text:match "id: ([^\n]+)\n[^\n]*\n?data: 2\n" or text:match ".*id: ([^\n]+)\n"
    client:close()
    two:publish "3"
    local again = serving.listen("/", { ["Last-Event-ID"] = last }):till "data: 3\n\n"
    assert.is_nil(again:find("data: [12]\n"), again)
  end)

  it("asks `where` with the event and the request", function()
    local news, seen = following.channel(), {}
    serving.start(function(server)
      server:get("/:user", sse.follow(news, { from = "oldest", where = function(event, req)
        seen[#seen + 1] = req.params.user .. " " .. event.data
        return event.data == req.params.user or event.data == "all"
      end }))
    end)
    local ann, bob = serving.listen "/ann", serving.listen "/bob"
    following.followers(news, 2)
    for _, data in ipairs { "ann", "bob", "all" } do news:publish(data) end
    local text = ann:till "data: all\n\n"
    assert.truthy(text:find "data: ann\n" and not text:find "data: bob\n", text)
    text = bob:till "data: all\n\n"
    assert.truthy(text:find "data: bob\n" and not text:find "data: ann\n", text)
    assert.equal(6, #seen)
  end)

  it("is a 410 when one of the channels is closed", function()
    local news, more = following.channel(), following.channel()
    serve(sse.follow(news, more))
    more:close()
    local got = serving.ask "GET /"
    assert.equal(410, got.status)
    assert.equal("Gone\n", got.body)
    assert.equal(0, news.followers)
    assert.is_nil(got.headers.location)
  end)

  it("answers HEAD by the head, and follows nothing", function()
    local news = following.channel()
    serve(sse.follow(news))
    local got = serving.ask "HEAD /"
    assert.equal(200, got.status)
    assert.equal("text/event-stream", got.headers["content-type"])
    assert.equal(0, news.followers)
  end)

  it("has the fields that a handler around it keeps, and those of CORS", function()
    local news = following.channel()
    local handler = sse.follow(news)
    serve(function(req, res)
      res:header("X-Mine", "1")
      handler(req, res)
    end, { cors = true })
    local client = serving.listen("/", { Origin = "https://a.example" })
    assert.equal("1", client.headers["x-mine"])
    assert.equal("*", client.headers["access-control-allow-origin"])
  end)

  it("is over when its client leaves, and keeps no request", function()
    local news = following.channel()
    local kept = setmetatable({}, { __mode = "v" })
    local handler = sse.follow(news, { where = function() return true end })
    serve(function(req, res)
      kept.req, kept.res = req, res
      handler(req, res)
    end)
    local client = serving.listen()
    following.followers(news, 1)
    client:close()
    following.followers(news, 0)
    raw.pump(function()
      collectgarbage()
      return not kept.req and not kept.res
    end, "the request to be collected")
  end)

  it("sends nothing to a client that left before the handler was called", function()
    local news, go, over = following.channel(), nil, nil
    local handler = sse.follow(news)
    serving.start({ idle_timeout = 50 }, function(server)
      server:get("/", function(req, res)
        go = true
        while not res.closed do sse.sleep(1) end
        handler(req, res)
        over = true
      end)
    end)
    local leave = serving.begin "GET /"
    raw.pump(function() return go end, "the handler")
    leave()
    raw.pump(function() return over end, "the handler's end")
    assert.equal(0, news.followers)
  end)
end)

describe("misuse of sse.follow", function()
  after_each(following.stop)

  it("blames the caller, when the handler is made", function()
    local news = following.channel()
    blames("sse.follow: expected a channel", function() sse.follow() end)
    blames("sse.follow: expected a channel", function() sse.follow {} end)
    blames('sse.follow: argument 1 must be a channel, got string "news"',
      function() sse.follow "news" end)
    blames("sse.follow: argument 2 must be a channel, got function",
      function() sse.follow(news, print) end)
    blames(("sse.follow: channel '%s' comes twice"):format(news.name),
      function() sse.follow(news, following.channel(), news) end)
    blames("sse.follow: option 'from' must be \"newest\", \"oldest\" or a whole number",
      function() sse.follow(news, { from = -1 }) end)
    blames("sse.follow: unknown option 'filter' (did you mean 'where'?)",
      function() sse.follow(news, { filter = print }) end)
    local many = {}
    for i = 1, 65 do many[i] = following.channel() end
    blames("sse.follow: a stream follows at most 64 channels",
      function() sse.follow(table.unpack(many)) end)
    sse.follow(table.unpack(many, 1, 64))
  end)
end)
