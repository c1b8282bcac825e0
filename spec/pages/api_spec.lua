-- scripts/api.lua: the sheet of the interface, and its comparison with docs/reference.md, which has
-- to fail where a name is missing on either side.
local sse = require "sse"

package.path = "scripts/?.lua;" .. package.path
local comparison = require "api.comparison"
local interface = require "api.interface"

local function read_page()
  local file <close> = assert(io.open "docs/reference.md")
  return file:read "a"
end

local groups, page

-- The complaints about a page, as one text.
local function compare(text) return table.concat(comparison.compare(groups, text), "\n") end

-- The page without a word: each place has another in its stead. For a name of the stats, also
-- without its metrics.
local function without(word, name, kind)
  local text = page:gsub("%f[%w_]" .. word .. "%f[^%w_]", "gone")
  return kind == "stats" and text:gsub(name:gsub("%.", "_"), "gone") or text
end

-- Calls fn(name, list, i, kind) for each name of the interface, list[i].
local function each_name(fn)
  for _, group in ipairs(groups) do
    for i, name in ipairs(group.functions) do fn(name, group.functions, i, "function") end
    local lists = { table.unpack(group.classes) }
    lists[#lists + 1] = group
    for _, owner in ipairs(lists) do
      for _, kind in ipairs { "methods", "fields", "stats" } do
        for i, name in ipairs(owner[kind] or {}) do fn(name, owner[kind], i, kind) end
      end
      for _, names in pairs(owner.options) do
        for i, name in ipairs(names) do fn(name, names, i, "option") end
      end
    end
  end
end

describe("the sheet of the interface", function()
  setup(function() groups, page = interface.read(), read_page() end)

  it("agrees with the reference", function()
    local complaints, count = comparison.compare(groups, page)
    assert.same({}, complaints)
    assert.is_true(count > 300, ("%d names"):format(count))
  end)

  it("finds a name that the reference lacks, whichever it is", function()
    local tried = {}
    each_name(function(name, _, _, kind)
      local word = name:match "[^.]+$"
      if tried[word .. kind] then return end
      tried[word .. kind] = true
      local told = compare(without(word, name, kind))
      assert.truthy(told:find(("[.']%s'"):format(word)), ("%s is missed by nobody"):format(name))
    end)
  end)

  it("finds a name that is missing under one heading alone", function()
    local text = page:gsub("(\n### Event streams\n)(.-)(\n### )", function(before, section, after)
      return before .. section:gsub("%f[%w_]pending%f[^%w_]", "gone") .. after
    end)
    assert.equal("", compare(page))
    assert.equal('docs/reference.md: no \'pending\' of stream under "Event streams", "Channels"',
      compare(text))
  end)

  it("finds a name that the reference has and the library has not", function()
    for mention, told in pairs {
      ["`sse.nonsense(1)`"] = "'sse.nonsense' does not exist",
      ["`sse.json.nonsense`"] = "'sse.json.nonsense' does not exist",
      ["`sse.AbortSignal.nonsense(1)`"] = "'sse.AbortSignal.nonsense' does not exist",
      ["`channel:nonsense()`"] = "'channel:nonsense' does not exist",
      ["```lua\nprint(channel.nonsense)\n```"] = "'channel.nonsense' does not exist",
      ["`:nonsense(x)`"] = "':nonsense' under \"Channels\" does not exist",
      ["`channel:publish{ data = 1, nonsense = 2 }`"] =
        "'nonsense' is no option of channel:publish",
      ["`channel:events{ from, where }`, `channel:events({ nonsense = { from = 1 } })`"] =
        "'nonsense' is no option of channel:events",
      ["| Option | Default |\n|---|---|\n| `history`, `nonsense` | 1 |"] =
        "no function of \"Channels\" has the option 'nonsense'",
    } do
      assert.equal("docs/reference.md: " .. told, compare(page .. "\n\n" .. mention .. "\n"))
    end
  end)

  it("finds each function and option of the reference's tables that the library loses", function()
    local lost = 0
    for _, group in ipairs(groups) do
      for i, name in ipairs(group.functions) do
        group.functions[i] = "nothing"
        assert.truthy(compare(page):find(("'sse.%s' does not exist"):format(name), 1, true), name)
        group.functions[i] = name
        lost = lost + 1
      end
    end
    local channel = groups[5].options["sse.channel"]
    for i, name in ipairs(channel) do
      channel[i] = "nothing"
      assert.truthy(compare(page):find(("has the option '%s'"):format(name), 1, true), name)
      channel[i] = name
    end
    assert.is_true(lost > 20)
    assert.equal("", compare(page))
  end)

  it("finds a name that another page uses and the library has not", function()
    local text = "`sse.log(fn)`, `sse.sleep(1)`\n\n```lua\nserver:drain { within = 5 }\n"
      .. "sse.server { keep_alive = 5, on_error = function(err) local e = err end }\n```\n"
    assert.same({
      "x.md: 'keep_alive' is no option of sse.server", "x.md: 'server:drain' does not exist",
      "x.md: 'sse.log' does not exist",
    }, comparison.check_page(groups, "x.md", text))
  end)

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
