-- docs/scaling.md has the figures and the picture that `make storm` makes; and its model is one.
local child = require "spec.support.child"
local model = require "bench.storm.model"
local temporary = require "spec.support.temporary"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

describe("the reconnect storm", function()
  after_each(child.stop)

  it("is in docs/scaling.md as it is made", function()
    local path = temporary.folder() .. "/storm.svg"
    local program = child.start("bench/storm.lua " .. path)
    assert.equal(0, program:wait(), program:output())
    local page, count = read "docs/scaling.md", 0
    for row in program:output():gmatch "|[^\n]+|\n" do
      assert.truthy(page:find(row, 1, true), row)
      count = count + 1
    end
    assert.equal(7, count)
    assert.is_true(read(path) == read "docs/storm.svg", "make storm SVG=docs/storm.svg")
  end)

  local function run(given)
    local scenario = { clients = 1000, workers = 2, cost = 1, backlog = 100, latency = { 0, 0 },
      up = 0, retry = 1000 }
    for name, value in pairs(given) do scenario[name] = value end
    return model.run(scenario, 7)
  end

  it("has all clients back, as fast as the workers are", function()
    local result = run { backlog = 1000 }
    assert.equal(1000, #result.away)
    assert.same({ 0, 0, 1000 }, { result.refused, result.dropped, result.peak })
    assert.is_true(result.over >= 1500 and result.over < 1600, result.over)
    local spread = run { retry = { 1000, 3000 } }
    assert.equal(0, spread.dropped)
    assert.is_true(spread.peak < 600 and spread.over < 3100)
  end)

  it("repeats what the kernel dropped after 1, 2, 4 s", function()
    local result = run { workers = 1 }
    assert.is_true(result.dropped > 900)
    local tried = {}
    for i, count in ipairs(result.tries) do
      if count > 0 then tried[#tried + 1] = ("%d: %d"):format(i - 1, count) end
    end
    assert.equal("10: 1000, 20: 900, 40: 800, 80: 700", table.concat(tried, ", ", 1, 4))
  end)

  it("has who is refused wait again: a browser as long as before, others longer", function()
    local browser = run { clients = 10, workers = 1, up = 4500 }
    assert.same({ 40, 5010 }, { browser.refused, math.floor(browser.over) })
    local library = run { clients = 10, workers = 1, up = 4500, client = "library" }
    assert.is_true(library.refused < 40 and library.over > 5010)
  end)

  it("is the same again with the same seed", function()
    local given = { within = 500, retry = { 100, 200 }, latency = { 1, 50 }, up = 600 }
    assert.same(run(given), run(given))
  end)
end)
