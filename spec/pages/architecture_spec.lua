-- The architecture page describes the code as it is: it names each file of each wing, and no other,
-- and its picture has the arrows that the includes have.
local lfs = require "lfs"

local PAGE = "docs/architecture.md"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function names_in(folder, ending)
  local names = {}
  for name in lfs.dir(folder) do
    local base = name:match("^([%w_]+)%." .. ending .. "$")
    if base then names[#names + 1] = base end
  end
  table.sort(names)
  return names
end

-- The text below the heading that names the wing, up to the next heading of that level.
local function section_of(page, wing)
  local at = page:find("\n## [^\n]*%f[%w/]csrc/" .. wing .. "%f[^%w]")
  assert(at, PAGE .. " has no section for csrc/" .. wing)
  return page:sub(at, (page:find("\n## ", at + 1, true) or #page + 1) - 1)
end

local function wings()
  local folders = {}
  for name in lfs.dir "csrc" do
    if name:find "^%w" then folders[#folders + 1] = name end
  end
  table.sort(folders)
  return folders
end

local function exists(path)
  return lfs.attributes(path, "mode") == "file"
end

-- `push/round.c`, `lua/sse/task.lua`, `client/queue.lua`: as the page writes a file's path.
local function is_file(path)
  return exists(path) or exists("csrc/" .. path) or exists("lua/sse/" .. path)
end

-- What the picture says: wing -> { wing that an arrow leads to -> true }.
local function drawn_arrows(page)
  local arrows = {}
  for line in page:match("```mermaid\n(.-)```"):gmatch "[^\n]+" do
    local from, to = line:match "^ *(%w+).- %-%-> (%w+)$"
    if from then
      arrows[from] = arrows[from] or {}
      arrows[from][to] = true
    end
  end
  return arrows
end

local function included_wings(wing)
  local found = {}
  for _, ending in ipairs { "c", "h" } do
    for _, name in ipairs(names_in("csrc/" .. wing, ending)) do
      local text = read(("csrc/%s/%s.%s"):format(wing, name, ending))
      for other in text:gmatch '#include "%.%./(%w+)/' do found[other] = true end
    end
  end
  return found
end

-- The wings that are reached from one, over any number of arrows, as a sorted list.
local function reached(arrows, from)
  local seen, list = {}, {}
  local function visit(wing)
    for to in pairs(arrows[wing] or {}) do
      if not seen[to] then
        seen[to] = true
        list[#list + 1] = to
        visit(to)
      end
    end
  end
  visit(from)
  table.sort(list)
  return list
end

describe("the architecture page", function()
  local page = read(PAGE)

  for _, wing in ipairs(wings()) do
    it("names each file of csrc/" .. wing, function()
      local section = section_of(page, wing)
      for _, name in ipairs(names_in("csrc/" .. wing, "c")) do
        assert.is_truthy(section:find("%f[%w_]" .. name .. "%f[^%w_]"),
          ("csrc/%s/%s.c is not in its section"):format(wing, name))
      end
    end)
  end

  it("names each file of lua/sse", function()
    local section = page:match "\n## lua/sse.-\n## "
    local folders = { "", "/client", "/server", "/shared", "/redis", "/sqlite", "/store",
      "/workers" }
    for _, folder in ipairs(folders) do
      for _, name in ipairs(names_in("lua/sse" .. folder, "lua")) do
        assert.is_truthy(section:find("%f[%w_]" .. name .. "%f[^%w_]"),
          ("lua/sse%s/%s.lua is not in its section"):format(folder, name))
      end
    end
  end)

  it("draws the arrows that the includes have", function()
    local drawn, included = drawn_arrows(page), {}
    for _, wing in ipairs(wings()) do included[wing] = included_wings(wing) end
    for _, wing in ipairs(wings()) do
      assert.are.same(reached(included, wing), reached(drawn, wing), "arrows from " .. wing)
    end
    assert.are.same(#wings(), #reached(drawn, "lua"))
  end)

  it("names files that exist", function()
    local count = 0
    for path in (page .. read "docs/decisions.md"):gmatch "`([%w_/]+/[%w_]+%.[chlua]+)`" do
      count = count + 1
      assert.is_truthy(is_file(path), path .. " does not exist")
    end
    assert.is_true(count > 30)
  end)

  -- `wire/decoder`: a file of a wing, without its ending.
  it("names parts of wings that exist", function()
    local is_wing, count = {}, 0
    for _, wing in ipairs(wings()) do is_wing[wing] = true end
    for wing, name in (page .. read "docs/decisions.md"):gmatch "`([%w_]+)/([%w_]+)`" do
      if is_wing[wing] then
        count = count + 1
        local path = ("csrc/%s/%s"):format(wing, name)
        assert.is_truthy(exists(path .. ".h"), path .. " does not exist")
      end
    end
    assert.is_true(count > 5)
  end)

  it("names functions that exist", function()
    local code = {}
    for _, wing in ipairs(wings()) do
      for _, ending in ipairs { "c", "h" } do
        for _, name in ipairs(names_in("csrc/" .. wing, ending)) do
          code[#code + 1] = read(("csrc/%s/%s.%s"):format(wing, name, ending))
        end
      end
    end
    code = table.concat(code)
    for name in (page .. read "docs/decisions.md"):gmatch "`(sse_[%w_]+)`" do
      assert.is_truthy(code:find("%f[%w_]" .. name .. "%f[^%w_]"), name .. " is not in the code")
    end
  end)
end)
