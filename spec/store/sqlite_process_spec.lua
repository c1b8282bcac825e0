-- sse.sqlite with SQLite's own shell, other processes and SIGKILL; its bounds and its end.
local child = require "spec.support.child"
local databases = require "spec.support.databases"
local following = require "spec.support.following"
local net = require "spec.support.net"
local process = require "spec.process"
local sse = require "sse"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local channel, close_all, open = databases.channel, databases.close, databases.open
local open_used, path, shell = databases.open_used, databases.path, databases.shell

local kills = tonumber(os.getenv "SSE_KILLS") or net.stress and 2 or 8

describe("sse.sqlite", function()
  after_each(function()
    child.stop()
    following.stop()
    close_all()
  end)

  describe("and SQLite's own shell:", function()
    it("shows what is held", function()
      local name = path()
      local one = channel(open(name))
      local id = assert(one:publish { event = "tick", data = "two\nlines" })
      assert(one:publish { data = "x", id = "own", key = "k", dedupe = "d", meta = { a = 1 } })
      assert.equal(("%s|%s|event: tick\ndata: two\ndata: lines\n\n|||\n"):format(one.name, id),
        shell(name, "SELECT channel, id, event, key, dedupe, meta FROM history LIMIT 1;"))
      assert.equal('own|k|d|{"a":1}\n',
        shell(name, "SELECT id, key, dedupe, meta FROM history WHERE id = 'own';"))
      assert.equal("2\n", shell(name, "SELECT head FROM channels WHERE name LIKE 'channel%';"))
    end)

    it("publishes by an INSERT, which all notice", function()
      local name = path()
      local one = following.serve { store = open_used(name) }
      local client = following.open()
      following.followers(one, 1)
      assert(one:publish "1")
      client:till_data "1"
      local insert = "INSERT INTO inbox (channel, data, event, id, dedupe, meta) VALUES ('%s', %s);"
      assert.equal("", shell(name, insert:format(one.name, "'2' || char(13, 10) || 'b' || char(10)"
        .. " || 'c', 'tick', 'own', 'd', NULL")))
      client:till_data "2\nb\nc"
      assert.same({ "tick", "own" }, { client.events[2].type, client:last_id() })
      assert.equal("own", one:publish { data = "again", dedupe = "d" })
      shell(name, insert:format(one.name, "'again', NULL, NULL, 'd', NULL"))
      assert.truthy(shell(name, insert:format(one.name, "'3', NULL, 'own', NULL, NULL")):find(
        "held already"))
      assert.truthy(shell(name, insert:format(one.name, "'3', 'a' || char(10), NULL, NULL, NULL"))
        :find "line break")
      assert(one:publish "3")
      client:till_data "3"
      assert.equal(3, #client.events)
    end)

    it("refuses rows that publish would refuse", function()
      local name = path()
      local one = channel(open(name))
      local id = assert(one:publish "1")
      local columns = "INSERT INTO inbox (channel, data, event, id, key, dedupe, meta) VALUES "
      local function refused(what, row)
        assert.truthy(shell(name, columns .. row:format(one.name) .. ";"):find(what, 1, true), row)
      end
      refused("the channel is empty", "('', 'x', NULL, NULL, NULL, NULL, NULL)")
      refused("holds a NUL", "('%s' || char(0), 'x', NULL, NULL, NULL, NULL, NULL)")
      for _, row in ipairs { "x'61', NULL, NULL, NULL, NULL", "NULL, x'61', NULL, NULL, NULL",
        "NULL, NULL, x'61', NULL, NULL", "NULL, NULL, NULL, x'61', NULL" } do
        refused("only data may be a BLOB", "('%s', 'x', " .. row .. ")")
      end
      refused("or a NUL", "('%s', 'x', NULL, 'a' || char(0), NULL, NULL, NULL)")
      refused("id is empty", "('%s', 'x', NULL, '', NULL, NULL, NULL)")
      refused("1024 bytes", "('%s', 'x', NULL, hex(zeroblob(513)), NULL, NULL, NULL)")
      refused("own ids", "('%s', 'x', NULL, '" .. id:gsub("1$", "99") .. "', NULL, NULL, NULL)")
      refused("meta is not JSON", "('%s', 'x', NULL, NULL, NULL, NULL, '{')")
      assert.equal("1|0\n", shell(name,
        "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM inbox);"))
      shell(name, columns .. ("('%s', x'32', 't', 'own', 'k', 'd', '[1]');"):format(one.name))
      shell(name, columns .. ("('%s', '3', 't', 'own', 'k', 'd', '[1]');"):format(one.name))
      assert.equal("own|event: t\ndata: 2\n\n\n",
        shell(name, "SELECT id, event FROM history WHERE key = 'k';"))
    end)

    it("drops what is over the bounds", function()
      local name = path()
      open(name):open("a", { history = 10, history_bytes = 1 << 20 })
      open_used(name):open("b", { history = 1000, history_bytes = 3000, max_age = 1 << 40 })
      close_all()
      local rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        .. "INSERT INTO inbox (channel, data, id) SELECT '%s', %s, 'own' || i FROM n;"
      assert.equal("", shell(name, rows:format("a", "i") .. rows:format("b", "hex(zeroblob(495))")))
      assert.equal("a|10|own1990|1\nb|3|own1997|1\n", shell(name, "SELECT channel, count(*), "
        .. "left_id, (SELECT count(*) FROM events AS e WHERE e.channel = channels.id) < 350 "
        .. "FROM history JOIN channels ON name = channel GROUP BY channel;"))
      local log = open(name):open("a", { history = 10, history_bytes = 1 << 20 })
      local found = stores.read(log, "own1990", 1)
      assert.same({ 1991, 2000, 1990 }, { found.first, found.head, found.after })
    end)

    it("publishes while no process runs", function()
      local name = path()
      local store = open(name)
      assert(channel(store):publish "x")
      close_all()
      shell(name, "INSERT INTO inbox (channel, data) VALUES ('new', 'one'), ('new', 'two');")
      local log = open(name):open("new", { history = 10, history_bytes = 1000 })
      assert.equal("one two", stores.text(stores.read(log, 0).records))
    end)
  end)

  it("keeps the file small", function()
    local name = path()
    local store = open(name)
    local log = store:open("a", { history = 100, history_bytes = 8 << 20 })
    local done = 0
    for i = 1, 30000 do
      log:append({ event = stores.event(("x"):rep(200)), id = i % 7 == 0 and "own" .. i or nil },
        function(position) done = done + (position and 1 or 0) end)
      if i % 5000 == 0 then wait.till(function() return done == i end, "appends") end
    end
    assert.same({ 29901, 30000 }, { stores.read(log, 0, 0).first, stores.read(log, 0, 0).head })
    close_all()
    local file <close> = assert(io.open(name, "rb"))
    assert.truthy(file:seek "end" < 1 << 20)
    assert.truthy(tonumber(shell(name, "SELECT count(*) FROM events;")) < 1000)
    assert.equal("ok\n", shell(name, "PRAGMA integrity_check;"))
  end)

  it("refuses events while too many wait", function()
    local store = open(path())
    local log = store:open("a", { history = 10, history_bytes = 1 << 30 })
    local event, codes, done = stores.event(("x"):rep(4 << 20)), {}, 0
    for _ = 1, 30 do
      log:append({ event = event }, function(position, _, code)
        done = done + 1
        codes[position and "ok" or code] = (codes[position and "ok" or code] or 0) + 1
      end)
    end
    wait.till(function() return done == 30 end, "results")
    assert.truthy(codes.EFULL and codes.ok)
  end)

  it("closes with what was published before, and refuses what comes later", function()
    local name = path()
    local store = open(name)
    local log, got = store:open("a", { history = 100, history_bytes = 1 << 20 }), {}
    for i = 1, 50 do
      log:append({ event = stores.event(i) }, function(position) got[i] = position end)
    end
    store:close()
    local late
    log:append({ event = stores.event "late" }, function(_, _, code) late = code end)
    assert.equal("ECLOSED", late)
    wait.till(function() return #got == 50 end, "positions")
    local again = open(name):open("a", { history = 100, history_bytes = 1 << 20 })
    assert.equal(50, stores.read(again, 0, 0).head)
  end)

  it("is of no use to a forked child, which leaves it to its parent", function()
    local name = path()
    local one = channel(open_used(name))
    assert(one:publish "before")
    local under_way
    one.on_error = function(err) under_way = err end
    local id = process.fork()
    if id == 0 then
      local ok = pcall(function()
        assert.equal("ECLOSED", select(3, one:publish "in the child"))
        wait.past(20) -- the loop does not spin over the parent's pipe
        local mine = channel(sse.sqlite(name))
        assert(mine:publish "by the child")
      end)
      process.exit(ok and 0 or 1)
    end
    local status = wait.till(function() return process.ended(id) end, "the child's end")
    assert.equal(0, status)
    assert(one:publish "after")
    assert.is_nil(under_way)
    local sql = "SELECT head FROM channels WHERE name = '%s';"
    assert.equal("2\n", shell(name, sql:format(one.name)))
  end)

  it("keeps sse.run no longer than it works", function()
    local program = child.script(([[
      local sse = require "sse"
      local store = sse.sqlite(%q)
      local one = sse.channel("a", { store = store })
      sse.run(function() print(one:publish "x") end)
      print "over"
    ]]):format(path()))
    program:till "%-1\nover\n"
    assert.equal(0, program:wait())
  end)

  it("serves a program that only publishes, without a word at its end", function()
    local name = path()
    for i, close in ipairs { "", "store:close()" } do
      local program = child.script(([[
        local sse = require "sse"
        local store = sse.sqlite(%q)
        io.write(sse.channel("a", { store = store }):publish "x", "\n")
        %s
      ]]):format(name, close))
      assert.equal(0, program:wait())
      assert.truthy(program:output():find("^%w+%-" .. i .. "\n$"), program:output())
    end
  end)

  it("is collected with its threads", function()
    local fds = wait.fds()
    local function use()
      local log = sse.sqlite(path()):open("a", { history = 10, history_bytes = 1000 })
      stores.append(log, 1)
      log:watch(function() end)
      stores.read(log, 0)
    end
    use()
    wait.till(function()
      collectgarbage()
      return wait.fds() == fds
    end, "the store to be collected")
  end)

  it(("survives SIGKILL, %d times"):format(kills), function()
    local name = path()
    local one = following.serve { store = open_used(name), history = 1 << 20 }
    local client, acknowledged, epoch = following.open(), {}, nil
    following.followers(one, 1)
    local program = ([[
      local sse = require "sse"
      io.stdout:setvbuf "no"
      local store = sse.sqlite(%q)
      local one = sse.channel(%q, { store = store, history = 1 << 20 })
      local round = %%d
      sse.run(function()
        for t = 1, 8 do
          sse.spawn(function()
            for i = 1, math.huge do
              local data = ("%%%%d.%%%%d.%%%%d"):format(round, t, i)
              print(data .. " " .. assert(one:publish(data)))
            end
          end)
        end
      end)
    ]]):format(name, one.name)
    for round = 1, kills do
      local run = child.script(program:format(round))
      run:till "\n%d+%.%d+%.%d+ %S+\n"
      wait.past(round % 5 * 7)
      run:kill "KILL"
      run:wait()
      for data, id in run:output():gmatch "(%S+) (%S+)\n" do
        acknowledged[data] = id
        epoch = epoch or id:match "^%w+"
        assert.equal(epoch, id:match "^%w+")
      end
    end
    assert(one:publish "end")
    client:till_data "end"
    local seen, last = {}, 0
    for _, event in ipairs(client.events) do
      assert.is_nil(seen[event.data], event.data)
      local position = tonumber(event.id:match "%d+$")
      assert.equal(last + 1, position)
      last, seen[event.data] = position, event.id
    end
    for data, id in pairs(acknowledged) do assert.equal(id, seen[data], data) end
  end)
end)
