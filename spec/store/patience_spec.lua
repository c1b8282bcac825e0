-- sse.sqlite while another process has the file for long.
local databases = require "spec.support.databases"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

describe("sse.sqlite, while another process", function()
  local release

  after_each(function()
    release()
    databases.close()
  end)

  it("reads for ever, goes on writing", function()
    local name = databases.path()
    local log = databases.open(name, { busy_timeout = 60000 }):open("a",
      { history = 10, history_bytes = 8 << 20 })
    assert(stores.append(log, "first"))
    release = databases.hold(name, "BEGIN; SELECT count(*) FROM events")
    local data = ("x"):rep(1 << 20)
    for i = 1, 90 do assert.equal(i + 1, (stores.append(log, data))) end
  end)

  it("writes, lets other stores of the process open and work", function()
    local name = databases.path()
    local log = databases.open(name, { busy_timeout = 20000 }):open("a", {})
    assert(stores.append(log, "first"))
    release = databases.hold(name, "BEGIN IMMEDIATE")
    local done
    log:append({ event = stores.event "late" }, function(...) done = table.pack(...) end)
    local turns = 0
    wait.till(function()
      turns = turns + 1
      return turns > 20
    end, "the thread to wait")
    local other = databases.open(databases.path()):open("b", {})
    assert.equal(1, (stores.append(other, "meanwhile")))
    assert.is_nil(done)
    release()
    wait.till(function() return done end, "the other one")
    assert.equal(2, done[1], done[2])
  end)
end)
