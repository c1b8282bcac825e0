-- Every line of the client's and the parser's conformance list has tests that name it, and the
-- parser's cases are fed in every way of splitting them.
local cases = require "spec.cases.parser_cases"
local lfs = require "lfs"

local LINES, PARSER_LINES = 44, 24
local FURTHER = { 49, 50, 51, 52, 53, 54, 55 } -- lines beyond the standard

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- Calls fn with the text of each spec.
local function each_spec(fn)
  for folder in lfs.dir "spec" do
    for name in lfs.dir("spec/" .. folder) do
      if name:find "_spec%.lua$" then fn(read("spec/" .. folder .. "/" .. name)) end
    end
  end
end

-- The number of tests that name each line.
local function named()
  local count = {}
  local function add(line) count[line] = (count[line] or 0) + 1 end
  each_spec(function(text)
    for line in text:gmatch '["\']line (%d+): ' do add(tonumber(line)) end
  end)
  for _, case in ipairs(cases) do add(case[1]) end
  return count
end

describe("the conformance list", function()
  it("has a test for each line", function()
    local count, missing = named(), {}
    for line = 1, LINES do
      if not count[line] then missing[#missing + 1] = line end
    end
    for _, line in ipairs(FURTHER) do
      if not count[line] then missing[#missing + 1] = line end
    end
    assert.same({}, missing)
  end)

  -- Lines 5, 8 and 21 to 24 are about several pieces, connections or sizes, and have tests of their
  -- own.
  it("has cases for what the parser makes of bytes, to be fed in every chunking", function()
    local own, has, missing = { [5] = 1, [8] = 1, [21] = 1, [22] = 1, [23] = 1, [24] = 1 }, {}, {}
    for _, case in ipairs(cases) do has[case[1]] = true end
    for line = 1, PARSER_LINES do
      if not has[line] and not own[line] then missing[#missing + 1] = line end
    end
    assert.same({}, missing)
  end)
end)
