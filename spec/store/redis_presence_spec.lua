-- channel:count() over processes that share a Redis server: numbers come and go with followers and
-- processes, and cost little.
local follower_process = require "spec.support.follower_process"
local following = require "spec.support.following"
local redis = require "spec.support.redis"
local redis_presence = require "spec.support.redis_presence"
local redis_stores = require "spec.support.redis_stores"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local BOUNDS = { history = 1000, history_bytes = 8 << 20 }
local till_count = redis_presence.till_count

describe("channel:count() over Redis", function()
  after_each(redis_presence.stop)

  it("hears of all, and of clean ends", function()
    local its = redis_presence.begin(redis.shared())
    local one, two = its:run(2), its:run(3)
    till_count(its.channel, 5)
    one:till "count 5\n"
    two:till "count 5\n"
    assert.equal("2 3", its:fields())
    one:write "store:close() print 'closes'\n"
    one:till "closes"
    one:till "count 2\n" -- knows of nobody else any more
    till_count(its.channel, 3)
    assert.equal("3", its:fields())
    assert.is_nil(one:status())
    two:write "one:close()\n"
    till_count(its.channel, 0)
    assert.equal("", its:fields())
    following.open()
    till_count(its.channel, 1)
    its:till_fields "1"
  end)

  it("forgets one that was killed, and one that hangs until it goes on", function()
    local its = redis_presence.begin(redis.shared())
    local killed, stopped = its:run(2), its:run(3)
    till_count(its.channel, 5)
    stopped:sleep(0, function()
      killed:kill "KILL"
      till_count(its.channel, 0)
    end)
    till_count(its.channel, 3)
    stopped:write "one:close()\n"
    till_count(its.channel, 0)
  end)

  it("drops what a dead process has left, once somebody tells a number", function()
    local its = redis_presence.begin(redis.shared())
    local killed = its:run(2)
    till_count(its.channel, 2)
    killed:kill "KILL"
    till_count(its.channel, 0)
    assert.equal("2", its:fields())
    local clients = {}
    wait.till(function()
      clients[#clients + 1] = following.open()
      till_count(its.channel, #clients)
      return its:fields() == tostring(#clients)
    end, "the dead process's number to be dropped")
  end)

  it("keeps the number of one that comes back after it was given up", function()
    local its = redis_presence.begin(redis.shared())
    local log = its:open_other():open(its.channel.name, BOUNDS)
    local id, key, told, heard = ("a"):rep(16), its:key(), 0, 0
    log:others(function(count) heard = count end)
    local numbers = log.shared.presence.numbers
    local function tell()
      told = told + 1
      log:announce(told)
    end
    -- What the scripts of a process that is alive for so many ms do.
    local function live(ms, number)
      local text = ([[local set, now = '%s{%%processes}', redis.call('TIME')
        redis.call('ZADD', set, now[1] * 1000 + math.floor(now[2] / 1000) + %d, '%s')
        redis.call('HINCRBY', set .. ':state', 'version', 1)
        redis.call('HSET', '%s', '%s', '%d %d')
        redis.call('PUBLISH', '%s@0', '%s %d')]]):format(its.prefix, ms, id, key, id,
        number, number, key, id, number)
      assert.equal("\n", its.server:cli(('EVAL "%s" 0'):format(text:gsub("%s+", " "))))
    end
    tell()
    till_count(its.channel, 1)
    live(2 * redis_presence.SOON, 5)
    wait.till(function() return heard == 5 end, "the process")
    wait.till(function()
      if heard == 0 then tell() end
      return not numbers.by_process[id]
    end, "the process to be given up")
    live(600000, 7)
    wait.till(function() return numbers.by_process[id] == 7 end, "its number")
    tell()
    wait.till(function() return heard == 7 end, "the process")
    till_count(its.channel, told + 7)
    assert.equal("7 7\n", its.server:cli(("HGET '%s' %s"):format(key, id)))
  end)

  it("forgets nobody sooner because of others who look more often", function()
    local its = redis_presence.begin(redis.shared())
    local rare = its:open_other { check_interval = 60000 }
    local name = "rare " .. its.channel.name
    rare:open(name, BOUNDS):announce(3)
    local command = ("EXISTS '%s'"):format(its:key(name))
    wait.till(function() return its.server:cli(command) == "1\n" end, "the number")
    wait.past(2 * redis_presence.SOON) -- nobody says anything
    local log, heard = its:open_other():open(name, BOUNDS), nil
    log:others(function(count) heard = count end)
    wait.till(function() return heard == 3 end, "the number")
    command = ("--raw ZRANGE '%s{%%processes}' 0 -1 WITHSCORES"):format(its.prefix)
    local score = its.server:cli(command):match "%x+\n(%d+)"
    local now = its.server:cli "--raw TIME":match "%d+" * 1000
    assert.truthy(score - now > 60000, score - now)
  end)

  it("counts nothing of a process that nobody knows to be alive", function()
    local its = redis_presence.begin(redis.shared())
    local log = its:open_other():open(its.channel.name, BOUNDS)
    its.server:cli(("HSET '%s' aaaaaaaaaaaaaaaa '7 1' x y bbbbbbbbbbbbbbbb -1"):format(its:key()))
    log:announce(1)
    till_count(its.channel, 1)
    local last = its:open_other():open(its.channel.name, BOUNDS)
    assert.equal(1, (stores.wait(function(done) last:others(done) end)))
  end)

  it("needs no more of a user than the documentation says", function()
    local rights = io.open "docs/stores.md":read "a":match "An ACL user needs ([^(]+)"
    rights = rights:gsub("[`,]", ""):gsub(" and ", " "):gsub("[*~&+@:%w]+", "'%0'")
    local server = redis.start("--user alice on '>a' " .. rights)
    local own = { password = "a", user = "alice" }
    local one = following.serve { store = redis_stores.open_used(server.url, own) }
    local log = redis_presence.add(redis_stores.open_used(server.url, own)):open(one.name, BOUNDS)
    log:announce(2)
    till_count(one, 2)
    log:close()
    till_count(one, 0)
  end)

  it("keeps a key no longer than anybody uses the channel, but as long", function()
    local its = redis_presence.begin(redis.shared())
    local quick = its:open_other { expire = 1000 }
    local log = quick:open("other " .. its.channel.name, BOUNDS)
    local key = its:key("other " .. its.channel.name)
    local function left()
      return tonumber(its.server:cli(("PTTL '%s'"):format(key)):match "%-?%d+")
    end
    log:announce(3)
    wait.till(function() return left() > 0 end, "the number")
    local before, renewals = left(), 0
    wait.till(function()
      local now = left()
      renewals, before = renewals + (now > before and 1 or 0), now
      return renewals == 3 or now < 0
    end, "renewals")
    assert.truthy(before > 0)
    log:announce(0)
    wait.till(function() return left() == -2 end, "the end of the key")
  end)

  it("asks little for many channels, whose numbers it tells in turns", function()
    local its = redis_presence.begin(redis.shared())
    local many, logs = its:open_other { check_interval = 60000 }, {}
    for i = 1, 1000 do
      logs[i] = many:open("many" .. i, BOUNDS)
      logs[i]:announce(i)
    end
    local last = its:open_other():open("many1000", BOUNDS)
    local heard
    last:others(function(count) heard = count end)
    wait.till(function() return heard == 1000 end, "the last channel's number")
    wait.till(function() return many:stats().commands > 1000 end, "all numbers")
    local commands = many:stats().commands
    wait.past(2000)
    assert.truthy(many:stats().commands - commands <= 2, many:stats().commands - commands)
  end)

  it("tells once what has changed many times", function()
    local its = redis_presence.begin(redis.shared())
    local other = its:open_other()
    local log = other:open(its.channel.name, BOUNDS)
    log:announce(1)
    till_count(its.channel, 1)
    local commands = other:stats().commands
    for i = 1, 3000 do log:announce(i) end
    till_count(its.channel, 3000)
    assert.truthy(other:stats().commands - commands < 10)
  end)

  it("is of this process alone in a forked child", function()
    local its = redis_presence.begin(redis.shared())
    local other = its:run(0)
    following.open()
    other:till "count 1\n"
    follower_process.fork(function()
      its.store:close()
      its.channel:close()
    end)
    following.open()
    other:till "count 1\ncount 2\n"
  end)
end)
