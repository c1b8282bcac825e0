-- examples/mcp.lua in the revision 2026-07-28, which has only POST.
local call = require "examples.mcp.call"
local examples = require "spec.support.examples"
local mcp = require "spec.support.mcp"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local patience, limit = call.patience, call.limit
local INFO = "io.modelcontextprotocol/serverInfo"

local function ask(...) return mcp.ask(mcp.modern(...)) end

describe("example mcp, 2026-07-28", function()
  before_each(function() call.patience = 3600 * 1000 end)

  after_each(function()
    examples.stop()
    call.patience, call.limit = patience, limit
  end)

  it("says what it is, and lists its tools, for caches", function()
    mcp.serve()
    local fields = { ["server/discover"] = "supportedVersions", ["tools/list"] = "tools" }
    for method, field in pairs(fields) do
      local got = ask(method)
      assert.equal(200, got.status)
      local result = got.json.result
      assert.truthy(result[field][1])
      assert.equal("complete", result.resultType)
      assert.equal("public", result.cacheScope)
      assert.truthy(math.type(result.ttlMs) == "integer" and result.ttlMs > 0)
      assert.equal("lua-sse-example", result._meta[INFO].name)
    end
  end)

  it("answers by JSON, and keeps no session", function()
    mcp.serve()
    local got = ask("tools/call", { name = "echo", arguments = { a = 1 } })
    assert.same({ a = 1 }, got.json.result.structuredContent)
    assert.equal("complete", got.json.result.resultType)
    assert.is_nil(got.headers["mcp-session-id"])
  end)

  it("tells progress by a stream without ids", function()
    mcp.serve()
    local res = mcp.post(mcp.modern("tools/call", { name = "steps" }))
    mcp.go "step"
    mcp.go()
    assert.same({ " progress 1", " progress 2", " the end" }, mcp.rest(res))
  end)

  it("cancels a call whose client has left", function()
    local _, _, log = mcp.serve()
    local res = mcp.post(mcp.modern("tools/call", { name = "steps" }))
    mcp.till_waiting(1)
    res:close()
    log.till "call steps (id 1) cancelled: the client has left"
    assert.equal(1, mcp.closed)
  end)

  it("cancels a call whose client has left before its stream began", function()
    local _, _, log = mcp.serve()
    call.patience = 200
    local controller = sse.AbortController()
    local message, fields = mcp.modern("tools/call", { name = "wait" })
    fields["Content-Type"], fields.Accept = "application/json", "*/*"
    sse.spawn(function()
      serving.send("POST /mcp", fields, sse.json.encode(message), controller.signal)
    end)
    mcp.till_waiting(1)
    controller:abort()
    log.till "call wait (id 1) cancelled: the client has left"
    assert.equal(1, mcp.closed)
  end)

  it("bounds the calls that run", function()
    mcp.serve()
    call.limit = 0
    local got = ask("tools/call", { name = "echo" })
    assert.equal(429, got.status)
    assert.equal(1, got.json.id)
  end)

  it("tells who listens that the tools are others", function()
    local example = mcp.serve()
    local message, fields = mcp.modern("subscriptions/listen",
      { notifications = { toolsListChanged = true, promptsListChanged = true } }, "me")
    local res = mcp.post(message, fields)
    local next_event = res:events()
    local told = next_event():json()
    assert.equal("notifications/subscriptions/acknowledged", told.method)
    assert.same({ toolsListChanged = true }, told.params.notifications)
    example.reload()
    told = next_event():json()
    assert.equal("notifications/tools/list_changed", told.method)
    assert.equal("me", told.params._meta["io.modelcontextprotocol/subscriptionId"])
    res:close()
    serving.idle()
    example.reload()
  end)

  it("ends a subscription to nothing that it has", function()
    mcp.serve()
    for _, asked in ipairs { { promptsListChanged = true }, { toolsListChanged = false }, 3 } do
      local got = ask("subscriptions/listen", { notifications = asked })
      assert.truthy(got.text:find("acknowledged", 1, true))
      assert.truthy(got.text:find('"resultType":"complete"', 1, true))
    end
  end)

  it("has neither GET nor DELETE", function()
    mcp.serve()
    for _, method in ipairs { "GET", "DELETE" } do
      local got = serving.ask(method .. " /mcp",
        { Accept = "text/event-stream", ["MCP-Protocol-Version"] = "2026-07-28" })
      assert.equal(405, got.status)
      assert.equal("POST", got.headers.allow)
    end
    assert.equal(405, serving.request("HEAD /mcp").status)
  end)

  -- What is changed of a call of echo, and the status and code that the client gets.
  local mistakes = {
    { "no version header", headers = { ["MCP-Protocol-Version"] = false }, 400, -32020 },
    { "another version in the header", headers = { ["MCP-Protocol-Version"] = "2025-11-25" },
      400, -32020 },
    { "an unknown version", version = "2027-01-01", 400, -32022 },
    { "a version of sessions", version = "2025-11-25", 400, -32022 },
    { "a version that is no text", version = 3, 400, -32602 },
    { "no version in the body", version = false, 400, -32602 },
    { "no capabilities", capabilities = false, 400, -32602 },
    { "no method header", headers = { ["Mcp-Method"] = false }, 400, -32020 },
    { "another method in the header", headers = { ["Mcp-Method"] = "TOOLS/CALL" }, 400, -32020 },
    { "no name header", headers = { ["Mcp-Name"] = false }, 400, -32020 },
    { "another name in the header", headers = { ["Mcp-Name"] = "wait" }, 400, -32020 },
    { "a name that is no base64", headers = { ["Mcp-Name"] = "=?base64?*?=" }, 400, -32020 },
    { "an unknown method", method = "resources/list", 404, -32601 },
    { "a method of sessions", method = "initialize", 404, -32601 },
    { "an unknown tool", name = "none", 200, -32602 },
    { "arguments that are no object", arguments = 3, 200, -32602 },
    { "a name in base64", headers = { ["Mcp-Name"] = "=?base64?ZWNobw==?=" }, 200 },
    { "a token that is none", token = { 1 }, 200 },
    { "a token that is too long", token = ("x"):rep(257), 200 },
  }

  local function changed(mistake)
    local message, fields = mcp.modern(mistake.method or "tools/call",
      { name = mistake.name or "echo", arguments = mistake.arguments })
    local meta = message.params._meta
    if mistake.version ~= nil then
      meta["io.modelcontextprotocol/protocolVersion"] = mistake.version or nil
      if type(mistake.version) == "string" then
        fields["MCP-Protocol-Version"] = mistake.version
      end
    end
    if mistake.capabilities == false then
      meta["io.modelcontextprotocol/clientCapabilities"] = nil
    end
    meta.progressToken = mistake.token or meta.progressToken
    for name, value in pairs(mistake.headers or {}) do fields[name] = value end
    return message, fields
  end

  for _, mistake in ipairs(mistakes) do
    it("is told " .. mistake[1], function()
      mcp.serve()
      local got = mcp.ask(changed(mistake))
      assert.equal(mistake[2], got.status)
      assert.equal(mistake[3], got.json.error and got.json.error.code)
      assert.equal(1, got.json.id)
      if mistake[3] == -32022 then
        assert.same({ "2026-07-28" }, got.json.error.data.supported)
      end
    end)
  end

  it("takes notifications, and no responses", function()
    mcp.serve()
    local message, fields = mcp.modern "notifications/cancelled"
    message.id = nil
    assert.equal(202, mcp.ask(message, fields).status)
    message = { jsonrpc = "2.0", id = 1, result = {} }
    assert.equal(400, mcp.ask(message, fields).status)
  end)
end)

