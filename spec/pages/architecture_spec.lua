-- The architecture page describes the code as it is: it names each file of each wing, and no other.
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

  it("names files that exist", function()
    local count = 0
    for path in (page .. read "docs/decisions.md"):gmatch "`([%w_/]+/[%w_]+%.[chlua]+)`" do
      count = count + 1
      assert.is_truthy(is_file(path), path .. " does not exist")
    end
    assert.is_true(count > 30)
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
