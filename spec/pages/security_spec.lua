-- docs/security.md names only options that exist, and specs and targets that can be run.
local sse = require "sse"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local page = read "docs/security.md"
local makefiles = read "Makefile" .. read "bench/Makefile.inc" .. read "spec/c/Makefile.inc"

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

-- The rows of the tables in a text, each as column name -> cell.
local function rows(text)
  local list, names = {}, nil
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local cells = {}
    for cell in line:gmatch "|%s*([^|]*)" do cells[#cells + 1] = cell end
    if #cells == 0 then
      names = nil
    elseif not names then
      names = cells
      for i, name in ipairs(names) do names[i] = name:match "^(.-)%s*$" end
    elseif not line:find "^|%-" then
      local row = {}
      for i, name in ipairs(names) do row[name] = cells[i] end
      list[#list + 1] = row
    end
  end
  return list
end

local function section(title)
  local text = page:match("\n" .. title .. "[^\n]*\n(.-)\n##")
  return assert(text, "no section " .. title)
end

-- Whether a function has an option of that name: its error says that a coroutine is no value for
-- it.
local function takes(make, name)
  local ok, message = pcall(make, { [name] = coroutine.create(print) })
  assert.is_false(ok)
  return not message:find("unknown option", 1, true)
end

local makers = {
  ["### Of a server"] = { sse.server },
  ["### Of a channel"] = { function(options) sse.channel("security page", options) end },
  ["### Of a client"] = {
    function(options) sse.EventSource("http://127.0.0.1/", options) end,
    function(options) sse.fetch("http://127.0.0.1/", options) end,
  },
}

local function can_be_run(name)
  local target = name:match "^make ([%w-]+)$" or name:match "^test%-%w+$"
  if target then return makefiles:find("\n" .. target .. ":", 1, true) end
  return exists("spec/" .. name .. "_spec.lua") or exists("spec/c/" .. name .. ".c")
    or exists(name)
end

describe("security page", function()
  for title, list in pairs(makers) do
    it("names options that exist: " .. title, function()
      local count = 0
      for _, row in ipairs(rows(section(title))) do
        local name = row.Option:match "`([%w_]+)`"
        local taken = false
        for _, make in ipairs(list) do taken = taken or takes(make, name) end
        assert.is_true(taken, name)
        count = count + 1
      end
      assert.is_true(count > 3)
    end)
  end

  it("names specs that exist", function()
    local count = 0
    for _, row in ipairs(rows(page)) do
      for name in (row.Spec or ""):gmatch "`([^`]+)`" do
        assert.truthy(can_be_run(name), name)
        count = count + 1
      end
      if row.Spec then
        assert.truthy(row.Spec:find "`" or row.Threat:find "bombs", row.Threat)
      end
    end
    assert.is_true(count > 40)
  end)
end)
