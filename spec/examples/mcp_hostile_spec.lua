-- examples/mcp.lua and what is no use to it: each request gets a status that says what is wrong.
local examples = require "spec.support.examples"
local mcp = require "spec.support.mcp"
local schema = require "examples.mcp.schema"
local serving = require "spec.support.serving"
local sse = require "sse"

local PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

-- Body, status, code; the headers of the request where they are others.
local BODIES = {
  { "", 400, -32700 }, { "{", 400, -32700 }, { "\0", 400, -32700 },
  { '{"jsonrpc":"2.0","id":1e999,"method":"ping"}', 400, -32700 },
  { '"\xff"', 400, -32700 }, { ("["):rep(2000), 400, -32700 },
  { "[]", 400, -32600 }, { "[" .. PING .. "]", 400, -32600 }, { "null", 400, -32600 },
  { "false", 400, -32600 }, { "3", 400, -32600 }, { "{}", 400, -32600 },
  { '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":1}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":true,"method":"ping"}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}', 400, -32600 },
  { ('{"jsonrpc":"2.0","id":"%s","method":"ping"}'):format(("x"):rep(257)), 400, -32600 },
  { '{"jsonrpc":"2.0","id":1,"method":3}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', 400, -32600 },
  { '{"jsonrpc":"2.0","id":1,"method":"none"}', 200, -32601 },
  { '{"jsonrpc":"2.0","id":1,"method":"run"}', 200, -32601 },
  { '{"jsonrpc":"2.0","id":1,"method":"initialize"}', 400, -32602 },
  { '{"jsonrpc":"2.0","id":1,"method":"tools/call"}', 200, -32602 },
  { '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{}}}', 200, -32602 },
  { '{"jsonrpc":"2.0","id":9223372036854775807,"method":"ping"}', 200 },
  { PING:gsub("}$", ',"params":{"_meta":3}}'), 200 },
  { '{"jsonrpc":"2.0","method":"none"}', 202 }, { '{"jsonrpc":"2.0","id":1,"result":{}}', 202 },
  { '{"jsonrpc":"2.0","method":"notifications/cancelled"}', 202 },
}

-- Headers that a ping has more or other than it should have, and the status.
local HEADERS = {
  { { Accept = "application/json" }, 406 }, { { Accept = "text/html" }, 406 },
  { { Accept = "*/*" }, 200 },
  { { Accept = "text/event-stream;q=0.5, application/json; charset=x" }, 200 },
  { { ["Content-Type"] = "text/plain" }, 415 }, { { ["Content-Type"] = "application/jsonx" }, 415 },
  { { ["Content-Type"] = "application/json; charset=utf-8" }, 200 },
  { { ["Mcp-Session-Id"] = false }, 400 }, { { ["Mcp-Session-Id"] = "x" }, 404 },
  { { ["MCP-Protocol-Version"] = "2025-11-25" }, 200 },
  { { ["MCP-Protocol-Version"] = "2025-06-18" }, 200 },
  { { ["MCP-Protocol-Version"] = "1999-01-01" }, 400 },
  { { ["MCP-Protocol-Version"] = "2026-07-28" }, 400 },
  { { Origin = "http://localhost:3000" }, 200 }, { { Origin = "https://127.0.0.1" }, 200 },
  { { Origin = "http://[::1]:80" }, 200 }, { { Origin = "http://evil.example" }, 403 },
  { { Origin = "http://localhost.evil.example" }, 403 }, { { Origin = "null" }, 403 },
  { { Origin = "http://evil.example:80/localhost" }, 403 }, { { Origin = "" }, 403 },
  { { Host = "evil.example" }, 403 }, { { Host = "localhost:9" }, 200 },
  { { Host = "127.0.0.1.evil.example:9522" }, 403 }, { { Host = "LOCALHOST" }, 200 },
}

local function shown(fields)
  local name, value = next(fields)
  return name .. ": " .. tostring(value)
end

