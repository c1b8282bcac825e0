-- What is called in a turn of the loop ends after a slice, and goes on in the next turn.
require "sse.task" -- core.after and core.every run tasks
local core = require "sse.core"
local raw = require "spec.support.raw"
local sse = require "sse"
local turns = require "spec.support.turns"
local wait = require "spec.support.wait"

describe("a turn", function()
  before_each(turns.begin)
  after_each(turns.finish)

  local function pump(list, count)
    wait.till(function() return #list == count end, count .. " calls")
  end

  it("leaves deferred calls to the next one, in their order", function()
    local order, seen = {}, {}
    for i = 1, 4 do
      local call = turns.noted(seen)
      core.defer(function()
        call()
        order[#order + 1] = i
        if i == 1 then core.defer(function() order[#order + 1] = "last" end) end
      end)
    end
    pump(order, 5)
    turns.check(seen, 4)
    assert.same({ 1, 2, 3, 4, "last" }, order)
  end)

  it("starts all tasks that were spawned before any wait ends, whatever waits beside", function()
    local seen, started, at = {}, 0, nil
    for _ = 1, 4 do core.defer(turns.noted(seen)) end
    sse.spawn(function()
      sse.sleep(0)
      at = started
    end)
    for _ = 1, 3 do
      sse.spawn(function()
        started = started + 1
        turns.spin()
      end)
    end
    wait.till(function() return at end, "the wait's end")
    assert.equal(3, at)
    pump(seen, 4)
  end)

  it("calls a timer between deferred calls", function()
    local seen, fired = {}, nil
    for _ = 1, 6 do core.defer(turns.noted(seen)) end
    core.after(1, function() fired = #seen end)
    pump(seen, 6)
    assert.truthy(fired and fired < 6, "the timer waited for all deferred calls")
  end)

  it("leaves timers that are due at one time to the next one, in their order", function()
    local seen, order = {}, {}
    for i = 1, 4 do
      local call = turns.noted(seen)
      core.after(5, function()
        call()
        order[#order + 1] = i
      end)
    end
    turns.spin()
    turns.spin()
    pump(order, 4)
    turns.check(seen, 4)
    table.sort(order)
    assert.same({ 1, 2, 3, 4 }, order)
  end)

  it("calls the program's timers between those of the library", function()
    local seen, fired = {}, nil
    for _ = 1, 12 do core.timer(1, turns.noted(seen)) end
    core.after(4, function() fired = #seen end)
    pump(seen, 12)
    assert.truthy(fired and fired < 12, "the timer waited for all others")
  end)

  it("serves deferred calls between timers", function()
    local seen, deferred = {}, nil
    for i = 1, 4 do
      local call = turns.noted(seen)
      core.after(5, function()
        call()
        if i == 1 then core.defer(function() deferred = #seen end) end
      end)
    end
    turns.spin()
    turns.spin()
    pump(seen, 4)
    wait.till(function() return deferred end)
    assert.truthy(deferred < 4, "the deferred call waited for all timers")
  end)

  it("stops where a call stops the loop, and goes on with the next call", function()
    local order = {}
    core.defer(function()
      order[#order + 1] = 1
      turns.spin()
      core.stop()
    end)
    core.defer(function() order[#order + 1] = 2 end)
    core.run()
    assert.same({ 1 }, order)
    core.run()
    assert.same({ 1, 2 }, order)
  end)

  -- Has clients that send their next request while the last one is answered, which takes longer
  -- than a slice: each poll finds more than its slice has time for. Returns the server.
  local function busy_server(clients, on_request)
    local server = sse.server { port = 0, on_error = print }
    server:get("/:i", function(req, res)
      turns.spin()
      clients[tonumber(req.params.i)].socket:send(clients[tonumber(req.params.i)].request)
      on_request()
      res:reply(200, "")
    end)
    assert(server:listen())
    for i = 1, 4 do
      clients[i] = raw.connect(server.port)
      clients[i].request = ("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"):format(i)
      clients[i].socket:send(clients[i].request)
    end
    return server
  end

  local function finish(server, clients)
    for _, client in ipairs(clients) do client.socket:close() end
    server:close()
    wait.till(function() return server:stats().connections.open == 0 end, "the connections' ends")
  end

  it("serves timers that judge by silence where no poll serves all that it finds", function()
    local clients, requests, fired = {}, 0, nil
    local server = busy_server(clients, function() requests = requests + 1 end)
    wait.till(function() return requests > 8 end)
    local first = requests
    core.timer(10, function() fired = requests - first end)
    wait.till(function() return fired or requests - first > 100 end, "the timer")
    finish(server, clients)
    assert.truthy(fired, "100 requests were answered before the timer")
  end)

  it("serves sockets where a timer is due all the time", function()
    local clients, requests = {}, 0
    local server = busy_server(clients, function() requests = requests + 1 end)
    local ticks = 0
    local _timer <close> = core.every(0, function()
      ticks = ticks + 1
      if ticks > 1000 then error "1000 ticks before the sockets were served" end
    end)
    wait.till(function() return requests > 10 end, "requests")
    finish(server, clients)
    assert.truthy(ticks > 1)
  end)
end)
