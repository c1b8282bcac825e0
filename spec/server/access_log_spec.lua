-- The option access_log of sse.server: whole lines, in which nothing from a client can do harm.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local frames = require "spec.support.frames"
local raw = require "spec.support.raw"
local serving = require "spec.support.serving"
local sse = require "sse"

local file

-- Starts a server that logs to a file.
local function start(format, routes)
  file = assert(io.open(certs.path "access.log", "w"))
  return serving.start({ access_log = { format = format, file = file } }, routes or function(server)
    server:get("/:name", function(_, res) res:reply(200, "hello") end)
    server:get("/", function(_, res) res:reply(200, "hello") end)
  end)
end

-- Waits until the log has n lines, and returns them.
local function lines(n)
  local list
  raw.pump(function()
    local text = certs.read "access.log"
    assert(text == "" or text:sub(-1) == "\n", "half of a line")
    list = {}
    for line in text:gmatch "([^\n]*)\n" do list[#list + 1] = line end
    return #list >= n
  end, n .. " lines")
  assert.equal(n, #list)
  return list
end

local function send(bytes)
  local client = serving.connect()
  client:send(bytes)
  client:receive_all()
end

local function request(target, fields)
  return ("GET %s HTTP/1.0\r\n%s\r\n"):format(target, fields or "")
end

describe("access_log", function()
  after_each(function()
    child.stop()
    serving.stop()
    if io.type(file) == "file" then file:close() end
  end)

  it("writes Apache's format, then what else is known", function()
    start "common"
    serving.ask("GET /x?y=1", { Referer = "http://a.example/", ["User-Agent"] = "spec/1" })
    serving.ask "HEAD /"
    local one, two = table.unpack(lines(2))
    local pattern = "^127%.0%.0%.1 %- %- %[(%d%d)/(%a%a%a)/(%d%d%d%d):(%d%d):%d%d:%d%d %+0000%] "
    local day, month, year, hour = one:match(pattern)
    assert.truthy(day, one)
    assert.equal(os.date "!%Y %b", year .. " " .. month)
    assert.truthy(tonumber(hour) < 24)
    local rest = one:gsub(pattern, "")
    assert.equal('"GET /x?y=1 HTTP/1.1" 200 5 "http://a.example/" "spec/1" N finished ID',
      (rest:gsub(" %d+%.%d%d%d ", " N "):gsub(" " .. ("%x"):rep(16) .. "$", " ID")))
    assert.truthy(two:find('"HEAD / HTTP/1.1" 200 - "-" "', 1, true), two)
  end)

  it("writes JSON", function()
    local before = os.time()
    start "json"
    serving.ask("GET /x?y=1", { Referer = "http://a.example/", ["User-Agent"] = "spec/1" })
    local entry = sse.json.decode(lines(1)[1])
    local time = {}
    time.year, time.month, time.day, time.hour, time.min, time.sec =
      entry.time:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)Z$"
    assert.equal(os.date("!%Y-%m-%d", before), entry.time:sub(1, 10))
    assert.truthy(time.sec)
    assert.equal("number", type(entry.ms))
    assert.truthy(entry.id:find("^" .. ("%x"):rep(16) .. "$"))
    entry.time, entry.ms, entry.id = nil, nil, nil
    assert.same({ remote_address = "127.0.0.1", method = "GET", target = "/x?y=1",
      protocol = "HTTP/1.1", status = 200, bytes = 5, reason = "finished",
      referer = "http://a.example/", user_agent = "spec/1" }, entry)
  end)

  it("writes one line for a stream, when it ends", function()
    local stream
    start("common", function(server)
      server:get("/", function(_, res)
        stream = res:event_stream { compress = false }
        stream:send "tick"
      end)
    end)
    local client = serving.listen "/"
    client:till "tick"
    assert.equal("", certs.read "access.log")
    stream:close()
    assert.truthy(lines(1)[1]:find '" 200 12 "%-" "[^"]*" %d+%.%d%d%d server %x+$')
  end)

  local hostile = {
    ["quotes"] = '" 200 5 "-" "-" 1 finished',
    ["a backslash"] = "\\\" \\",
    ["control characters"] = "a\tb",
    ["bytes that are no UTF-8"] = "\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80x",
    ["half a character"] = "x\xc3",
    ["characters of UTF-8"] = "grüße \u{1F600}",
    ["control characters of UTF-8"] = "\u{9b}31m\u{85}",
    ["much"] = ("\xff"):rep(7000),
  }

  it("escapes what clients send", function()
    for name, text in pairs(hostile) do
      start "common"
      send(request("/", "User-Agent: " .. text .. "\r\n"))
      local agent = lines(1)[1]:match '" 200 5 "%-" "(.*)" %d+%.%d%d%d finished %x+$'
      assert.truthy(agent, name)
      assert.is_nil(agent:find "[^ -~]", name)
      assert.is_nil(agent:gsub("\\x%x%x", ""):gsub('\\[\\"]', ""):find '["\\]', name)
      local back = agent:gsub('\\(x?)(.)(%x?)', function(x, a, b)
        if x == "x" then return string.char(tonumber(a .. b, 16)) end
        return a .. b
      end)
      assert.equal(text, back, name)
      serving.stop()
      file:close()
    end
  end)

  it("writes JSON that is valid, whatever clients send", function()
    for name, text in pairs(hostile) do
      start "json"
      send(request("/", "User-Agent: " .. text .. "\r\n"))
      local line = lines(1)[1]
      assert.is_nil(line:find "[\0-\31\127]", name)
      assert.truthy(utf8.len(line), name)
      assert.is_nil(line:find "\xc2[\x80-\x9f]", name)
      local agent = sse.json.decode(line).user_agent
      if utf8.len(text) then assert.equal(text, agent, name)
      else assert.truthy(agent:find "\u{FFFD}", name) end
      serving.stop()
      file:close()
    end
  end)

  it("has a line for what is no request", function()
    for _, format in ipairs { "common", "json" } do
      start(format)
      send "\22\3\1\0\0\r\n\r\n"
      send "GET /\27[2J\xff\"x\\ HTTP/1.1\r\n\r\n"
      local one, two = table.unpack(lines(2))
      if format == "json" then
        one, two = sse.json.decode(one), sse.json.decode(two)
        assert.is_nil(one.method)
        assert.equal(400, one.status)
        assert.equal('/\27[2J\u{FFFD}"x\\', two.target)
      else
        assert.truthy(one:find(' "-" 400 ', 1, true), one)
        assert.truthy(two:find([["GET /\x1b[2J\xff\"x\\ HTTP/1.1" 400 ]], 1, true), two)
      end
      serving.stop()
      file:close()
    end
  end)

  it("tells of a status that was never sent", function()
    local waiting
    start("common", function(server)
      server:get("/", function(_, res)
        res:detach()
        waiting = true
      end)
    end)
    local client = frames.open(serving.connect())
    client:get(1, "GET /")
    raw.pump(function() return waiting end, "the request")
    client:send("RST_STREAM", 0, 1, frames.u32(8))
    assert.truthy(lines(1)[1]:find '"GET / HTTP/2" %- %- "%-" "%-" %d+%.%d%d%d client %x+$')
  end)

  it("can be a function, whose errors go to on_error", function()
    local seen = {}
    serving.start({ access_log = function(entry)
      seen[#seen + 1] = entry
      error "full"
    end }, function(server) server:get("/", function(_, res) res:reply(200, "fine") end) end)
    assert.equal("fine", serving.ask("GET /").body)
    assert.equal("fine", serving.ask("GET /").body)
    raw.pump(function() return #serving.errors == 2 end, "the errors")
    assert.equal(2, #seen)
    assert.equal("/", seen[1].req.path)
  end)

  it("goes before on_response, which gets the same entry", function()
    local seen = {}
    local function note(entry) seen[#seen + 1] = entry end
    serving.start({ access_log = note, on_response = function(entry)
      assert(entry == seen[#seen])
      note "on_response"
    end }, function(server) server:get("/", function(_, res) res:reply(200) end) end)
    serving.ask "GET /"
    raw.pump(function() return seen[2] end, "on_response")
    assert.equal("on_response", seen[2])
    assert.same({}, serving.errors)
  end)

  it("never stops the server, where it can't be written", function()
    for _, path in ipairs { "/dev/full", "closed", "a broken pipe" } do
      if path == "a broken pipe" then
        file = assert(io.popen("exec true", "w"))
      else
        file = assert(io.open(path == "closed" and "/dev/null" or path, "w"))
      end
      serving.start({ access_log = { format = "json", file = file } }, function(server)
        server:get("/", function(_, res) res:reply(200, "fine") end)
      end)
      if path == "closed" then
        file:close()
        file = assert(io.open("/dev/null")) -- serving.stop counts descriptors
      end
      for _ = 1, 50 do assert.equal("fine", serving.ask("GET /").body) end
      assert.same({}, serving.errors)
      serving.stop()
      file:close()
    end
  end)

  it("goes to standard error", function()
    local program = [[
      local sse = require "sse"
      local server = sse.server { access_log = "common" }
      server:get("/", function(_, res) res:reply(200, "fine") end)
      assert(server:listen())
      assert(sse.fetch("http://127.0.0.1:" .. server.port .. "/")):text()
      server:shutdown { within = 0 }
      io.stderr:write "end\n"
    ]]
    local run = child.start(certs.write("program.lua", program))
    local status, output = run:wait(), run:output()
    assert.equal(0, status, output)
    local line = '^127%.0%.0%.1 [^\n]*"GET / HTTP/1%.1" 200 4 [^\n]* finished %x+\nend\n$'
    assert.truthy(output:find(line), output)
  end)

  it("is checked", function()
    local closed = assert(io.open("/dev/null", "w"))
    closed:close()
    for _, case in ipairs {
      { "combined", '"common", "json", a function, or a table such as' },
      { true, '"common", "json", a function, or a table such as' },
      { { format = "xml" }, 'option \'format\' must be "common" or "json"' },
      { { file = "access.log" }, "option 'file' must be an open file" },
      { { file = closed }, "option 'file' must be an open file" },
      { { path = "x" }, "unknown option 'path' (did you mean 'file'?)" },
    } do
      local ok, message = pcall(sse.server, { access_log = case[1] })
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
      assert.truthy(message:find "^sse.server" or message:find "access_log_spec", message)
    end
  end)
end)