describe("example mcp, what is no request", function()
  after_each(function() examples.stop() end)

  for i, case in ipairs(BODIES) do
    it(("a body: %d, %s"):format(i, case[1]:sub(1, 60):gsub("[^\32-\126]", "?")), function()
      mcp.serve()
      local session = mcp.session()
      local got = mcp.ask(case[1], session)
      assert.equal(case[2], got.status)
      assert.equal(case[3], got.json and got.json.error and got.json.error.code)
      assert.equal(200, mcp.ask(PING, session).status)
    end)
  end

  for _, case in ipairs(HEADERS) do
    it("a header: " .. shown(case[1]), function()
      mcp.serve()
      local session = mcp.session()
      for name, value in pairs(case[1]) do session[name] = value end
      assert.equal(case[2], mcp.ask(PING, session).status)
    end)
  end

  it("a body that is too large, and methods that it has not", function()
    mcp.serve()
    local session = mcp.session()
    assert.equal(413, mcp.ask(PING .. (" "):rep(2 ^ 20), session).status)
    for _, method in ipairs { "PUT", "PATCH" } do
      assert.equal(405, serving.ask(method .. " /mcp", session).status)
    end
  end)

  it("a GET without a session, of a stranger, or of what it can't take", function()
    mcp.serve()
    local id = mcp.session()["Mcp-Session-Id"]
    local stream = "text/event-stream"
    for fields, status in pairs {
      [{ Accept = stream }] = 400, [{ Accept = stream, ["Mcp-Session-Id"] = "x" }] = 404,
      [{ Accept = "application/json", ["Mcp-Session-Id"] = id }] = 406,
      [{ Accept = stream, ["Mcp-Session-Id"] = id, Origin = "http://evil.example" }] = 403,
    } do
      assert.equal(status, serving.ask("GET /mcp", fields).status)
    end
  end)

  it("pages: those of this machine may read the id of their session", function()
    mcp.serve()
    local ping = { Accept = "*/*", ["Content-Type"] = "application/json" }
    local origins = { ["http://localhost:6274"] = true, ["http://evil.example"] = false }
    for origin, allowed in pairs(origins) do
      ping.Origin = origin
      local got = serving.ask("POST /mcp", ping, PING)
      assert.equal(allowed and origin or nil, got.headers["access-control-allow-origin"])
      assert.equal(allowed and "Mcp-Session-Id" or nil,
        got.headers["access-control-expose-headers"])
    end
  end)

  it("a tool's name that is no text: no address of this process is told", function()
    mcp.serve()
    local session = mcp.session()
    for _, name in ipairs { {}, { 1 }, 3, false, sse.json.null } do
      local got = mcp.ask(mcp.message("tools/call", { name = name }), session)
      assert.same({ code = -32602, message = "'name' must be a string" }, got.json.error)
    end
  end)

  it("names that would spoil the log", function()
    local _, _, log = mcp.serve()
    local params = { protocolVersion = "2025-11-25",
      clientInfo = { name = "x\nserver all is well " .. ("y"):rep(100) } }
    assert.equal(200, mcp.ask(mcp.message("initialize", params)).status)
    local line = log.till "begins"
    assert.truthy(#line < 150 and not line:find "[\n]")
    params.clientInfo = 3
    assert.equal(200, mcp.ask(mcp.message("initialize", params)).status)
  end)

  it("bytes changed at random", function()
    mcp.serve()
    local session = mcp.session()
    local text = sse.json.encode(mcp.call("echo", { a = { 1, "two" } }))
    for seed = 1, 200 do
      math.randomseed(seed)
      local at = math.random(#text)
      local body = text:sub(1, at - 1) .. string.char(math.random(0, 255))
        .. text:sub(at + math.random(0, 3))
      local got = mcp.ask(body, session)
      assert.truthy(got.status < 500, body)
      assert.truthy(got.status == 202 or got.json, body)
    end
  end)
end)

describe("example mcp, the arguments of a tool", function()
  local count = { type = "integer", minimum = 1, maximum = 5 }
  local rule = {
    type = "object", required = { "n" }, additionalProperties = false,
    properties = {
      n = count, word = { type = "string", minLength = 2, maxLength = 3 },
      kind = { enum = { "a", "b", 3 } }, list = { type = "array", items = count },
      flag = { type = "boolean" }, any = {}, deep = { properties = { n = count } },
      either = { type = { "string", "null" } },
    },
  }
  local cases = {
    ['{"n":1}'] = true, ['{"n":5.0,"flag":false,"any":[null,{}]}'] = true,
    ['{"n":1,"word":"äöü","kind":3,"list":[1,2],"either":null}'] = true,
    ['{"n":1,"list":[]}'] = true, ["{}"] = "arguments.n is missing",
    ['{"n":"1"}'] = "arguments.n must be of type integer",
    ['{"n":1.5}'] = "arguments.n must be of type integer",
    ['{"n":null}'] = "arguments.n must be of type integer",
    ['{"n":0}'] = "arguments.n must be at least 1",
    ['{"n":6}'] = "arguments.n must be at most 5",
    ['{"n":1,"word":"x"}'] = "length of arguments.word must be at least 2",
    ['{"n":1,"word":"wxyz"}'] = "length of arguments.word must be at most 3",
    ['{"n":1,"kind":"c"}'] = "arguments.kind must be one of: a, b, 3",
    ['{"n":1,"list":[1,9]}'] = "arguments.list[1] must be at most 5",
    ['{"n":1,"list":{"a":1}}'] = "arguments.list must be of type array",
    ['{"n":1,"flag":0}'] = "arguments.flag must be of type boolean",
    ['{"n":1,"deep":{"n":9}}'] = "arguments.deep.n must be at most 5",
    ['{"n":1,"more":1}'] = "arguments.more is unknown",
    ["[1]"] = "arguments must be of type object",
  }
  for text, fault in pairs(cases) do
    it(text, function()
      local got = schema.fault(rule, sse.json.decode(text, { null = true }))
      assert.equal(fault, got or true)
    end)
  end
end)
