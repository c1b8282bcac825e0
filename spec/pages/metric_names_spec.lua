-- The one list of what is counted: the core gives each number, the stats and the metrics have each,
-- and the reference has a row for each and none for another.
local core = require "sse.core"
local exposition = require "spec.support.exposition"
local limit = require "sse.server.limit"
local metric_names = require "sse.server.metric_names"
local objects = require "spec.support.objects"
local sse = require "sse"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- The rows of the reference's tables of metrics, by the metric's name.
local function documented()
  local rows = {}
  for row in read("docs/reference/numbers.md"):gmatch "\n(| `[%w_.]+` | `sse_[^\n]*)" do
    local name = row:match "`(sse_[%w_]+)"
    assert(not rows[name], name .. " has two rows")
    rows[name] = row
  end
  return rows
end

-- The paths to what is no table in stats, joined by "_"; a table of an entry that has a label, or
-- is a histogram, is one path.
local function paths(stats, whole, prefix, into)
  for name, value in pairs(stats) do
    local path = prefix .. name
    if type(value) == "table" and not whole[path] then paths(value, whole, path .. "_", into)
    else into[path] = value end
  end
  return into
end

local function keys(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function stems(list)
  local set = {}
  for _, entry in ipairs(list) do
    assert(not set[entry.stem], entry.stem .. " twice")
    set[entry.stem] = entry
  end
  return set
end

describe("the list of metrics", function()
  local function check(list, numbers, stats)
    local expected, whole = stems(list), {}
    for stem, entry in pairs(expected) do
      if entry.label or entry.kind == "histogram" then whole[stem] = true end
    end
    assert.same(keys(expected), keys(numbers))
    assert.same(keys(expected), keys(paths(stats, whole, "", {})))
    for stem, entry in pairs(expected) do
      assert.equal(whole[stem] and "table" or "number", type(numbers[stem]), stem)
      if entry.kind ~= "histogram" then
        assert.same(numbers[stem], paths(stats, whole, "", {})[stem])
      end
      assert.truthy(entry.help:find "%.$")
    end
  end

  it("has what the core and limits count of a server, and the stats have it", function()
    local server = sse.server {}
    local numbers = core.server({ on_request = print }):numbers()
    limit.add_numbers({ limits = {}, limited = { rate = 0, streams = 0 } }, numbers)
    check(metric_names.server, numbers, server:stats())
  end)

  it("has what the core counts of a channel, and the stats have it", function()
    local channel = objects.channel()
    check(metric_names.channel, core.channel_numbers(channel), channel:stats())
  end)

  it("makes the metrics' names", function()
    local _, families = exposition.read((sse.server({}):metrics()))
    local names, groups = {}, {}
    for prefix, list in pairs { sse_ = metric_names.server, sse_channel_ = metric_names.channel } do
      for _, entry in ipairs(list) do
        local path = entry.group and entry.group .. "_" .. entry.name or entry.name
        local name = prefix .. path .. (entry.kind == "counter" and "_total" or "")
        names[name] = true
        assert.equal(entry.kind, families[name] and families[name].kind, name)
        assert.equal(name, entry.metric)
        assert.is_nil(groups[prefix .. path])
      end
    end
    assert.same(keys(names), keys(families))
  end)

  it("is what the reference has rows of", function()
    local rows, entries = documented(), {}
    for _, list in ipairs { metric_names.server, metric_names.channel } do
      for _, entry in ipairs(list) do entries[entry.metric] = entry end
    end
    assert.same(keys(entries), keys(rows))
    for name, entry in pairs(entries) do
      local path = (entry.group and entry.group .. "." or "") .. entry.name
      local label = entry.label and "{" .. entry.label .. "}" or ""
      local kind = entry.kind == "counter" and "" or entry.kind
      local row = ("| `%s` | `%s%s` | %s |"):format(path, name, label, kind)
      assert.equal(row, rows[name]:sub(1, #row))
    end
  end)
end)
