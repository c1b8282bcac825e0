-- The catalogue of spec/cases/mistakes.lua: each mistake is made by real code, over real sockets
-- and TLS, and its message says what the catalogue says, and where docs/errors.md explains it.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local lfs = require "lfs"
local mistakes = require "spec.cases.mistakes"
local sse = require "sse"
local wait = require "spec.support.wait"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- The anchors of a page's headings, as GitHub makes them.
local function anchors_of(path)
  local anchors = {}
  for title in read(path):gmatch "%f[^\n\0]#+ ([^\n]+)" do
    anchors[title:lower():gsub("[^%w %-]", ""):gsub(" ", "-")] = true
  end
  return anchors
end

local server, secure, errors

local function add_routes()
  server:get("/json", function(_, res) res:json { ok = true } end)
  server:get("/401", function(_, res)
    res:json({ error = { message = "invalid api key" } }, 401)
  end)
  server:get("/login", function(_, res)
    res:reply(200, "<h1>Log in</h1>", { ["Content-Type"] = "text/html" })
  end)
  server:get("/tokens", function(_, res)
    local stream <close> = res:event_stream()
    stream:send "token"
  end)
  server:get("/slow", function(req, res)
    res:detach()
    errors.slow = { req, res } -- no answer, until its client leaves
  end)
end

local function start()
  errors = {}
  server = sse.server { on_error = function(err) errors[#errors + 1] = tostring(err) end }
  secure = sse.server { tls = certs.server() }
  add_routes()
  assert(server:listen())
  assert(secure:listen())
end

local function stop()
  child.stop()
  sse.channel("mistakes"):close()
  errors = nil
  server:close()
  secure:close()
end

-- The names that the catalogue's code finds beside Lua's.
local names = {}

function names.ended(url, given)
  given = given or {}
  given.maxRetries = 0
  local source <close> = sse.EventSource(url, given)
  for _ in source:events() do end
  return nil, source.failure
end

function names.handled(fn)
  server:get("/handled", fn)
  local res = assert(sse.fetch(("http://127.0.0.1:%d/handled"):format(server.port)))
  res:close()
  wait.till(function() return errors[1] end, "the error of the handler")
  return nil, errors[1]
end

-- What a listener of an EventSource raises when it is called.
function names.called(fn)
  local source <close> = sse.EventSource(("http://127.0.0.1:%d/tokens"):format(server.port))
  local told
  source.onopen = function() told = select(2, pcall(fn)) end
  wait.till(function() return told end, "the callback")
  return nil, told
end

-- What a program says whose Lua is `code`.
local function printed_by(code)
  local program = child.script(code)
  program:wait()
  return program:output()
end

-- What this process is told of the mistake in `code`.
local function told_by(code)
  local environment = setmetatable({
    sse = sse, server = server, url = ("http://127.0.0.1:%d"):format(server.port),
    secure = ("https://127.0.0.1:%d"):format(secure.port),
  }, { __index = function(_, name) return names[name] or _G[name] end })
  local chunk = assert(load(code, "=mistake", "t", environment))
  local ok, first, second = pcall(chunk)
  if not ok then return tostring(first) end
  assert.is_nil(first)
  return tostring(second)
end

describe("a likely mistake:", function()
  local anchors = anchors_of "docs/errors.md"
  before_each(start)
  after_each(stop)

  for _, mistake in ipairs(mistakes) do
    local what, code, was, says, page = table.unpack(mistake)
    it(what, function()
      assert.is_string(was)
      local told = mistake.child and printed_by(code) or told_by(code)
      assert.truthy(told:find(says, 1, true), told)
      if not page then return end
      assert.truthy(told:find(("[docs/errors.md#%s]"):format(page), 1, true), told)
      assert.truthy(anchors[page], page)
    end)
  end
end)

describe("a connection that is refused", function()
  it("is the proxy's only where it went there", function()
    local url = "http://127.0.0.1:1/"
    local function told(options) return (select(2, sse.fetch(url, options))) end
    assert.truthy(told { proxy = "http://127.0.0.1:2" }:find("(option 'proxy')", 1, true))
    for _, proxy in ipairs { "http://127.0.0.1:3", "http://127.0.0.1:11", "" } do
      local message = told { proxy = proxy, noProxy = "*" }
      assert.truthy(message:find("port 1 ", 1, true), message)
      assert.is_nil(message:find("option", 1, true), message)
    end
  end)
end)

describe("the catalogue of mistakes", function()
  it("has at least fifty, each once and each on the page", function()
    assert.is_true(#mistakes >= 50)
    local seen, page = {}, read "docs/errors.md"
    for _, mistake in ipairs(mistakes) do
      assert.is_nil(seen[mistake[1]])
      seen[mistake[1]] = true
      assert.truthy(page:find("| " .. mistake[1] .. " |", 1, true), mistake[1])
    end
  end)
end)

describe("docs/errors.md", function()
  local anchors = anchors_of "docs/errors.md"

  -- Calls fn(path, text) for each file of a folder and below.
  local function each_file(folder, fn)
    for name in lfs.dir(folder) do
      local path = folder .. "/" .. name
      if name:find "%.lua$" or name:find "%.[ch]$" then
        fn(path, read(path))
      elseif not name:find "^%." then
        each_file(path, fn)
      end
    end
  end

  it("has each heading that a message names", function()
    local count = 0
    local function check(path, text)
      for _, pattern in ipairs {
        "docs/errors%.md#([%w_-]+)", "pages%.at \"([%w_-]+)\"", "SSE_PAGE%(\"([%w_-]+)\"%)",
      } do
        for anchor in text:gmatch(pattern) do
          count = count + 1
          assert.truthy(anchors[anchor] or anchor == "anchor", path .. ": " .. anchor)
        end
      end
    end
    each_file("lua", check)
    each_file("csrc/bind", check)
    assert.is_true(count > 50)
  end)

  it("has a heading for each code of a failure", function()
    for code in read("csrc/wire/error.h"):gmatch 'X%(SSE_E[A-Z]+, "(E[A-Z]+)"' do
      assert.truthy(anchors[code:lower()], code)
    end
    for code in pairs(require "sse.shared.pages".codes) do
      assert.truthy(anchors[code:lower()], code)
    end
  end)
end)
