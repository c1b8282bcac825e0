-- A machine that loses its power while tasks publish: what sse.sqlite's `sync` promises. The disk
-- is spec/support/disk.c.
local databases = require "spec.support.databases"
local disk = require "spec.disk"
local net = require "spec.support.net"
local random = require "spec.support.random"
local sse = require "sse"
local stores = require "spec.support.stores"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

-- SSE_POWER_CUTS=500 SSE_POWER_SEED=1 for more of them.
local cuts = tonumber(os.getenv "SSE_POWER_CUTS") or net.stress and 2 or 6
local first = tonumber(os.getenv "SSE_POWER_SEED") or 1

local TASKS = 24
local BOUNDS = { history = 1000000, history_bytes = 1 << 30 }

local function make_folder(name)
  local folder = ("%s/power %s"):format(temporary.folder(), name)
  assert(os.execute(("rm -rf '%s' && mkdir '%s'"):format(folder, folder)))
  return folder
end

describe("sse.sqlite on a machine that loses its power", function()
  after_each(function()
    databases.close()
    disk.off()
  end)

  -- Publishes until the power is cut; returns id -> data of what was acknowledged, and how much
  -- that was.
  local function publish_until_cut(folder, sync, seed)
    local rnd = random.new(seed)
    disk.on(20 + rnd(seed % 2 == 0 and 16000 or 2000)) -- 9,000 bring the first checkpoint
    local store = databases.open(folder .. "/events.db", { sync = sync })
    local one = databases.channel(store, { history = BOUNDS.history,
      history_bytes = BOUNDS.history_bytes })
    local acknowledged, count, left = {}, 0, TASKS
    local function publish(n)
      local serial = 0
      repeat
        serial = serial + 1
        local data = ("%d.%d %s"):format(n, serial, ("x"):rep(rnd(3000)))
        local id = one:publish(data)
        if id then
          acknowledged[id], count = data, count + 1
        end
      until not id
      left = left - 1
    end
    for n = 1, TASKS do sse.spawn(publish, n) end
    wait.till(function() return left == 0 end, "the cut")
    assert.is_true(disk.is_cut())
    local image = make_folder "image"
    disk.image(image, seed)
    one:close()
    databases.close()
    disk.off()
    return image, acknowledged, count, one.name
  end

  -- The events of the log, after the machine has started again.
  local function read(image, name)
    local file = image .. "/events.db"
    local answer = databases.shell(file, "PRAGMA integrity_check;")
    assert.equal("ok\n", answer)
    local log = databases.open(file):open(name, BOUNDS)
    local found, at = {}, 0
    repeat
      local result = stores.read(log, at, 1000)
      for i, record in ipairs(result.records) do
        assert.equal(at + i, record.position)
        found[("%s-%d"):format(result.epoch, record.position)] = record.event:match "data: ([^\n]*)"
      end
      at = at + #result.records
    until #result.records == 0
    assert.equal(at, stores.read(log, 0, 0).head)
    databases.close()
    return found
  end

  local function count_lost(seed, sync)
    local image, acknowledged, count, name = publish_until_cut(
      make_folder "disk", sync, seed)
    local found = read(image, name)
    local lost = 0
    for id, data in pairs(acknowledged) do
      if found[id] ~= data then lost = lost + 1 end
      assert.is_truthy(found[id] == nil or found[id] == data)
    end
    return lost, count
  end

  it(("has with sync = \"full\" all that was acknowledged: %d cuts"):format(cuts), function()
    local total = 0
    for seed = first, first + cuts - 1 do
      local lost, count = count_lost(seed, "full")
      if lost > 0 then error(("seed %d: lost %d of %d events"):format(seed, lost, count)) end
      total = total + count
    end
    assert.is_true(total > cuts)
  end)

  it("with \"normal\" loses the newest, and has a file that is sound", function()
    local lost = 0
    for seed = first, first + cuts - 1 do lost = lost + count_lost(seed, "normal") end
    assert.is_true(lost > 0)
  end)
end)
