-- channel:count() over processes that share a file of sse.sqlite, and what becomes of their numbers
-- when they end, die, stop, or can't write.
local child = require "spec.support.child"
local core = require "sse.core"
local databases = require "spec.support.databases"
local follower_process = require "spec.support.follower_process"
local following = require "spec.support.following"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local channel, open_used, path, shell = databases.channel, databases.open_used, databases.path,
  databases.shell

local BOUNDS = { history = 1000, history_bytes = 8 << 20 }

describe("channel:count() over processes", function()
  local name, here

  before_each(function()
    name = path()
    here = channel(open_used(name))
  end)
  after_each(function()
    child.stop()
    following.stop()
    databases.close()
  end)

  local function run(followers)
    return follower_process.start(("sse.sqlite(%q)"):format(name), here.name, followers)
  end

  local function till_count(count)
    wait.till(function() return here:count() == count end, count .. " followers")
  end

  local function kill(program)
    program:kill "KILL"
    program:wait()
  end

  it("hears of all, and of clean ends", function()
    local one, two = run(2), run(3)
    till_count(5)
    one:till "count 5\n"
    two:till "count 5\n"
    assert.equal(0, here.followers)
    assert.equal("5\n", shell(name, ("SELECT followers FROM channels WHERE name = '%s';"):format(
      here.name)))
    one:write "store:close() print 'closes'\n"
    one:till "closes"
    one:till "count 2\n" -- knows of nobody else any more
    till_count(3)
    assert.is_nil(one:status())
    two:write "os.exit(0, true)\n"
    till_count(0)
    assert.equal(0, two:wait())
  end)

  it("hears what this process has elsewhere", function()
    here = following.serve { store = open_used(name) }
    local other = run(0)
    local client = following.open()
    other:till "count 1\n"
    following.open()
    other:till "count 2\n"
    client.raw:close()
    other:till "count 2\ncount 1\n"
  end)

  it("is written a few times a second, however often it changes", function()
    local other = open_used(name):open(here.name, BOUNDS)
    local start = core.now()
    for i = 1, 3000 do
      other:announce(i)
      if i % 10 == 0 then core.turn() end
    end
    till_count(3000)
    local sql = "SELECT counted FROM channels WHERE name = '%s';"
    local written = tonumber(shell(name, sql:format(here.name)))
    assert.truthy(written <= (core.now() - start) / 200 + 2, written)
  end)

  it("forgets one that was killed, and keeps one that is stopped", function()
    local killed, stopped = run(2), run(3)
    till_count(5)
    stopped:sleep(0, function()
      kill(killed)
      till_count(3)
      local again = run(1)
      till_count(4)
      kill(again)
      till_count(3)
      local ticks = 0
      local _ticking <close> = sse.every(250, function() ticks = ticks + 1 end)
      wait.till(function() return ticks == 5 or here:count() ~= 3 end, "several looks")
      assert.equal(3, here:count())
    end)
    stopped:write "os.exit(0, true)\n"
    stopped:wait()
    till_count(0)
    assert.equal("0|0\n", shell(name, [[SELECT count(*), (SELECT count(*) FROM peers
      WHERE path NOT IN (SELECT path FROM peers LIMIT 1)) FROM presence;]]))
  end)

  it("forgets several that are killed at once", function()
    local programs = {}
    for i = 1, 4 do programs[i] = run(1) end
    till_count(4)
    for _, program in ipairs(programs) do kill(program) end
    till_count(0)
  end)

  it("forgets what a dead process of the same name has left", function()
    local one = run(1)
    till_count(1)
    -- As if they had died, one without its socket's file, one in a folder that is gone.
    local insert = [[
      INSERT INTO peers VALUES ('x.sse-1-0', 1), ('/nowhere/y.sse-1-0', 1);
      INSERT INTO presence SELECT path, 1, channels.id, 10 FROM peers, channels
        WHERE path LIKE '%%.sse-1-0' AND name = '%s';
      SELECT followers FROM channels WHERE name = '%s';]]
    assert.equal("21\n", shell(name, insert:format(here.name, here.name)))
    till_count(1)
    kill(one)
    till_count(0)
  end)

  it("comes back where it was taken for dead", function()
    local one = run(2)
    till_count(2)
    local total = ("SELECT followers FROM channels WHERE name = '%s';"):format(here.name)
    assert.equal("0\n", shell(name, "DELETE FROM peers; " .. total))
    wait.till(function() return shell(name, total) == "2\n" end, "the process to come back")
    assert(os.execute(("rm '%s'.sse-*"):format(name)))
    wait.till(function()
      return os.execute(("ls '%s'.sse-* >/dev/null 2>&1"):format(name))
    end, "a new socket")
    till_count(2)
    kill(one)
    till_count(0)
  end)

  it("waits for a process that has the file, quietly", function()
    local store = open_used(name)
    here = following.serve { store = store }
    local other, states = run(0), databases.states_of(store)
    other:write "sse.spawn(function() print(one:publish 'x') end)\n"
    other:till "%-1\n"
    local log = store:open(here.name, BOUNDS)
    assert.equal(1, stores.read(log, 0).head)
    following.open()
    other:till "count 1\n"
    local holder = child.program(("sqlite3 -batch '%s'"):format(name), true)
    holder:write "BEGIN IMMEDIATE; SELECT 'has it';\n"
    holder:till "has it"
    following.open()
    following.followers(here, 2)
    assert.equal(1, stores.read(log, 0).head) -- reads go on meanwhile
    holder:write "COMMIT;\n"
    other:till "count 2\n"
    assert.same({}, states)
    holder:shut()
    holder:wait()
  end)

  it("tells the numbers once the file can be used", function()
    local folder = path() .. ".d"
    name = folder .. "/events.db"
    local store = databases.open(name)
    local states = databases.states_of(store)
    here = channel(store)
    wait.till(function() return states[1] end, "on_state")
    assert.truthy(states[1]:find "^down .*EACCES")
    assert(os.execute(("mkdir '%s'"):format(folder)))
    wait.till(function() return states[2] == "up" end, "on_state")
    following.handle(function(_, res) res:event_stream():follow(here) end)
    following.open()
    run(0):till "count 1\n"
  end)

  it("is not changed by a forked child, which dies for itself", function()
    local one = run(2)
    till_count(2)
    one:write(([[
      local process = require "spec.process"
      if process.fork() == 0 then print "forked" io.read() process.exit(0) end
    ]]):gsub("\n", " ") .. "\n")
    one:till "forked"
    assert.equal(2, here:count())
    kill(one) -- the child lives, and has what its parent had open
    till_count(0)
    one:shut()
  end)

  it("is of this process alone in a forked child", function()
    here = following.serve { store = open_used(name) }
    local other = run(0)
    following.open()
    other:till "count 1\n"
    follower_process.fork(function() here:close() end)
    following.open()
    other:till "count 1\ncount 2\n"
  end)
end)
