-- examples/board.lua: in this process, and by two workers, of which one dies, and all of which end.
local child = require "spec.support.child"
local databases = require "spec.support.databases"
local examples = require "spec.support.examples"
local masters = require "spec.support.masters"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local JSON = { ["Content-Type"] = "application/json" }

describe("example board", function()
  after_each(function()
    sse.channel("board"):close()
    examples.stop()
    databases.close()
  end)

  local function serve(path)
    return examples.serve("board", { store = databases.open_used(path or databases.path()) })
  end

  local function post(fields, headers)
    if type(fields) == "table" then fields.dedupe = fields.dedupe or "a" end
    return serving.request("POST /messages", headers or JSON, sse.json.encode(fields))
  end

  it("serves its page, and has what was written, for a client that comes later too", function()
    local board, url, log = serve()
    local page = serving.request "GET /"
    assert.equal("text/html; charset=utf-8", page.headers["content-type"])
    assert.truthy(page.body:find("new EventSource('messages')", 1, true))
    local source = board.client(url)
    log.till 'client served {"'
    log.till "client here 1"
    local res = post { name = "ann", text = "two\nlines" }
    assert.equal(201, res.status)
    assert.truthy(log.till '"text":"two\\nlines"':find '"worker":1')
    local other = board.client(url)
    log.till '"text":"two\\nlines"'
    source:close()
    log.till "client here 1"
    other:close()
  end)

  it("has a message once that was sent twice", function()
    local board, url, log = serve()
    local source = board.client(url)
    local message = { name = "ann", text = "one" }
    local id = sse.json.decode(post(message).body).id
    assert.equal(id, sse.json.decode(post(message).body).id)
    post { name = "ann", text = "two", dedupe = "b" }
    log.till '"text":"one"'
    log.till '"text":"two"'
    local _, count = table.concat(log, "\n"):gsub('"text"', "")
    assert.equal(2, count)
    source:close()
  end)

  it("refuses what is no message, and the forms of other pages", function()
    serve()
    local long = ("x"):rep(2001)
    for _, fields in ipairs { { name = "ann" }, { name = " ", text = "x" }, { text = "x" },
      { name = 1, text = "x" }, { name = "ann", text = long }, { name = long, text = "x" },
      { "x" }, "x" } do
      assert.equal(400, post(fields).status)
    end
    local form = { ["Content-Type"] = "text/plain" }
    assert.equal(400, post({ name = "ann", text = "x" }, form).status)
    assert.equal(400, serving.request("POST /messages", JSON, "{").status)
    for _, dedupe in ipairs { 1.5, ("x"):rep(101), { 1 } } do
      assert.equal(400, post({ name = "ann", text = "x", dedupe = dedupe }).status)
    end
  end)

  it("says what its file could not keep", function()
    serve "/nowhere/board.db"
    local res = post { name = "ann", text = "x" }
    assert.equal(503, res.status)
    assert.truthy(res.body:find "unable to open")
  end)
end)

describe("example board by two workers", function()
  after_each(child.stop)

  local function start(path, port)
    local program = child.start("examples/board.lua " .. (port or 0), "BOARD_FILE='" .. path .. "'")
    return program, program:till "(http://127%.0%.0%.1:%d+/)\n"
  end

  -- A window: what it is served by, and the texts and the ids it has been sent.
  local function open(url)
    local window = { texts = {}, ids = {}, workers = {} }
    window.source = sse.EventSource(url .. "messages", { reconnect = "resilient" })
    window.source:addEventListener("served", function(ev) window.served = ev:json() end)
    window.source:addEventListener("here", function(ev) window.here = ev.data end)
    window.source:addEventListener("sse-gap", function(ev) error(ev.data) end)
    window.source.onmessage = function(ev)
      local message = ev:json()
      table.insert(window.texts, message.text)
      table.insert(window.ids, ev.lastEventId)
      window.workers[message.worker] = true
    end
    wait.till(function() return window.served end, "the beginning of a stream")
    return window
  end

  -- Two windows, each of another worker.
  local function open_both(url)
    local windows, spare = {}, {}
    wait.till(function()
      local window = open(url)
      local id = window.served.worker
      if windows[id] then spare[#spare + 1] = window else windows[id] = window end
      return windows[1] and windows[2]
    end, "a window of each worker")
    for _, window in ipairs(spare) do window.source:close() end
    return windows
  end

  -- Posts, on a connection of its own each time, until a worker has answered; returns which one.
  local function say(url, text)
    local body = sse.json.encode { name = "ann", text = text, dedupe = text }
    local request = "POST /messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      .. "Content-Length: %d\r\nConnection: close\r\n\r\n%s"
    local answered, res
    repeat
      local client = raw.connect(tonumber(url:match ":(%d+)"))
      client:send(request:format(#body, body))
      answered, res = pcall(client.response, client)
      client:close()
    until answered
    assert.equal(201, res.status)
    return sse.json.decode(res.body).worker
  end

  local function till_all(windows, count)
    for _, window in pairs(windows) do
      wait.till(function() return #window.texts >= count end, "messages")
    end
    assert.same(windows[1].texts, windows[2].texts)
    assert.same(windows[1].ids, windows[2].ids)
    assert.equal(count, #windows[1].texts)
  end

  it("is one board, also when a worker is killed, and after the end of all", function()
    local path = databases.path()
    local program, url = start(path)
    local windows = open_both(url)
    local function till_two()
      for _, window in pairs(windows) do
        wait.till(function() return window.here == "2" end, "the number of windows")
      end
    end
    till_two()
    local said, by = 0, {}
    while said < 10 or not (by[1] and by[2]) do
      said = said + 1
      by[say(url, "message " .. said)] = true
    end
    till_all(windows, said)
    assert.same({ true, true }, windows[1].workers)

    local killed = windows[2].served
    masters.signal(killed.process, "KILL")
    for _ = 1, 5 do
      said = said + 1
      say(url, "message " .. said)
    end
    wait.till(function() return windows[2].served ~= killed end, "another worker")
    till_all(windows, said)

    till_two()
    program:kill "TERM"
    assert.equal(0, program:wait())
    program = start(path, url:match ":(%d+)")
    said = said + 1
    say(url, "message " .. said)
    till_all(windows, said)
    local late = open(url)
    wait.till(function() return #late.texts == said end, "all that was said")
    assert.same(windows[1].ids, late.ids)
    for _, window in ipairs { windows[1], windows[2], late } do window.source:close() end
    program:kill "TERM"
    assert.equal(0, program:wait())
  end)

  it("says that its port is in use", function()
    local _, url = start(databases.path())
    local second = child.start("examples/board.lua " .. url:match ":(%d+)")
    assert.equal(1, second:wait())
    assert.truthy(second:output():find "^port %d+: .*try: lua5.4 examples/board.lua serve 9600\n$")
  end)
end)
