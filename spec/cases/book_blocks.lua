--- What each block of Lua in docs/howto shows: for each page a table in the form of
-- spec/cases/code_blocks.lua. Beside what that has: `asks` and `gets` may be lists, of several
-- requests one after the other, with `headers`; `after` names blocks of the same page, by a piece
-- of the code of each, that go before.
local sse = require "sse"

local ADA = { Authorization = "Bearer s3cret" }
local PER_USER = { "channel_of(user)" }

local function with_relay()
  local server = sse.server()
  return { server = server, news = sse.channel "hub" }
end

return {
  ["README.md"] = {
    ["sse.EventSource"] = { prints = "time\tnoon", client = "source", hears = "time" },
    ["news:publish{"] = { asks = { "POST /news", "GET /news" }, gets = { "", "id: " } },
    ["sse.fetch("] = {
      prints = "hello", client = "model", globals = function() return { messages = {} } end,
    },
    ["sse.parser{"] = { prints = "tick\t1" },
  },
  ["docs/howto/follow.md"] = {
    ["keep_id(ev.lastEventId)"] = { prints = "message\t7", client = "source" },
    ["2 ^ attempt, 60000"] = { prints = "7", client = "source" },
  },
  ["docs/howto/relay.md"] = {
    ["prices:publish(ev)"] = { asks = "GET /prices?from=x", gets = "data: 7" },
    ["upstream:events()"] = { asks = "GET /orders", gets = "data: 7" },
  },
  ["docs/howto/progress.md"] = {
    ['server:post("/jobs"'] = {
      asks = { "POST /jobs", "GET /jobs/1" }, gets = { '"id":"1"', "event: done" },
    },
    ["sse.sleep(0)"] = {},
    ["io.popen(command)"] = { prints = "compiling\nlinking\nover" },
  },
  ["docs/howto/dashboard.md"] = {
    ['slow = "latest"'] = {
      asks = { "GET /numbers", "GET /" }, gets = { "event: number", "lua-sse" },
    },
    ['server:get("/numbers/:name"'] = {
      after = { 'slow = "latest"' }, asks = "GET /numbers/memory", gets = '"memory"',
    },
  },
  ["docs/howto/per-user.md"] = {
    ["channel_of(user)"] = {
      asks = { "POST /messages/ada", "GET /events" }, gets = { "", "id: " }, headers = ADA,
    },
    ["meta = { to"] = { after = PER_USER, asks = "GET /news", gets = "id: ", headers = ADA },
    ['server:delete("/session"'] = {
      after = PER_USER, asks = { "GET /events", "DELETE /session" }, gets = { "id: ", "" },
      headers = ADA,
    },
  },
  ["docs/production.md"] = { -- systemd passes no socket here
    ['server:get("/health"'] = { asks = "GET /health", gets = "fine" },
    ["server:listen { port = 9523, proxy_protocol = true }"] = {},
    ['inside:get("/metrics"'] = {
      after = { 'server:get("/health"' }, asks = "GET /metrics", gets = "sse_streams_open",
    },
    ["assert(server:listen { systemd = true })"] = false,
    ["sse.workers {"] = false, -- spec/workers
  },
  ["docs/howto/two-processes.md"] = {
    ["assert(sse.workers {"] = false, -- spec/workers/store_spec.lua
    ['sse.sqlite "events.db"'] = {},
    ['sse.redis "redis://10.0.0.5:6379"'] = {},
    ["PUBLISH_KEY"] = {
      asks = "POST /news", gets = '"id":', headers = { Authorization = "Bearer secret" },
    },
    ["127.0.0.1:9522/hub"] = { asks = "GET /news", gets = "id: " },
    ['server:get("/hub"'] = { asks = "GET /hub", gets = "id: ", globals = with_relay },
  },
  ["docs/howto/test-handlers.md"] = {
    ["-- news.lua"] = {},
    ["-- news_spec.lua"] = false,
  },
  ["docs/howto/migrate.md"] = {
    ['sse.EventSource "http://127.0.0.1:9522/clock"\nsource.onerror'] = {
      prints = "noon", client = "source",
    },
    ["-- nchan's defaults"] = { asks = { "POST /pub/1", "GET /sub/1" }, gets = { "", "data: x" } },
  },
}
