--- What each block of Lua in the pages and comments shows, by a piece of its code. `prints`: a part
-- of what it prints. `asks` and `gets`: a request to its server, and a part of the response.
-- `globals(to)`: what the block takes for granted; `to` are the spec's URLs. `client`: the block is
-- a client's, and is run against hostile servers, too: "source" prints what it hears, which are
-- events of the type `hears`, or of any; "reader" prints all events, and any end of a body is good
-- for it; "model" prints the text of a model's answer; "quiet" has nothing to say. False: no Lua.
local sse = require "sse"

local function with_server() return { server = sse.server() } end

local function with_news() return { channel = sse.channel "news" } end

local function with_secret() return { secret = sse.crypto.token(), user = "ann" } end

local function with_orders()
  local orders = sse.channel "orders"
  orders:publish "one"
  return { orders = orders }
end

-- What docs/models.md calls `ask`, `service` and `messages`.
local function with_model(to)
  return {
    ask = require "examples.models.openai",
    service = { url = to.models .. "/v1", key = "secret", model = "echo" },
    messages = { { role = "user", content = "Hello" } },
  }
end

local function failing()
  local server = sse.server()
  server:get("/", function() error { status = 503, message = "no database" } end)
  return { server = server }
end

local function with_admin()
  return { server = sse.server(), find_user = function() return nil end }
end

return {
  -- docs/
  ['server:get("/clock/:zone"'] = { asks = "GET /clock/here", gets = "data: " },
  ['server:get("/metrics"'] = {
    asks = "GET /metrics", gets = "sse_connections", globals = with_server,
  },
  ["sse.readable(io.stdin)"] = { globals = with_news },
  ['server:get("/clock", function(_, res)'] = {
    asks = "GET /clock", gets = "data: ", globals = with_server,
  },
  ["sse.jwt.sign("] = { globals = with_secret },
  ["sse.crypto.sign("] = { globals = with_secret },
  ['sse.json.get(ev.data, "choices"'] = {
    globals = function() return { ev = { data = "{}" } } end,
  },
  ["server:limit {"] = { globals = with_server },
  ["sse.url.encode(text)"] = { globals = function() return { text = "a b" } end },
  ["find_user(req.cookies.session)"] = {
    asks = "GET /admin/x", gets = "log in", globals = with_admin,
  },
  ["server.on_error = "] = {
    prints = "handler", asks = "GET /", gets = "no database", globals = failing,
  },
  ["token_url"] = { prints = "7", client = "source", globals = function(to)
    return { url = to.prices, token_url = to.token }
  end },
  ["body = question"] = { prints = "hello", client = "model", globals = function(to)
    return { url = to.chat, question = { model = "m" } }
  end },

  ['service.url .. "/chat/completions"'] = { prints = "blue?", client = "model" },
  ['service.url .. "/responses"'] = { prints = "blue?" },
  ['service.url .. "/v1/messages"'] = { prints = "blue?" },
  ['service.url .. "/api/chat"'] = { prints = "blue?" },
  ['sse.signal("SIGINT", function() controller'] = { prints = "Hello", globals = with_model },
  ["sse.AbortSignal.any"] = { prints = "true", globals = with_model },
  ["ask_patiently"] = { prints = "true", globals = with_model },
  ["the browser is slow"] = { asks = "POST /chat", gets = "event: done", globals = with_model },
  ["new_id"] = { asks = "POST /answers", gets = '"id":"', globals = function()
    return { ask = function(_, _, write) write "Hello" end, service = {} }
  end },

  ['sse.sqlite "events.db"'] = {},
  ['sse.redis "redis://10.0.0.5:6379"'] = {},

  -- comments
  ['sse.sqlite("events.db")'] = {},
  ["sse.workers { count = 4, listen"] = false,
  ['server:get("/", function(_, res) res:reply(200, "hello\\n")'] = {
    asks = "GET /", gets = "hello",
  },
  ['sse.redis("redis://127.0.0.1:6379")'] = {},
  ['event = "headline", data = { title'] = { globals = with_server },
  ["server:listen { host"] = { globals = with_server },
  ['access_log = "common" }\nsse'] = {},
  ["127.0.0.1 - - ["] = false,
  ['sse.channel("orders"):events'] = { prints = "message\tone", globals = with_orders },
  ["sse.decode(bytes)"] = {
    prints = "message\t1", globals = function() return { bytes = "data: 1\n\n" } end,
  },
  ["target:dispatchEvent"] = { globals = function()
    return { target = sse.AbortController().signal }
  end },
  ["sse.set_log("] = {},
  ["source.onmessage = function(ev) print(ev.data) end"] = { prints = "7", client = "source" },
  ["EventSource.fromReader("] = { prints = "7", client = "quiet" },
  ['sse.fetch("https://example.com/'] = { prints = "hello", client = "reader" },
}
