-- examples/mcp.lua in the revision 2025-11-25: sessions, streams, what becomes of them.
local call = require "examples.mcp.call"
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local legacy = require "examples.mcp.legacy"
local mcp = require "spec.support.mcp"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local patience, limit = call.patience, call.limit
local max_idle, max_sessions, ended_kept =
  legacy.max_idle, legacy.max_sessions, legacy.ended_kept

describe("example mcp, 2025-11-25", function()
  before_each(function() call.patience = 3600 * 1000 end)

  after_each(function()
    examples.stop()
    call.patience, call.limit = patience, limit
    legacy.max_idle, legacy.max_sessions = max_idle, max_sessions
    legacy.ended_kept = ended_kept
  end)

  it("begins a session with the version that it knows", function()
    mcp.serve()
    local session, got = mcp.session()
    assert.equal(200, got.status)
    assert.truthy(session["Mcp-Session-Id"]:find "^%x+$")
    assert.equal(32, #session["Mcp-Session-Id"])
    assert.equal("2025-11-25", got.json.result.protocolVersion)
    assert.is_true(got.json.result.capabilities.tools.listChanged)
    for asked, given in pairs { ["2025-06-18"] = "2025-06-18", ["1999-01-01"] = "2025-11-25" } do
      assert.equal(given, select(2, mcp.session(asked)).json.result.protocolVersion)
    end
  end)

  it("lists the tools, and nothing of how they work", function()
    mcp.serve()
    local session = mcp.session()
    local tools = mcp.ask(mcp.message "tools/list", session).json.result.tools
    assert.equal("echo", tools[1].name)
    assert.is_nil(tools[1].run)
    assert.equal("{}", mcp.ask(mcp.message "ping", session).text:match '"result":(%b{})')
  end)

  it("answers by JSON: a table as structured content, and as text", function()
    mcp.serve()
    local big = 9007199254740993
    local got = mcp.ask(mcp.call("echo", { n = big }, big), mcp.session())
    assert.equal(big, got.json.id)
    assert.same({ n = big }, got.json.result.structuredContent)
    assert.equal(('{"n":%d}'):format(big), got.json.result.content[1].text)
    assert.equal("application/json", got.headers["content-type"])
  end)

  it("answers a slow tool by JSON within its patience, and by a stream after it", function()
    mcp.serve()
    local session = mcp.session()
    for given, type_of in pairs { [3600 * 1000] = "application/json", [1] = "text/event-stream" } do
      call.patience = given
      local res
      sse.spawn(function() res = mcp.post(mcp.call "wait", session) end)
      if given == 1 then wait.till(function() return res end, "the stream") end
      mcp.go "done"
      wait.till(function() return res end, "the response")
      assert.equal(type_of, res.headers["content-type"])
      assert.truthy(res:text():find('"text":"done"', 1, true))
    end
  end)

  it("tells progress by a stream whose first event has only an id", function()
    mcp.serve()
    local res = mcp.post(mcp.call "steps", mcp.session())
    mcp.go "step"
    mcp.go()
    assert.same({ "1-1 -", "1-2 progress 1", "1-3 progress 2", "1-4 the end" }, mcp.rest(res))
    assert.equal("no", res.headers["x-accel-buffering"])
  end)

  it("goes on with a tool whose client was lost, and gives the rest to who comes back", function()
    local _, _, log = mcp.serve()
    local session = mcp.session()
    local res = mcp.post(mcp.call "steps", session)
    mcp.till_waiting(1)
    res:close()
    log.till "stream 1 lost its client"
    mcp.go "step"
    local back = mcp.get(session, "1-2")
    log.till "stream 1 goes on after event 2"
    mcp.go()
    assert.same({ "1-3 progress 2", "1-4 the end" }, mcp.rest(back))
    assert.same({ "1-4 the end" }, mcp.rest(mcp.get(session, "1-3"))) -- it may be lost again
    assert.equal(204, mcp.get_status(session, "1-4"))
    for _, id in ipairs { "1-5", "2-1", "1-99999999999999999999", "x", "-" } do
      assert.equal(400, mcp.get_status(session, id))
    end
  end)

  it("sends each event over one connection: the last that asked for the stream", function()
    mcp.serve()
    local session = mcp.session()
    local first = mcp.post(mcp.call "steps", session)
    mcp.till_waiting(1)
    local second = mcp.get(session, "1-1")
    assert.same({ "1-1 -", "1-2 progress 1" }, mcp.rest(first))
    mcp.go()
    assert.same({ "1-2 progress 1", "1-3 the end" }, mcp.rest(second))
  end)

  it("cancels a tool where it waits; its stream ends without a response", function()
    local _, _, log = mcp.serve()
    local session = mcp.session()
    local res = mcp.post(mcp.call("steps", nil, "an id"), session)
    mcp.till_waiting(1)
    local cancel = { requestId = "an id", reason = "enough" }
    local notice = { jsonrpc = "2.0", method = "notifications/cancelled", params = cancel }
    assert.equal(202, mcp.ask(notice, session).status)
    log.till "call steps (id an id) cancelled: by the client"
    assert.same({ "1-1 -", "1-2 progress 1" }, mcp.rest(res))
    assert.equal(1, mcp.closed)
    assert.equal(204, mcp.get_status(session, "1-2")) -- nothing follows
    for _, id in ipairs { "an id", 7, true, { 1 } } do
      cancel.requestId = id
      assert.equal(202, mcp.ask(notice, session).status)
    end
  end)

  it("cancels a tool that has no stream yet: the response is a stream without events", function()
    mcp.serve()
    local session = mcp.session()
    local res
    sse.spawn(function() res = mcp.post(mcp.call "wait", session) end)
    mcp.till_waiting(1)
    local cancel = mcp.message("notifications/cancelled", { requestId = 1 })
    cancel.id = nil
    mcp.ask(cancel, session)
    wait.till(function() return res end, "the response")
    assert.equal("text/event-stream", res.headers["content-type"])
    assert.same({}, mcp.rest(res))
  end)

  it("a stream that has not begun can't be resumed: it would have no end", function()
    mcp.serve()
    local session = mcp.session()
    local asked = sse.spawn(mcp.ask, mcp.call("wait"), session)
    mcp.till_waiting(1)
    assert.equal(400, mcp.get_status(session, "1-0"))
    mcp.go "over"
    assert.equal(200, asked:wait().status)
  end)

  it("keeps its tools when the file has a mistake", function()
    local example, _, log = mcp.serve()
    local session = mcp.session()
    local header = { properties = { a = { ["x-mcp-header"] = "A" } } }
    for says, tool in pairs {
      ["a tool needs"] = { name = "half" },
      ["x-mcp-header: "] = { name = "a", run = print, inputSchema = header },
    } do
      mcp.tools = { tool }
      example.reload()
      log.till(says)
    end
    assert.equal(4, #mcp.ask(mcp.message "tools/list", session).json.result.tools)
  end)

  it("tells by GET that the tools are others, also to who was away", function()
    local example, _, log = mcp.serve()
    local session = mcp.session()
    local res = mcp.get(session)
    local next_event = res:events()
    local first = next_event()
    assert.equal("0-1 -", mcp.brief(first))
    mcp.tools = { table.unpack(mcp.tools, 1, 2) }
    example.reload()
    assert.equal("0-2 list_changed ", mcp.brief(next_event()))
    assert.equal(2, #mcp.ask(mcp.message "tools/list", session).json.result.tools)
    res:close()
    log.till "stream 0 lost its client"
    example.reload()
    local back = mcp.get(session, "0-2")
    assert.equal("0-3 list_changed ", mcp.brief(back:events()()))
    back:close()
  end)

  it("ends a session by DELETE, with its calls and streams", function()
    local _, _, log = mcp.serve()
    local session = mcp.session()
    local listening, res = mcp.get(session), mcp.post(mcp.call "steps", session)
    mcp.till_waiting(1)
    local gone = serving.ask("DELETE /mcp", session)
    assert.equal(204, gone.status)
    log.till "call steps (id 1) cancelled: the session ends"
    assert.equal(2, #mcp.rest(res))
    assert.equal(1, #mcp.rest(listening))
    assert.equal(404, mcp.ask(mcp.message "ping", session).status)
    assert.equal(404, mcp.get_status(session))
    assert.equal(404, serving.ask("DELETE /mcp", session).status)
  end)

  it("ends idle sessions when a new one begins, and refuses one past the limit", function()
    local _, _, log = mcp.serve()
    local idle, listening = mcp.session(), mcp.session()
    local stream = mcp.get(listening)
    legacy.max_idle = -1
    mcp.session()
    log.till "session 1: ended: idle"
    assert.equal(404, mcp.ask(mcp.message "ping", idle).status)
    assert.equal(200, mcp.ask(mcp.message "ping", listening).status)
    legacy.max_idle, legacy.max_sessions = max_idle, 2
    local _, refused = mcp.session()
    assert.equal(429, refused.status)
    assert.truthy(refused.headers["retry-after"])
    stream:close()
  end)

  it("bounds the calls that run, and takes an id once", function()
    mcp.serve()
    local session = mcp.session()
    local res = mcp.post(mcp.call "steps", session)
    assert.equal(400, mcp.ask(mcp.call "steps", session).status)
    assert.equal(200, mcp.ask(mcp.call("echo", {}, "1"), session).status) -- another id
    call.limit = 1
    assert.equal(429, mcp.ask(mcp.call("echo", {}, 2), session).status)
    mcp.go()
    assert.equal(3, #mcp.rest(res))
    assert.equal(200, mcp.ask(mcp.call("echo", {}, 2), session).status)
  end)

  it("keeps so many streams that have ended", function()
    mcp.serve()
    legacy.ended_kept = 2
    local session = mcp.session()
    for id = 1, 3 do
      local res = mcp.post(mcp.call("steps", nil, id), session)
      mcp.go()
      assert.equal(3, #mcp.rest(res))
    end
    assert.equal(400, mcp.get_status(session, "1-1"))
    for id = 1, 3 do mcp.ask(mcp.call("echo", {}, id), session) end -- answered by JSON: not kept
    assert.equal(400, mcp.get_status(session, "5-0"))
    assert.equal(2, #mcp.rest(mcp.get(session, "2-1")))
  end)
end)

describe("example mcp, the program", function()
  after_each(child.stop)

  it("is reached by the names of MCP_HOSTS, also where they are written with a port", function()
    local names = "MCP_HOSTS='Mcp.example:9600 https://b.example'"
    local server = child.start("examples/mcp.lua 0", names)
    local url = server:till "(http://127.0.0.1:%d+/mcp)\n"
    local hosts = { ["mcp.example"] = 200, ["b.example:1"] = 200, ["c.example"] = 403 }
    for host, status in pairs(hosts) do
      local body = mcp.message("initialize", { protocolVersion = "2025-11-25" })
      local res = assert(sse.fetch(url, { headers = { Origin = "http://" .. host }, body = body }))
      assert.equal(status, res.status)
      res:close()
    end
    server:kill "TERM"
    assert.equal(0, server:wait())
  end)

  it("serves, is called by its own client, reads its tools again, and ends in peace", function()
    local server = child.start "examples/mcp.lua 0"
    local url = server:till "(http://127.0.0.1:%d+/mcp)\n"
    local client = child.start(([[examples/mcp.lua client %s count '{"to":3,"pause":1}']])
      :format(url))
    assert.equal(0, client:wait())
    assert.equal("1 of 3: at 1\n2 of 3: at 2\n3 of 3: at 3\ncounted to 3\n", client:output())
    local wrong = child.start(("examples/mcp.lua client %s nothing"):format(url))
    assert.equal(0, wrong:wait())
    assert.equal("error\t-32602\tunknown tool: nothing\n", wrong:output())
    for arguments, says in pairs {
      [url .. " count '{'"] = "the arguments are no JSON: ",
      [url .. "x count"] = "the server answers with status 404 and no message",
      ["http://127.0.0.1:1/mcp count"] = "Failed to connect",
    } do
      local mistaken = child.start("examples/mcp.lua client " .. arguments)
      assert.equal(0, mistaken:wait())
      assert.truthy(mistaken:output():find("^error\t" .. says))
    end
    server:kill "HUP"
    server:till "tools: read again"
    server:kill "TERM"
    assert.equal(0, server:wait())
  end)
end)