describe("example mcp, a tool's mistakes", function()
  after_each(function() examples.stop() end)

  -- What the tool does, what the client is told, what the log has.
  local faults = {
    raises = { function() error "at a place" end, "the tool failed", "at a place" },
    ["raises a table"] = { function() error {} end, "the tool failed", "table: " },
    ["gives a function"] = { function() return { f = print } end, "the tool failed", "function" },
    ["gives too much"] = { function() return ("x"):rep(600000) end, "the result is too large" },
    ["says what is wrong"] = { function() return nil, "no such town" end, "no such town" },
  }
  for name, fault in pairs(faults) do
    it("are told to the client in a word, and logged: it " .. name, function()
      local _, _, log = mcp.serve()
      mcp.give = fault[1]
      local got = ask("tools/call", { name = "give" })
      assert.is_true(got.json.result.isError)
      assert.equal(fault[2], got.json.result.content[1].text)
      if fault[3] then log.till(fault[3]) end
    end)
  end

  it("add no line of their own to the log, and no command for a terminal", function()
    local _, _, log = mcp.serve()
    mcp.give = function() error "no \27[2Jtown\nserver\tall is well\n\u{9b}1m" end
    ask("tools/call", { name = "give" })
    local line = log.till "failed"
    assert.falsy(line:find "[^\n\t\32-\126]" or line:find "\n[^\t]")
    assert.truthy(line:find("\n\tserver\tall is well", 1, true))
  end)

  it("may be any value", function()
    mcp.serve()
    for _, given in ipairs { 1.5, true, "\xff\0", { content = {} } } do
      mcp.give = function() return given end
      local result = ask("tools/call", { name = "give" }).json.result
      assert.is_nil(result.isError)
      wait.till(function() return result.content end)
    end
    mcp.give = function() end
    assert.equal("", ask("tools/call", { name = "give" }).json.result.content[1].text)
  end)
end)
