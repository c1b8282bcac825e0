-- scripts/api.lua --check: the sheet of the interface, and its comparison with docs/reference,
-- which has to fail where a name is missing on either side.
local sse = require "sse"

package.path = "scripts/?.lua;" .. package.path
local check = require "api.check"
local comparison = require "api.comparison"
local interface = require "api.interface"
local mentions = require "api.mentions"
local page = require "api.page"
local reference = require "api.reference"
local reports = require "api.report"

local groups, pages

-- The complaints about pages, as a list.
local function complaints_of(changed)
  local report = reports.new()
  check.reference(report, groups, reference.describe(changed))
  return report.sorted(), report.count
end

local function compare(changed) return table.concat(complaints_of(changed), "\n") end

-- The pages with another text of one: change(text) gives it.
local function changed(path, change)
  local list = {}
  for i, part in ipairs(pages) do
    list[i] = { path = part.path, about = part.about, text = part.text }
    if part.path == path then
      list[i].text = change(part.text)
      assert.are_not.equal(part.text, list[i].text)
    end
  end
  return list
end

-- The pages with a piece added to one.
local function with(path, piece)
  return changed(path, function(text) return text .. "\n" .. piece .. "\n" end)
end

-- What the comparison of names says of a description.
local function compare_names(doc)
  local report = reports.new()
  comparison.compare_names(report, groups, doc)
  return table.concat(report.sorted(), "\n")
end

-- Calls fn(name, list, i) for each entry, field and option of the reference, list[i].
local function each_described(doc, fn)
  for i, entry in ipairs(doc.functions) do fn(entry.name, doc.functions, i) end
  for _, class in ipairs(doc.classes) do
    for i, field in ipairs(class.fields) do
      if #field.of > 0 then fn(field.name, class.fields, i) end
    end
  end
  for _, options in pairs(doc.options) do
    for i, option in ipairs(options) do fn(option.name, options, i) end
  end
end

