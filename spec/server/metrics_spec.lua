-- server:stats and server:metrics: everything that is refused, skipped or closed is counted.
local certs = require "spec.support.certs"
local exposition = require "spec.support.exposition"
local keep = require "spec.support.kept"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local channels = {}

local function channel(name, options)
  local made = sse.channel(name, options or {})
  channels[#channels + 1] = made
  return made
end

local function samples(server)
  return (exposition.read((server:metrics())))
end

local function follow(path, id)
  local client = serving.connect()
  client:send(("GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n"):format(path,
    id and "Last-Event-ID: " .. id .. "\r\n" or ""))
  assert.equal(200, client:head().status)
  return client
end

local function route(path, made, options)
  return function(server)
    server:get(path, function(_, res) res:event_stream():follow(made, options or {}) end)
  end
end

-- Publishes until a client that does not read is behind, its socket buffers being full.
local function publish_till(made, done)
  local data = ("x"):rep(60000)
  wait.till(function()
    assert(made:publish(data))
    return done()
  end, "a slow follower")
end

describe("metrics", function()
  after_each(function()
    serving.stop()
    for _, made in ipairs(channels) do made:close() end
    channels = {}
  end)

  it("has what a server counts", function()
    local server = serving.start({ max_connections = 2, max_body_size = 10 }, function(s)
      s:post("/", function(_, res) res:reply(204) end)
      s:get("/stream", function(_, res) keep(res:event_stream { max_pending = 100 }):send "x" end)
    end)
    local client = serving.connect()
    assert.equal(204, client:request("POST /", {}, "x").status)
    local bad = serving.request("POST /", {}, ("x"):rep(11))
    assert.equal(413, bad.status)
    raw.pump(function() return server:stats().connections.open == 1 end, "its end")
    local stream = follow "/stream"
    local third = serving.connect()
    assert.equal(503, third:request("GET /").status)
    third:close()
    local got = samples(server)
    assert.equal(3, got.sse_connections_accepted_total)
    assert.equal(1, got.sse_connections_refused_total)
    assert.equal(2, got.sse_requests_received_total)
    assert.equal(1, got["sse_requests_refused_total{status=413}"])
    assert.is_nil(got["sse_requests_refused_total{status=503}"])
    assert.equal(1, got.sse_streams_open)
    assert.equal(1, got.sse_streams_opened_total)
    assert.is_true(got.sse_traffic_received_bytes_total > 100)
    assert.is_true(got.sse_traffic_sent_bytes_total > 100)
    stream:close()
    client:close()
    serving.idle()
    got = samples(server)
    assert.equal(0, got.sse_streams_open)
    assert.equal(0, got.sse_connections_open)
    assert.equal(0, got.sse_memory_pending_bytes)
    assert.equal(1, got["sse_streams_ended_total{reason=client}"])
    assert.equal(2, got["sse_connections_closed_total{reason=client}"])
    assert.equal(2, got["sse_connections_closed_total{reason=server}"])
  end)

  it("counts requests that did not arrive in time, by status", function()
    local server = serving.start { head_timeout = 20, body_timeout = 20, idle_timeout = 20 }
    local half_a_body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx"
    for _, text in ipairs { "GET / HT", half_a_body } do
      local client = serving.connect()
      client:send(text)
      assert.equal(408, client:response().status)
      client:close()
    end
    local silent = serving.connect()
    assert.equal("", silent:receive_all())
    local stats = server:stats()
    assert.same({ [408] = 2 }, stats.requests.refused)
    assert.equal(1, stats.connections.closed.timeout)
  end)

  it("counts sends that were refused", function()
    local stream
    local server = serving.start({ max_pending = 4096 }, function(s)
      s:get("/", function(_, res) stream = res:event_stream() end)
    end)
    local client = follow "/"
    assert.equal("ETOOBIG", select(3, stream:send(("x"):rep(5000))))
    assert.equal("ETOOBIG", select(3, stream:comment(("x"):rep(5000))))
    local data, refused = ("x"):rep(4000), 0
    wait.till(function()
      local ok, why = stream:send(data)
      if not ok then
        assert.equal("full", why)
        refused = refused + 1
      end
      return refused == 3
    end, "a full stream")
    local got = samples(server)
    assert.equal(3, got["sse_sends_refused_total{reason=full}"])
    assert.equal(2, got["sse_sends_refused_total{reason=oversized}"])
    assert.is_true(got.sse_memory_pending_bytes > 0 and got.sse_memory_pending_bytes <= 4096 + 20)
    client:close()
  end)

  it("has what a channel counts", function()
    local news = channel("news", { history = 3 })
    local server = serving.start(route("/news", news, { where = function(ev)
      return ev.data ~= "no"
    end }))
    local client = follow "/news"
    raw.pump(function() return news.followers == 1 end, "the follower")
    local first = news:publish { data = "one", dedupe = "d" }
    news:publish { data = "one", dedupe = "d" }
    local second = news:publish { data = "no", id = "own" }
    assert.equal("EEXIST", select(3, news:publish { data = "x", id = "own" }))
    client:receive_until "data: one\n\n"
    for _ = 1, 3 do news:publish "later" end
    for _ = 1, 3 do client:receive_until "data: later\n\n" end
    local others = {}
    for i, id in ipairs { first, "strange", news.last_id } do
      others[i] = follow("/news", id)
      if i < 3 then others[i]:receive_until "event: sse%-gap" end
    end
    raw.pump(function() return news.followers == 4 end, "the followers")
    assert.equal("own", second)
    local got = samples(server)
    local function of(name, more)
      return got[("sse_channel_%s{channel=news%s}"):format(name, more or "")]
    end
    assert.equal(4, of "followers")
    assert.equal(5, of "events_published_total")
    assert.equal(1, of "publishes_repeated_total")
    assert.equal(1, of "publishes_refused_total")
    assert.equal(3, of "history_events")
    assert.is_true(of "history_bytes" > 3 * #"data: later\n\n")
    assert.equal(4 + 3 + 3, of "events_delivered_total") -- live, and all that was held, twice
    assert.is_true(of "events_delivered_bytes_total" > 10 * #"data: one\n\n")
    assert.equal(1, of "events_filtered_total")
    assert.equal(1, of("gaps_total", ",reason=expired"))
    assert.equal(1, of("gaps_total", ",reason=unknown"))
    assert.equal(0, of("gaps_total", ",reason=slow"))
    assert.equal(1, of("replays_total", ",result=hit"))
    assert.equal(2, of("replays_total", ",result=miss"))
    assert.equal(4, of "delay_seconds_count")
    assert.is_true(of "delay_seconds_sum" > 0 and of "delay_seconds_sum" < 60)
    assert.equal(4, of("delay_seconds_bucket", ",le=+Inf"))
    client:close()
    for _, other in ipairs(others) do other:close() end
  end)

  it("counts followers closed for being slow", function()
    local made = channel("slow", { history = 10 })
    local server = serving.start(route("/", made))
    local client = follow "/"
    raw.pump(function() return made.followers == 1 end, "the follower")
    publish_till(made, function() return made:stats().slow.followers_closed > 0 end)
    wait.till(function() return made.followers == 0 end, "its end")
    local got = samples(server)
    assert.equal(1, got["sse_channel_slow_followers_closed_total{channel=slow}"])
    client:close()
    serving.idle()
    assert.equal(1, samples(server)["sse_streams_ended_total{reason=slow}"])
  end)

  it("counts what slow followers never got", function()
    local made = channel("skipping", { history = 10, slow = "skip" })
    local server = serving.start(route("/", made))
    local client = follow "/"
    raw.pump(function() return made.followers == 1 end, "the follower")
    local written = 0
    -- Publishes until the client's buffers are full, so that nothing more is sent.
    wait.till(function()
      local before = server:stats().traffic.sent_bytes
      for _ = 1, 20 do made:publish(("x"):rep(60000)) end
      wait.past(1)
      written = written + 1
      return written > 3 and server:stats().traffic.sent_bytes == before
    end, "a client that is behind")
    for _ = 1, 10 do made:publish(("x"):rep(60000)) end
    client:receive_until "event: sse%-gap\ndata: [^\n]*\"slow\""
    local got = samples(server)
    assert.is_true(got["sse_channel_slow_events_skipped_total{channel=skipping}"] >= 10)
    assert.equal(1, got["sse_channel_gaps_total{channel=skipping,reason=slow}"])
    client:close()
  end)

  it("counts what a newer event of its key replaced", function()
    local made = channel("latest", { slow = "latest" })
    local server = serving.start()
    for i = 1, 3 do made:publish { data = "x", key = i < 3 and "a" or "b" } end
    assert.equal(1, samples(server)["sse_channel_events_superseded_total{channel=latest}"])
  end)

  it("counts the handshakes of TLS", function()
    local server = serving.start { tls = certs.server() }
    local got = samples(server)
    assert.equal(0, got.sse_tls_handshakes_total)
    for _ = 1, 2 do
      local url = ("https://127.0.0.1:%d/"):format(server.port)
      local res = assert(sse.fetch(url, { httpVersion = "1.1", tls = certs.client() }))
      assert.equal(404, res.status)
      assert(res:text())
      serving.idle()
    end
    local stranger = serving.connect()
    stranger:send "\22\3\1"
    stranger:close()
    raw.pump(function() return server:stats().tls.handshakes_failed == 1 end, "the failure")
    got = samples(server)
    assert.equal(2, got.sse_tls_handshakes_total)
    assert.equal(1, got.sse_tls_handshakes_resumed_total)
    assert.equal(1, got.sse_tls_handshakes_failed_total)
  end)

  it("escapes names, and writes what is no UTF-8 as numbers", function()
    local name = 'a "quoted" \\ name\nof two lines é \xff'
    channel(name)
    local server = serving.start()
    local got = samples(server)
    local shown = name:gsub("\xff", "\\xFF")
    assert.equal(0, got[("sse_channel_followers{channel=%s}"):format(shown)])
  end)

  it("goes out with its type", function()
    local server = serving.start(function(s)
      s:get("/metrics", function(_, res) res:reply(200, s:metrics()) end)
    end)
    local response = serving.request "GET /metrics"
    assert.equal("text/plain; version=0.0.4; charset=utf-8", response.headers["content-type"])
    assert.equal(1, exposition.read(response.body).sse_requests_received_total)
    assert.equal(0, server:stats().sends.refused.full)
  end)

  it("is what promtool takes, where that is installed", function()
    if not os.execute "command -v promtool >/dev/null 2>&1" then return pending "no promtool" end
    channel 'strange "name"\\\n'
    local server = serving.start { max_body_size = 1 }
    assert.equal(413, serving.request("POST /", {}, "xx").status)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write((server:metrics()))
    file:close()
    local command = "env -u LD_PRELOAD promtool check metrics <%s 2>&1"
    local pipe = assert(io.popen(command:format(path)))
    local output = pipe:read "a"
    local ok = pipe:close()
    os.remove(path)
    assert.equal("", output)
    assert.is_true(ok)
  end)

  it("leaves the channels out where it is told to", function()
    channel "news"
    local server = serving.start()
    local text, fields = server:metrics { channels = false }
    assert.is_nil(text:find("sse_channel_", 1, true))
    assert.equal(0, exposition.read(text).sse_streams_open)
    assert.same({ ["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8" }, fields)
    for _, given in ipairs { {}, { channels = true } } do
      local got = exposition.read((server:metrics(given)))
      assert.equal(0, got["sse_channel_followers{channel=news}"])
    end
  end)
end)
