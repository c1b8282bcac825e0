-- core.url by the web's rules: the cases of spec/cases/url_cases.lua, long URLs. And that a client
-- connects to the host that a browser would connect to.
local cases = require "spec.cases.url_cases"
local core = require "sse.core"
local fixture = require "spec.support.fixture"
local sse = require "sse"

local IDNA = { -- UTS 46
  { "http://münchen.de/", "http://xn--mnchen-3ya.de/" }, { "http://Ｇｏ.com/", "http://go.com/" },
  { "http://m%C3%BCnchen.de/", "http://xn--mnchen-3ya.de/" },
  { "http://１２７．１/", "http://127.0.0.1/" }, { "http://a\u{3002}b/", "http://a.b/" },
  { "http://℀.com/", false }, { "http://ａ／ｂ/", false }, { "http://\xff/", false },
  { "http://a\u{FFFD}/", false }, { "http://ü@b/", "http://%C3%BC@b/" },
  { "http://％４１/", false },
}

local function href_of(case)
  local url, message, code = core.url(case[1], case[3])
  if url then return url.href end
  assert.is_string(message)
  assert.equal("EINVAL", code)
  return false
end

describe("a URL", function()
  after_each(fixture.finish)

  for _, case in ipairs(cases) do
    local name = ("%q"):format(case[1]):gsub("%c", "\\n")
    it(("%s%s"):format(name, case[3] and " at " .. case[3] or ""), function()
      assert.equal(case[2], href_of(case))
    end)
  end

  it("is read as it is serialized", function()
    for _, case in ipairs(cases) do
      local url = core.url(case[1], case[3])
      if url then assert.equal(url.href, assert(core.url(url.href)).href) end
    end
  end)

  it("has its host in ASCII", function()
    assert.equal("C", os.setlocale(nil, "ctype")) -- as in any Lua program that sets none
    for _, case in ipairs(IDNA) do assert.equal(case[2], href_of(case)) end
  end)

  it("is told from what libcurl would make of it", function()
    local _, message = core.url "http://a{b}/" -- libcurl refuses this host, a browser does not
    assert.equal("libcurl does not read it as the web does", message)
  end)

  it("has at most 64 KiB, as it is given and as it is sent", function()
    local function path(n) return "http://h/" .. ("x"):rep(n - #"http://h/") end
    assert(core.url(path(65536)))
    for _, text in ipairs { path(65537), "http://h/" .. ("ä"):rep(20000), (" "):rep(70000) } do
      local url, message, code = core.url(text)
      assert.same({ nil, "longer than 65536 bytes", "ETOOBIG" }, { url, message, code })
    end
    local _, _, code = core.url(("y"):rep(1000), path(65000))
    assert.is_nil(code) -- in place of the base's last segment
    _, _, code = core.url("?" .. ("y"):rep(1000), path(65000))
    assert.equal("ETOOBIG", code)
  end)

  it("that is long is refused by each who takes one, and not shown whole", function()
    local long = "http://h/" .. ("x"):rep(70000)
    for expected, calls in pairs {
      ["longer than 65536 bytes"] = { sse.EventSource, sse.fetch, sse.fetchEventSource },
      ["option 'proxy' must be"] = { function() sse.fetch("http://h/", { proxy = long }) end },
    } do
      for _, call in ipairs(calls) do
        local ok, message = pcall(call, long)
        assert.is_false(ok)
        assert.matches(expected, message)
        assert.is_true(#message < 1000)
      end
    end
  end)

  -- Each once took a time that grew with the square of its length: 20 s for 64 KiB.
  it("is read in linear time", function()
    local n = 60000
    for _, middle in ipairs { " ", "\t", "a/../", "@", ":", "/", "\\", "%2e%2e/", "[", ".",
      "0." } do
      local text = "http://h" .. middle:rep(n // #middle) .. "x"
      for _ = 1, 20 do pcall(sse.EventSource, text, { signal = sse.AbortSignal.abort() }) end
    end
  end)
end)

describe("a client", function()
  after_each(fixture.finish)

  it("goes where the web goes", function()
    local server = fixture.answer(200, "x")
    local function ask(text)
      assert(sse.fetch((text:gsub("PORT", server.port)))):text()
      return server.requests[#server.requests].target
    end
    assert.equal("/@b.invalid/", ask "http://127.0.0.1:PORT\\@b.invalid/")
    assert.equal("/a%20b?c%20d", ask " http:\\\\2130706433:PORT\\x\\%2e%2E\\a b?c d ")
    assert.equal("/", ask "http://u@b.invalid@0x7f.1:PORT")
    assert.equal("/a//b/?", ask "http:127.1:PORT/a//b/?")
    assert.equal("/?a%20b=%C3%A9%22%27+%c3%a9", ask "http://127.1:PORT?a b=é\"'+%c3%a9")
  end)

  it("finds a host that is not ASCII, also a proxy's, without a locale", function()
    assert.equal("C", os.setlocale(nil, "ctype"))
    local server = fixture.answer(200, "x")
    local function ask(url, options)
      assert(sse.fetch((url:gsub("PORT", server.port)), options)):text()
      local request = server.requests[#server.requests]
      return request.target .. " " .. request.headers.host
    end
    local name, ascii = "BÜCHER.localhost", "xn--bcher-kva.localhost"
    assert.equal(("/ %s:%d"):format(ascii, server.port), ask("http://" .. name .. ":PORT/"))
    for _, proxy in ipairs { "http://%s:%d", "http://ü:ö@%s:%d/", "%s:%d", "http://%s:%d" } do
      assert.equal("http://a.invalid/ a.invalid",
        ask("http://a.invalid/", { proxy = proxy:format(name, server.port) }))
    end
    for _, hosts in ipairs { name, "a.invalid, " .. name, ".Bücher.localhost", "b," .. name } do
      assert.equal(("/ %s:%d"):format(ascii, server.port), ask("http://" .. name .. ":PORT/",
        { proxy = "http://127.0.0.1:1", noProxy = hosts }))
    end
  end)
end)
