-- examples/typewriter.lua: its server and its client.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local CLOSED = sse.EventSource.CLOSED
local QUICK = { interval = 0 }

local function text_of(typewriter)
  local file <close> = assert(io.open(typewriter.file, "rb"))
  return file:read "a"
end

-- Runs the client to its end; returns the characters that it received.
local function listen(typewriter, url, halfway)
  local got, source = {}, nil
  source = typewriter.client(url, function(character)
    got[#got + 1] = character
    if halfway and #got == 20 then halfway(source) end
  end)
  wait.till(function() return source.readyState == CLOSED end, "the end of the text")
  return got
end

describe("example typewriter", function()
  after_each(examples.stop)

  it("sends characters, not bytes, and the text arrives whole", function()
    local typewriter, url = examples.serve("typewriter", QUICK)
    local text = text_of(typewriter)
    assert.truthy(text:find("床前明月光", 1, true))
    local got = listen(typewriter, url)
    assert.equal(text, table.concat(got))
    assert.equal(utf8.len(text), #got)
    assert.equal("M", got[1])
    assert.equal("床", got[utf8.len(text:match "^(.-)床") + 1])
  end)

  it("tells the three constants and the states it goes through", function()
    local typewriter, url, log = examples.serve("typewriter", QUICK)
    listen(typewriter, url)
    for _, line in ipairs { "CONNECTING 0", "OPEN 1", "CLOSED 2", "readyState 0", "readyState 1",
      "hello", "readyState 2" } do
      assert.truthy(log.till(line))
    end
  end)

  it("gets the client's headers, and its cookies from the second connection on", function()
    local typewriter, url, log = examples.serve("typewriter", QUICK)
    listen(typewriter, url)
    assert.truthy(log.till('"reader":"lua"'))
    listen(typewriter, url)
    assert.truthy(log.till("hello"):find('"cookie":"reader=1"', 1, true))
  end)

  it("goes on where it was after a new connection", function()
    local typewriter, url = examples.serve("typewriter", QUICK)
    local got = listen(typewriter, url, function(source) source:reconnect() end)
    assert.equal(text_of(typewriter), table.concat(got))
  end)

  it("bears any Last-Event-ID", function()
    examples.serve("typewriter", QUICK)
    for _, id in ipairs { "9223372036854775807", "-9223372036854775808", "1e400", "x", "3.5" } do
      local client = serving.connect()
      client:send("GET /api/sse HTTP/1.0\r\nHost: a\r\nLast-Event-ID: " .. id .. "\r\n\r\n")
      assert.truthy(client:receive_all():find "event: end\n")
    end
  end)

  it("uses a custom event name and ids", function()
    local typewriter = examples.serve("typewriter", QUICK)
    local client = serving.connect()
    client:send "GET /api/sse HTTP/1.0\r\nHost: a\r\n\r\n"
    client:head()
    local id = utf8.len(text_of(typewriter):match "^.-前")
    local event = ("event: char\nid: %d\ndata: 前\n\n"):format(id)
    assert.truthy(client:receive_all():find(event, 1, true))
  end)
end)
