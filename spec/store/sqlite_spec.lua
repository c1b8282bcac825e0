-- sse.sqlite: what is wrong with a file, and how it is told.
local databases = require "spec.support.databases"
local following = require "spec.support.following"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local stores = require "spec.support.stores"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local channel, close_all, open = databases.channel, databases.close, databases.open
local open_used, path, shell = databases.open_used, databases.path, databases.shell
local states_of, write = databases.states_of, databases.write

describe("sse.sqlite", function()
  after_each(function()
    following.stop()
    close_all()
  end)

  it("raises on misuse", function()
    local blames = misuse.blames
    blames("sse.sqlite: expected a path, got nil", function() sse.sqlite() end)
    blames("sse.sqlite: expected a path, got string \"\"", function() sse.sqlite "" end)
    blames("sse.sqlite: unknown option 'synch'", function() sse.sqlite("x", { synch = 1 }) end)
    blames("option 'sync' must be", function() sse.sqlite("x", { sync = "always" }) end)
    local store = open(path())
    blames("on_state must be a function or nil", function() store.on_state = 1 end)
    blames("field 'onstate' of a store is not to be written", function() store.onstate = 1 end)
    local one = channel(store)
    blames("with another 'store'", function() sse.channel(one.name, { store = open(path()) }) end)
    assert.equal(one, sse.channel(one.name, { store = store }))
  end)

  describe("tells by publish and on_state", function()
    local function check(name, message, code)
      local store = open(name)
      local states, one = states_of(store), channel(store)
      local got = { one:publish "x" }
      assert.same({ nil, code }, { got[1], got[3] })
      assert.truthy(got[2]:find(message, 1, true), got[2])
      assert.same({ ("down %s (%s)"):format(got[2], code) }, states)
      return store, one, states
    end

    it("a folder", function()
      check(temporary.folder(), "the path is a folder", "EISDIR")
    end)

    it("a folder that is not there, until it is", function()
      local name = path() .. ".d"
      local store, one, states = check(name .. "/events.db", "unable to open", "EACCES")
      assert(os.execute(("mkdir '%s'"):format(name)))
      assert(one:publish "x")
      assert.equal("up", states[2])
      assert.equal(1, store:stats().failures > 0 and 1)
    end)

    it("garbage", function()
      local name = path()
      write(name, ("garbage"):rep(1000))
      check(name, "not a database", "ECORRUPT")
    end)

    it("another program's database, which stays as it is", function()
      local name = path()
      shell(name, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);")
      check(name, "another program's", "EINVAL")
      assert.equal("delete\n", shell(name, "PRAGMA journal_mode;"))
    end)

    it("a newer version", function()
      local name = path()
      local store = open(name)
      assert(channel(store):publish "x")
      close_all()
      shell(name, "PRAGMA user_version = 2;")
      check(name, "a newer one made it", "EVERSION")
    end)

    it("what others have put into the file's schema that is not for them to call", function()
      local name = path()
      local store = open_used(name)
      shell(name, "CREATE TRIGGER theirs AFTER INSERT ON events BEGIN "
        .. "SELECT count(*) FROM pragma_database_list; END;")
      assert.truthy(select(2, channel(store):publish "x"):find "unsafe use")
      shell(name, "DROP TRIGGER theirs;")
      assert(channel(store):publish "x")
      assert.equal("", shell(name, "INSERT INTO inbox (channel, data) VALUES ('a', 'b');"))
    end)

    it("a file whose middle is destroyed, and serves what it holds", function()
      local name = path()
      local one, _, server = following.serve { store = open_used(name), history = 100 }
      assert(server)
      local client = following.open()
      following.followers(one, 1)
      for i = 1, 50 do assert(one:publish(i .. (" x"):rep(2000))) end
      client:till(function() return #client.events == 50 end, "events")
      local id = one.last_id
      shell(name, "PRAGMA wal_checkpoint(TRUNCATE);")
      local file <close> = assert(io.open(name, "r+b"))
      file:seek("set", 4096)
      file:write(("\xff"):rep(100000)):close()
      local got, message, code
      for i = 1, 5 do
        got, message, code = one:publish("after " .. i .. ("y"):rep(20000))
        if not got then break end
      end
      if not got then assert.equal("ECORRUPT", code, message) end
      assert.equal("", following.open(following.id(id, 49)):till(function(c)
        return c.events[1]
      end):text():match "^gap.*" or "")
    end)
  end)

  it("takes the numbers of logs that were closed for others", function()
    local name = path()
    local store, kept, heard = open_used(name), open_used(name):open("kept", {}), {}
    for _, channel_name in ipairs { "old", "new" } do
      kept.store.public:open(channel_name, {}):others(function(n) heard[channel_name] = n end)
    end
    local old = store:open("old", {})
    old:announce(5)
    wait.till(function() return heard.old == 5 end, "the old log's followers")
    old:close()
    assert(stores.append(kept, "meanwhile"))
    local new
    wait.till(function()
      if new then new:close() end
      new = store:open("new", {})
      stores.read(new, 0, 0)
      return new.number == old.number
    end, "the number")
    new:announce(7)
    wait.till(function() return heard.new == 7 end, "the new log's followers")
    assert.equal(0, heard.old)
    assert.same({ n = 3, nil, "the log is closed", "ECLOSED" },
      table.pack(stores.append(old, "late")))
    assert.equal("ECLOSED", select(3, stores.read(old, 0)))
    for i = 1, 300 do
      local log = store:open("room" .. i, {})
      assert(stores.append(log, "x"))
      log:close()
    end
    assert.truthy(store:open("last", {}).number < 10)
  end)

  it("acknowledges nothing for a log that could not be opened", function()
    local handle <close> = require("sse.sqlite.core").open(path(), 1, 1000, 65536)
    local results, number = {}, 7 -- the thread knows none of that number
    for ticket = 1, 10 do assert(handle:append(number, ticket, "data: x\n\n")) end
    assert(handle:read(number, 11, 0, 10))
    handle:wake()
    wait.till(function()
      handle:take()
      for kind, _, result, _, code in handle.next, handle do
        if kind == "result" then results[#results + 1] = result == nil and code end
      end
      return #results == 11
    end, "the results")
    assert.equal(("ENOMEM "):rep(11), table.concat(results, " ") .. " ")
  end)

  it("hears of others after a failure, also where it asks for nothing more", function()
    local name = path()
    local store, other = open_used(name), open_used(name)
    local one = following.serve { store = store }
    local client = following.open()
    following.followers(one, 1)
    shell(name, "CREATE TRIGGER no BEFORE INSERT ON events WHEN NEW.key = 'x' BEGIN "
      .. "SELECT RAISE(ABORT, 'not x'); END;")
    assert.same({ n = 3, nil, "not x", "ESYS" },
      table.pack(one:publish { data = "x", key = "x" }))
    stores.append(other:open(one.name, {}), "heard")
    client:till_data "heard"
  end)

  describe("on a small file system", function()
    local folder

    local function mount()
      folder = path() .. ".mnt"
      assert(os.execute(("mkdir '%s'"):format(folder)))
      local command = "mount -t tmpfs -o size=1m tmpfs '%s' 2>/dev/null"
      return os.execute(command:format(folder))
    end

    after_each(function()
      close_all()
      os.execute(("umount '%s' 2>/dev/null"):format(folder))
    end)

    it("tells that the disk is full, loses nothing, and goes on once there is room", function()
      if not mount() then return pending "no file system can be mounted" end
      local name = folder .. "/events.db"
      local store = open(name)
      local states, one, ids = states_of(store), channel(store, { history = 10000 }), {}
      local id, message, code
      repeat
        id, message, code = one:publish(("x"):rep(1000))
        ids[#ids + 1] = id
      until not id
      assert.equal("ENOSPC", code, message)
      assert.truthy(#ids > 20)
      assert.truthy(states[2]:find "^down ")
      assert.equal("ENOSPC", select(3, one:publish(("x"):rep(1000))))
      assert(os.execute(("mount -o remount,size=4m '%s'"):format(folder)))
      ids[#ids + 1] = assert(one:publish "room")
      assert.equal("up", states[#states])
      local held = stores.read(open(name):open(one.name, { history = 1, history_bytes = 1 }), 0,
        10000)
      assert.equal(#ids, held.head)
    end)

    it("goes on where only the write-ahead log is large", function()
      if not mount() then return pending "no file system can be mounted" end
      local name, failures = folder .. "/events.db", 0
      for _ = 1, 4 do -- each in one transaction, until the file has its size
        local log, got = open(name):open("small", { history = 20, history_bytes = 1 << 20 }), 0
        for _ = 1, 300 do
          log:append({ event = stores.event(("x"):rep(500)) }, function() got = got + 1 end)
        end
        wait.till(function() return got == 300 end, "the events")
        close_all()
      end
      local one = sse.channel("small", { store = open(name), history = 20 })
      for _ = 1, 1000 do
        local id, message, code = one:publish(("x"):rep(500))
        if not id then
          failures = failures + 1
          assert.equal("ENOSPC", code, message)
          assert(one:publish "at once again")
        end
      end
      assert.is_true(failures > 0)
      one:close()
    end)

    it("tells that the file is read-only", function()
      if not mount() then return pending "no file system can be mounted" end
      local name = folder .. "/events.db"
      local first = open(name)
      assert(channel(first):publish "x")
      close_all()
      assert(os.execute(("mount -o remount,ro '%s'"):format(folder)))
      local store = open(name)
      local states, one = states_of(store), channel(store)
      local id, message, code = one:publish "y"
      assert.is_nil(id)
      assert.truthy(code == "EROFS" or code == "EACCES", message)
      assert.truthy(states[1]:find "^down ")
    end)
  end)
end)
