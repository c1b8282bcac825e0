-- examples/notice.lua: its server and its client.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local QUICK = { interval = 2 }
local CLOSED = sse.EventSource.CLOSED

describe("example notice", function()
  after_each(examples.stop)

  it("sends JSON in one line beside data of several lines", function()
    examples.serve("notice", QUICK)
    local client = serving.connect()
    client:send "GET /notices HTTP/1.0\r\nHost: a\r\n\r\n"
    client:head()
    local text = client:receive_all()
    assert.truthy(text:find 'event: status\ndata: {[^\n]+}\n\n')
    assert.truthy(text:find("event: notice\ndata: Maintenance tonight.\n"
      .. "data: From 22:00 to 23:00.\n\n", 1, true))
    assert.truthy(text:find 'event: progress\ndata: {"percent":100}\n\nevent: done\n')
  end)

  it("ends the client when the server is done", function()
    local notice, url, log = examples.serve("notice", QUICK)
    local source = notice.client(url)
    log.till "client status"
    assert.equal("client notice Maintenance tonight.\n    From 22:00 to 23:00.",
      log.till "client notice")
    for percent = 0, 100, 10 do log.till(('client progress {"percent":%d}'):format(percent)) end
    log.till "client done"
    wait.till(function() return source.readyState == CLOSED end, "the close")
    assert.is_true(log.has "server closed by the server")
    assert.is_false(log.has "client error")
    assert.is_nil(next(notice.streams))
  end)

  it("ends the server's stream when the client closes", function()
    local notice, url, log = examples.serve("notice", QUICK)
    local source = notice.client(url, 30)
    log.till "server closed by the client"
    assert.equal(CLOSED, source.readyState)
    assert.is_true(log.has 'progress {"percent":30}')
    assert.is_false(log.has 'progress {"percent":40}')
    assert.is_nil(next(notice.streams))
  end)

  it("sends what is posted to all who listen", function()
    local notice, url, log = examples.serve("notice", { interval = 60 })
    local one, two = notice.client(url), notice.client(url)
    log.till "client status"
    log.till "client status"
    local response = serving.request("POST /notices", {}, "two\nlines")
    assert.equal('{"sent":2}', response.body)
    log.till "client notice two\n    lines"
    log.till "client notice two\n    lines"
    one:close()
    two:close()
    log.till "closed by the client"
    log.till "closed by the client"
    assert.equal('{"sent":0}', serving.request("POST /notices", {}, "nobody").body)
  end)
end)
