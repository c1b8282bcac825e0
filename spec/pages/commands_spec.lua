-- The blocks of the pages that are not Lua: shell commands are run here, and every block of another
-- language has somebody who runs it.
local blocks = require "spec.support.blocks"
local book = require "spec.support.book"
local cases = require "spec.cases.commands"
local child = require "spec.support.child"
local curl = require "spec.support.curl"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

-- Who runs the blocks of a language, by page: a file that names the page. A diagram is no program.
local RUN_BY = {
  nginx = { ["docs/production.md"] = "interop/proxies.mjs",
    ["docs/howto/two-processes.md"] = "interop/book.mjs" },
  haproxy = { ["docs/production.md"] = "interop/proxies.mjs" },
  caddy = { ["docs/production.md"] = "interop/proxies.mjs" },
  http = { ["docs/production.md"] = "interop/proxies.mjs" },
  html = { ["docs/howto/dashboard.md"] = "interop/book.mjs" },
  js = { ["docs/production.md"] = "interop/page_comes_back.mjs",
    ["docs/howto/progress.md"] = "interop/book.mjs", ["docs/models.md"] = "interop/book.mjs" },
  mermaid = { ["docs/architecture.md"] = "docs/architecture.md" },
}

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function case_of(path, line)
  for beginning, case in pairs(cases[path] or {}) do
    if line:sub(1, #beginning) == beginning then return case end
  end
  error(("what this command does is not in spec/cases/commands.lua: %s"):format(line), 0)
end

-- Succeeds where the shell's commands do, with the line of the page as $1. What is preloaded for
-- Lua is in PRELOAD.
local function check(line, commands)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(commands):close()
  local program = child.program(("PRELOAD='%s' sh %s '%s'"):format(os.getenv "LD_PRELOAD" or "",
    path, line:gsub("'", "'\\''")))
  local status = program:wait()
  os.remove(path)
  assert.equal(0, status, program:output())
end

-- The server of a block of Lua of the page, and a function that ends it.
local function serve(path, case)
  if case.routes then return serving.start(case.routes), serving.stop end
  local block
  for _, each in ipairs(blocks.of_page(path, "lua")) do
    if each.code:find(case.serve, 1, true) then block = each end
  end
  return blocks.serve(block.code)
end

-- Runs a line of curl against the server until it has printed what it is to print.
local function run_curl(line, server, case)
  local words = line:gsub("^curl ", ""):gsub("127%.0%.0%.1:9522", "127.0.0.1:" .. server.port)
  local client = curl.start(words)
  if case.stays then wait.till(function() return server:stats().streams.open > 0 end, line) end
  return function() client:till(case.gets) end
end

-- Runs the lines of a block; returns a function that ends the server.
local function run(path, block)
  local waits, server, stop = {}, nil, function() end
  for line in block.code:gmatch "[^\n]+" do
    local case = case_of(path, line)
    if case.check then
      check(line, case.check)
    else
      if not server then server, stop = serve(path, case) end
      local till = run_curl(line, server, case)
      if case.stays then waits[#waits + 1] = till else till() end
    end
  end
  for _, till in ipairs(waits) do till() end
  curl.stop()
  return stop
end

describe("the commands in", function()
  after_each(function()
    curl.stop()
    child.stop()
  end)

  for _, path in ipairs(book.pages()) do
    for _, block in ipairs(path ~= book.TUTORIAL and blocks.of_page(path, "sh") or {}) do
      it(("%s from line %d on"):format(path, block.line), function()
        local checked_by = cases[path]
        if type(checked_by) == "string" then
          return assert.truthy(read(checked_by):find(path, 1, true), checked_by)
        end
        run(path, block)()
        for _, channel in ipairs(sse.channels()) do channel:close() end
      end)
    end
  end
end)

describe("the book", function()
  it("has somebody who runs each block", function()
    local count = {}
    for _, path in ipairs(book.pages()) do
      for _, block in ipairs(blocks.of_page(path)) do
        local language = block.language
        count[language] = (count[language] or 0) + 1
        if language == "json" then
          assert(sse.json.decode(block.code))
        elseif language ~= "lua" and language ~= "sh" and path ~= book.TUTORIAL then
          local file = RUN_BY[language] and RUN_BY[language][path]
          assert.truthy(file, ("%s:%d: nobody runs it"):format(path, block.line))
          assert.truthy(file == path or read(file):find(path, 1, true), file)
        end
      end
    end
    assert.is_true(count.lua > 50 and count.sh > 15 and count.js > 4, sse.json.encode(count))
  end)

  it("has a line for each page in its table of contents", function()
    local contents = read "docs/README.md"
    for _, path in ipairs(book.pages()) do
      local name = path:match "^docs/(.+)"
      if name and name ~= "README.md" then
        assert.truthy(contents:find(("](%s)"):format(name), 1, true), path)
      end
    end
  end)

  it("has badges that are true", function()
    local readme = read "README.md"
    assert.truthy(readme:find("badge/Lua-5.4%20%7C%205.5", 1, true))
    assert.truthy(read("lua-sse-scm-1.rockspec"):find('"lua >= 5.4, < 5.6"', 1, true))
    assert.truthy(readme:find("badge/licence-MIT", 1, true))
    assert.truthy(read("LICENSE"):find "MIT")
    assert.truthy(readme:find("badge/tested%20on-Debian%2012", 1, true))
    assert.equal(3, select(2, readme:gsub("img%.shields%.io", "")))
  end)

  it("has a README of at most 200 lines", function()
    assert.is_true(select(2, read("README.md"):gsub("\n", "")) <= 200)
  end)
end)