-- Calls fn(name, list, i) for each name of the interface, list[i].
local function each_name(fn)
  for _, group in ipairs(groups) do
    for i, name in ipairs(group.functions) do fn(name, group.functions, i) end
    local lists = { table.unpack(group.classes) }
    lists[#lists + 1] = group
    for _, owner in ipairs(lists) do
      for _, kind in ipairs { "methods", "fields", "stats" } do
        for i, name in ipairs(owner[kind] or {}) do fn(name, owner[kind], i) end
      end
      for _, names in pairs(owner.options) do
        for i, name in ipairs(names) do fn(name, names, i) end
      end
    end
  end
end

local function mentioned_in(text)
  local report = reports.new()
  mentions.check(report.about "x.md", groups, page.read(text), {}, {})
  return report.sorted()
end

describe("the interface", function()
  setup(function() groups, pages = interface.read(), reference.read_pages "" end)

  it("agrees with the reference", function()
    local complaints, count = complaints_of(pages)
    assert.same({}, complaints)
    assert.is_true(count > 500, ("%d names"):format(count))
  end)

  it("has no name that the reference may lack", function()
    local doc, tried = reference.describe(pages), 0
    each_described(doc, function(name, list, i)
      local taken = list[i]
      list[i] = { name = "nonsense", of = {}, title = "nonsense()", params = {}, summary = "x" }
      local told = compare_names(doc)
      list[i] = taken
      assert.truthy(told:find(name:match "[%w_]+$", 1, true), name)
      tried = tried + 1
    end)
    assert.is_true(tried > 300, tried)
  end)

  it("has no number that the reference may lack", function()
    local described = reference.describe(pages)
    for _, class in ipairs(groups) do
      for _, part in ipairs(class.classes) do
        for _, name in ipairs(part.stats or {}) do
          local path = name:gsub("%.", "_")
          local doc = setmetatable({}, { __index = described })
          local word = "%f[%w]" .. name:match "[%w_]+$" .. "%f[%W]"
          doc.text = doc.text:gsub(path, "gone"):gsub(word, "")
          local without = {}
          for _, of in ipairs { "sse.SourceStats", "sse.StoreStats" } do
            without[of] = { fields = {} }
            for _, row in ipairs(described.classes[of].fields) do
              if row.name ~= name then table.insert(without[of].fields, row) end
            end
          end
          doc.classes = setmetatable(without, { __index = described.classes })
          assert.truthy(compare_names(doc):find("'" .. name .. "'", 1, true), name)
        end
      end
    end
  end)

  it("is missed if a name is in the library alone", function()
    local doc = reference.describe(pages)
    each_name(function(name, list, i)
      list[i] = "nonsense"
      local told = compare_names(doc)
      list[i] = name
      assert.truthy(told:find("nonsense", 1, true), name)
    end)
    assert.equal("", compare_names(doc))
  end)
end)

describe("a page", function()
  setup(function() groups, pages = interface.read(), reference.read_pages "" end)

  it("names nothing in the reference that does not exist", function()
    for mention, told in pairs {
      ["`sse.nonsense(1)`"] = "'sse.nonsense' does not exist",
      ["`sse.json.nonsense`"] = "'sse.json.nonsense' does not exist",
      ["`sse.AbortSignal.nonsense(1)`"] = "'sse.AbortSignal.nonsense' does not exist",
      ["`channel:nonsense()`"] = "'channel:nonsense' does not exist",
      ["```lua\nprint(channel.nonsense)\n```"] = "'channel.nonsense' does not exist",
      ["`channel:publish{ data = 1, nonsense = 2 }`"] =
        "'nonsense' is no option of channel:publish",
      ["`channel:events{ from, where }`, `channel:events({ nonsense = { from = 1 } })`"] =
        "'nonsense' is no option of channel:events",
    } do
      local path = "docs/reference/channels.md"
      assert.equal(path .. ": " .. told, compare(with(path, mention)))
    end
  end)

  it("describes nothing in the reference that does not exist", function()
    local path = "docs/reference/channels.md"
    local row = "| `nonsense` | `string` | | |"
    for piece, told in pairs {
      ["<!-- options sse.channel -->\n| Option | Type | Default | |\n|-|-|-|-|\n" .. row] =
        "sse.channel has no option 'nonsense'",
      ["<!-- class channel = sse.Channel -->\n\n| Field | Type | |\n|-|-|-|\n" .. row] =
        "channel has no field 'nonsense'",
      ["<!-- class channel = sse.Channel -->\n\n### channel:nonsense()\n\nX.\n\n```lua\nx()\n```"] =
        "channel has no method 'nonsense'",
      ["### sse.nonsense()\n\nX.\n\n```lua\nx()\n```"] = "'sse.nonsense' does not exist",
      ["### sse.sleep(ms, x)\n\nX.\n\n- `ms: number` x\n\n```lua\nx()\n```"] =
        "sse.sleep(ms, x): nothing about 'x'",
      ["### sse.sleep(ms)\n\nX.\n\n- `ms: number` x"] = "sse.sleep(ms): no example",
    } do
      local complaints = compare(with(path, piece))
      assert.truthy(complaints:find(told, 1, true), complaints)
    end
  end)

  it("names nothing elsewhere that does not exist", function()
    assert.same({
      "x.md: 'keep_alive' is no option of sse.server", "x.md: 'server:drain' does not exist",
      "x.md: 'sse.log' does not exist", "x.md: no function has the option 'colour' (line 9)",
      "x.md: no function has the option 'keep_alive' (line 8)",
      "x.md: no function has the option 'taste' (line 13)",
    }, mentioned_in("`sse.log(fn)`, `sse.sleep(1)`\n\n```lua\nserver:drain { within = 5 }\n"
      .. "sse.server { keep_alive = 5, on_error = function(err) local e = err end }\n```\n\n"
      .. "With the option `keep_alive`,\nthe options `port` and `colour` of `sse.server`.\n\n"
      .. "| Option | |\n|---|---|\n| `taste` | |\n"))
  end)

  it("may show wrong code, and other libraries' words, in a table that says so", function()
    local foreign = "<!-- foreign -->\n\n| a | b |\n|---|---|\n| `res.sent(x)`, `req.get` |"
    assert.same({}, mentioned_in("| You write | |\n|---|---|\n| `sse.nonsense()` | |\n\n"
      .. foreign .. " |\n"))
    assert.same({ "x.md: 'res.nonsense' does not exist" },
      mentioned_in(foreign .. " `res.nonsense` |\n"))
    assert.same({ "x.md: 'res.three' does not exist" },
      mentioned_in "| a | Here |\n|---|---|\n| `res.one` | `res.three` |\n")
    assert.same({ "x.md: 'res.three' does not exist" },
      mentioned_in "<!-- foreign -->\n\n`res.one`\n`res.two`\n\n`res.three`\n")
  end)
end)

describe("the sheet", function()
  setup(function() groups = interface.read() end)

  it("refuses a function that is in no group", function()
    rawset(sse, "nonsense", print)
    local ok, err = pcall(interface.read)
    rawset(sse, "nonsense", nil)
    assert.is_false(ok)
    assert.equal("in no group: sse.nonsense", err)
  end)

  it("is what scripts/api.lua prints", function()
    local printed = require("api.sheet").text(groups)
    for _, line in ipairs {
      "  timer: stop() unref() active", "          sse.file{ }: content_type headers",
    } do
      assert.truthy(("\n" .. printed .. "\n"):find("\n" .. line .. "\n", 1, true), printed)
    end
    each_name(function(name)
      assert.truthy(printed:find(name:match "[^.]+$", 1, true), name)
    end)
  end)
end)
