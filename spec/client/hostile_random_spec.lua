-- A server with random responses: legal, odd and broken heads and bodies, cut anywhere. Whatever it
-- sends, the client raises nothing, ends, and leaves nothing behind. SSE_HOSTILE_SEED and
-- SSE_HOSTILE_SCRIPTS choose the first seed and the number of scripts.
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local headers = require "sse.shared.headers"
local sse = require "sse"
local url_cases = require "spec.cases.url_cases"
local wait = require "spec.support.wait"

local FIRST = tonumber(os.getenv "SSE_HOSTILE_SEED" or "") or 1
local SCRIPTS = tonumber(os.getenv "SSE_HOSTILE_SCRIPTS" or "") or 150

local random = math.random

local function one_of(list) return list[random(#list)] end

local function noise(n)
  local bytes = {}
  for i = 1, random(0, n) do bytes[i] = string.char(random(0, 255)) end
  return table.concat(bytes)
end

local STATUS = { "200 OK", "200 OK", "200 OK", "200", "204 No", "206 P", "301 M", "302 F", "303 S",
  "307 T", "308 P", "304 N", "401 U", "429 T", "500 E", "503 S", "999 X", "99 X", "1000 X", "000",
  "101 S", "200 " .. ("x"):rep(9000), "2OO OK", "-1 X", "103 Early\r\n\r\nHTTP/1.1 200 OK" }
local VERSIONS = { "HTTP/1.1 ", "HTTP/1.1 ", "HTTP/1.1 ", "HTTP/1.0 ", "HTTP/9 ", "ICY ", "" }
local KINDS = { "text/event-stream", "text/event-stream;charset=x", "text/plain", "",
  "text/event-stream\27[2J", ";", (" "):rep(9000) .. "x", "text/event-stream, text/html" }
local FIELDS = {
  function() return "Retry-After: " .. one_of { "0", "1", "-1", "1e9", ("9"):rep(5000), "soon",
    "Sun, 99 Feb 9999 99:99:99 GMT", "Sun, 06 Nov 1994 08:49:37 GMT" } end,
  function() return "Set-Cookie: " .. one_of { "a=b", "=", "a=b; Domain=.", "a=" .. ("x"):rep(5000),
    "a=b; Expires=x; Max-Age=99999999999999999999", ("a=b; "):rep(500) } end,
  function() return "Content-Length: " .. one_of { "0", "1", "99999", "-1", "x",
    "18446744073709551616", "1, 1" } end,
  function() return "Transfer-Encoding: " .. one_of { "chunked", "gzip", "chunked, chunked" } end,
  function() return "Content-Encoding: " .. one_of { "gzip", "br", "deflate", "identity", "x" } end,
  function() return noise(30):gsub("[\r\n]", "") .. ": " .. noise(30):gsub("[\r\n]", "") end,
  function() return ("X: y\r\n"):rep(random(1, 150)) .. "X: z" end,
  function() return " folded" end, function() return "no colon" end,
  function() return "Connection: " .. one_of { "close", "keep-alive", "upgrade" } end,
}
local LINES = { "data: x\n", "data: x\n\n", "data\n\n", ":\n", ": comment\r\n", "id: 1\n", "id\n",
  "id: \0\n", "id: \127\n", "id: " .. ("i"):rep(9000) .. "\n", "event: error\n", "event: open\n",
  "event: *\n", "event: __index\n", "event: message\n", "event: abort\n", "\r", "\n", "\r\n\r\n",
  "retry: 0\n", "retry: 1\n", "retry: 99999999999999999999\n", "retry: 9223372036854775807\n",
  "retry: x\n", "data: {\"a\":[1,2,{}]}\n\n", "data: " .. ("["):rep(3000) .. "\n\n",
  "\239\187\191", "\255\254", "data: [DONE]\n\n", "data: " .. ("x"):rep(70000) .. "\n\n" }

local function location(server)
  local case = one_of { function() return one_of(url_cases)[1] end,
    function() return server:url "/again" end, function() return "/" .. noise(20) end }
  return "Location: " .. case():gsub("[\r\n\0]", "")
end

local function body()
  local parts = {}
  for i = 1, random(0, 12) do parts[i] = random(8) == 1 and noise(50) or one_of(LINES) end
  local text = table.concat(parts)
  if random(3) > 1 then return text end
  return ("%x\r\n%s\r\n"):format(#text, text) .. one_of { "0\r\n\r\n", "", "zz\r\n", "-1\r\n" }
end

local GOOD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

local function response(server)
  local kind = random(4)
  if kind == 1 then return GOOD .. "\r\n" .. body() end
  if kind == 2 then return GOOD .. one_of(FIELDS)() .. "\r\n\r\n" .. body() end
  if kind == 3 then return "HTTP/1.1 302 F\r\n" .. location(server) .. "\r\n\r\n" end
  local head = { one_of(VERSIONS) .. one_of(STATUS) }
  if random(4) > 1 then head[#head + 1] = "Content-Type: " .. one_of(KINDS) end
  if random(3) == 1 then head[#head + 1] = location(server) end
  for _ = 1, random(0, 3) do head[#head + 1] = one_of(FIELDS)() end
  local text = table.concat(head, "\r\n") .. "\r\n\r\n" .. body()
  if random(20) == 1 then text = noise(500) end
  return random(5) == 1 and text:sub(1, random(0, #text)) or text
end

local function serve()
  local server
  server = fixture.serve(function(conn)
    conn:send(response(server))
    local ending = random(4)
    if ending == 1 then conn:reset() elseif ending < 4 then conn:close() end
  end)
  return server
end

-- Reads every field of an event or a failure.
local function look(ev)
  assert(tostring(ev))
  if type(ev) == "table" and rawget(ev, "data") then ev:json() end
  for name, value in pairs(ev.headers or {}) do assert(ev.headers[name:upper()] == value) end
  if ev.failure then assert(tostring(ev.failure)) end
end

local clients = {}

function clients.source(server, options, done)
  options.retryInterval, options.minRetryInterval, options.maxRetryInterval = 1, 1, 3
  options.reconnect = one_of { "spec", "resilient",
    function() return select(random(3), 1, nil, false), nil end }
  options.maxRetries, options.heartbeatTimeout = 4, 60
  options.oncomment = random(2) == 1 and look or nil
  local source = sse.EventSource(server:url "/", options)
  for _, name in ipairs { "onmessage", "onopen" } do source[name] = look end
  source:addEventListener("*", look)
  source.onerror = function(ev)
    look(ev)
    if source.readyState == 2 then done() end
  end
  core.after(150, function() source:close() done() end)
end

function clients.fetch(server, options, done)
  local controller = sse.AbortController()
  options.signal = controller.signal
  core.after(100, function() controller:abort() end)
  sse.spawn(function()
    local res, message, code, why = sse.fetch(server:url "/", options)
    if not res then
      assert(message and code and why)
    else
      local read = random(4)
      if read == 1 then res:text() elseif read == 2 then res:json() end
      if read == 3 then for line in res:lines() do assert(line) end end
      if read == 4 then for ev in res:events { untilData = "[DONE]" } do look(ev) end end
      look(res)
    end
    done()
  end)
end

function clients.callbacks(server, options, done)
  local n = 0
  options.onmessage, options.onclose = look, function() error("again", 0) end
  options.onerror = function(why)
    look(why)
    n = n + 1
    return n < 4 and 1
  end
  local handle = sse.fetchEventSource(server:url "/", options)
  core.after(150, function() handle:close() end)
  sse.spawn(function()
    handle:wait()
    done()
  end)
end

describe("a server that answers at random", function()
  after_each(fixture.finish)

  it(("raises nothing in a client: %d scripts from seed %d"):format(SCRIPTS, FIRST), function()
    for first = FIRST, FIRST + SCRIPTS - 1, 30 do
      local over, count = 0, math.min(30, FIRST + SCRIPTS - first)
      for seed = first, first + count - 1 do
        math.randomseed(seed)
        local options = { withCredentials = random(2) == 1, httpVersion = "1.1", proxy = "" }
        local client = clients[one_of { "source", "source", "fetch", "callbacks" }]
        if client ~= clients.fetch then
          options.log = function(_, message) assert(message) end
        end
        local told = false
        client(serve(), options, function()
          if not told then over, told = over + 1, true end
        end)
      end
      wait.till(function() return over == count end, "the clients of seed " .. first)
      fixture.finish()
    end
  end)

  it("leaves headers that can be asked for anything", function()
    local list = headers.response { "__index", "a", "a", "b", "A", "c", "", "d", "Set-Cookie", "e",
      "set-cookie", "f" }
    assert.same({ "a", "b, c", "d", "e\nf" },
      { list.__index, list.A, list[""], list["SET-cookie"] })
    assert.is_nil(list[1] or list[{}] or list.__name)
  end)
end)
