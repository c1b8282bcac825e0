-- What docs/stores.md asks of a store, for every store.
local core = require "sse.core"
local stores = require "spec.support.stores"
local wait = require "spec.support.wait"

local append, read = stores.append, stores.read

local BOUNDS = { history = 1000, history_bytes = 8 << 20 }

-- What a log is to hold; `text` of a read that begins before everything.
local function check(log, first, head, text)
  local result = read(log, 0)
  assert.same({ first, head, text }, { result.first, result.head, stores.text(result.records) })
end

stores.each("A store", { describe = describe, after_each = after_each }, function(made)
  local function open(bounds)
    return made.store():open("news", bounds or BOUNDS)
  end

  it("is empty at first", function()
    local result = read(open(), 0)
    assert.same({ 1, 0, {} }, { result.first, result.head, result.records })
    assert.truthy(result.epoch:find "^[a-z0-9]+$" and #result.epoch <= 16)
  end)

  it("gives positions in the order of the appends, and records as they were", function()
    local log, got = open(), {}
    for i = 1, 5 do
      log:append({ event = stores.event(i) }, function(position) got[#got + 1] = position end)
    end
    wait.till(function() return #got == 5 end, "five positions")
    assert.same({ 1, 2, 3, 4, 5 }, got)
    local record = { event = "event: a\ndata: \xff\0\ndata:\n\n", id = "own", key = "k",
      dedupe = "d", meta = '{"to":1}' }
    local before = core.wall_now()
    local position, epoch, held = stores.wait(function(done) log:append(record, done) end)
    assert.same({ 6, read(log, 0, 0).epoch }, { position, epoch, held })
    local got_record = read(log, 5).records[1]
    for name, value in pairs(record) do assert.equal(value, got_record[name]) end
    assert.equal(6, got_record.position)
    assert.truthy(got_record.time >= before - 1 and got_record.time <= core.wall_now() + 1)
  end)

  it("reads from a position on, a limited number, and looks", function()
    local log = open()
    for i = 1, 10 do append(log, i) end
    local result = read(log, 3, 4)
    assert.same({ 1, 10, 3, "4 5 6 7" },
      { result.first, result.head, result.after, stores.text(result.records) })
    assert.equal("10", stores.text(read(log, 9).records))
    assert.same({}, read(log, 10).records)
    assert.same({}, read(log, 0, 0).records)
    assert.same({}, read(log, 99).records)
  end)

  it("tells watchers of each event in order, in all logs of that name", function()
    local log = open()
    local other = made.again():open("news", BOUNDS)
    append(log, "before")
    local mine, theirs = stores.watch(log), stores.watch(other)
    read(log, 0)
    read(other, 0)
    for i = 1, 20 do append(i % 2 == 0 and log or other, i) end
    wait.till(function() return #theirs >= 20 and #mine >= 20 end, "news")
    for i = 1, 20 do
      assert.same({ i + 1, ("%d"):format(i) }, { mine[i].position, mine[i].data })
      assert.same({ i + 1, ("%d"):format(i) }, { theirs[i].position, theirs[i].data })
    end
    log:watch(nil)
    append(other, "later")
    wait.till(function() return theirs[21] end, "the event")
    assert.is_nil(mine[21])
  end)

  it("keeps logs of different names apart", function()
    local store = made.store()
    local a, b = store:open("a", BOUNDS), store:open("b", BOUNDS)
    append(a, 1)
    append(b, 2, { id = "x", dedupe = "d" })
    append(a, 3, { id = "x", dedupe = "d" })
    check(a, 1, 2, "1 3")
    check(b, 1, 1, "2")
  end)

  it("keeps events by count", function()
    local log = open { history = 3, history_bytes = 8 << 20 }
    for i = 1, 10 do append(log, i) end
    local result = read(log, 0)
    assert.same({ 8, 10 }, { result.first, result.head })
    assert.equal("8 9 10", stores.text(read(log, 7).records))
  end)

  it("keeps events by bytes", function()
    local size = #stores.event "1"
    local log = open { history = 1000, history_bytes = size * 4 + 1 }
    for i = 1, 9 do append(log, i) end
    assert.same({ 6, 9 }, { read(log, 0).first, read(log, 0).head })
  end)

  it("keeps events by age", function()
    local log = open { history = 1000, history_bytes = 8 << 20, max_age = 1 }
    append(log, 1)
    append(log, 2)
    wait.till(function() return read(log, 0, 0).first == 3 end, "the events to age")
    assert.equal(2, read(log, 0, 0).head)
    assert.equal(3, (append(log, 3)))
  end)

  it("keeps none with a history of 0, and goes on counting", function()
    local log = open { history = 0, history_bytes = 8 << 20 }
    local news = stores.watch(log)
    append(log, 1)
    append(log, 2)
    wait.till(function() return news[2] end, "news")
    assert.same({ 3, 2 }, { read(log, 0, 0).first, read(log, 0, 0).head })
  end)

  it("finds own ids, refuses the same again, and knows that of the last event dropped", function()
    local log = open { history = 3, history_bytes = 8 << 20 }
    for i = 1, 4 do assert(append(log, i, { id = "own " .. i })) end
    local position, message, code = append(log, 5, { id = "own 3" })
    assert.same({ nil, "EEXIST" }, { position, code })
    assert.truthy(message:find "id")
    assert.equal(2, read(log, "own 2", 0).after)
    assert.equal("3 4", stores.text(read(log, "own 2").records))
    assert.equal(1, read(log, "own 1", 0).after)
    assert.is_nil(read(log, "own 9", 0).after)
    assert.same({}, read(log, "own 9").records)
    append(log, 5)
    assert.is_nil(read(log, "own 1", 0).after)
    assert.equal(2, read(log, "own 2", 0).after)
    assert(append(log, 6, { id = "own 1" }))
  end)

  it("appends nothing where it holds the dedupe, and gives that event", function()
    local log = open { history = 3, history_bytes = 8 << 20 }
    local first, epoch = append(log, 1, { dedupe = "d" })
    append(log, 2, { dedupe = "e", id = "own" })
    local position, same, held = append(log, 3, { dedupe = "d" })
    assert.same({ first, epoch, 1 }, { position, same, held.position })
    assert.is_nil(held.id)
    assert.equal("own", select(3, append(log, 3, { dedupe = "e", id = "other" })).id)
    assert.equal(2, read(log, 0, 0).head)
    append(log, 3)
    append(log, 4)
    assert.equal(5, (append(log, 5, { dedupe = "d" })))
  end)

  it("gives dedupe and id in one batch their due", function()
    local log, got = open(), {}
    local function note(...) got[#got + 1] = table.pack(...) end
    for _ = 1, 2 do log:append({ event = stores.event(1), dedupe = "d" }, note) end
    for _ = 1, 2 do log:append({ event = stores.event(2), id = "i" }, note) end
    wait.till(function() return #got == 4 end, "four results")
    assert.same({ 1, 1, 2 }, { got[1][1], got[2][1], got[3][1] })
    assert.same({ nil, "EEXIST" }, { got[4][1], got[4][3] })
  end)

  it("is the same for whoever opens it", function()
    local log = open()
    append(log, 1)
    local other = made.again():open("news", BOUNDS)
    assert.equal(read(log, 0).epoch, read(other, 0).epoch)
    append(other, 2)
    check(log, 1, 2, "1 2")
  end)

  it("tells how many followers the other logs of that name have, if it knows", function()
    local store = made.store()
    local log = store:open("news", BOUNDS)
    if not log.announce then return end
    local other, heard = made.again():open("news", BOUNDS), {}
    store:open("other", BOUNDS):announce(100)
    log:others(function(count) heard[#heard + 1] = count end)
    local function till(count)
      wait.till(function() return heard[#heard] == count end, count .. " followers")
    end
    till(0)
    log:announce(50)
    other:announce(3)
    till(3)
    local third = made.again():open("news", BOUNDS)
    third:announce(4)
    till(7)
    other:announce(2)
    other:announce(1)
    till(5)
    third:close()
    till(1)
    local late = {}
    other:others(function(count) late[#late + 1] = count end)
    wait.till(function() return late[#late] == 50 end, "what was told before")
    log:others(nil)
    local before = #heard
    other:announce(9)
    log:announce(0)
    wait.till(function() return late[#late] == 0 end, "the last number")
    assert.equal(before, #heard)
  end)

  it("takes close twice, and answers nothing afterwards", function()
    local store = made.store()
    local log = store:open("news", BOUNDS)
    append(log, 1)
    log:close()
    log:close()
    assert.equal("table", type(store:stats()))
    store:close()
    store:close()
  end)
end)
