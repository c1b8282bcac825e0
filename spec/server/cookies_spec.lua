-- Cookies: those of a request, and those that a response sets.
local cookies = require "sse.server.cookies"
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"
local sse = require "sse"

describe("a Cookie field", function()
  local function check(expected, text) assert.same(expected, cookies.parse(text), text) end

  it("is split into names and values", function()
    check({}, nil)
    check({}, "")
    check({ a = "1" }, "a=1")
    check({ a = "1", b = "2", c = "x=y=" }, "a=1; b=2;c=x=y=")
    check({ a = "", b = "" }, "a=; b=\"\"")
    check({ ["a b"] = "c d" }, " a b = c d ;")
  end)

  it("may be malformed: what has no name is left out", function()
    check({ b = "1" }, "a; =x; ;;b=1; =")
    check({ a = '"', b = '"x', c = 'x"y"' }, 'a="; b="x; c=x"y"')
    check({ a = "1\0\n" }, "a=1\0\n")
  end)

  it("with a name twice gives the first", function()
    check({ a = "1", b = "2" }, "a=1; b=2; a=3")
    check({ a = "" }, "a=; a=1")
  end)

  it("has quotes and percent-encoding taken off", function()
    check({ a = "x y", b = "é;", c = "100%", d = "%zz%4" },
      'a="x%20y"; b=%C3%A9%3b; c=100%; d=%zz%4')
  end)

  it("has names that mean something elsewhere", function()
    check({ __index = "1", __metatable = "2", ["nil"] = "3" }, "__index=1; __metatable=2; nil=3")
  end)
end)

serving.each("req.cookies", function(transport)
  after_each(serving.stop)

  local function start()
    serving.start(function(server)
      server:get("/", function(req, res) res:json(req.cookies) end)
    end)
  end

  it("are those that the client sends", function()
    start()
    assert.equal("{}", serving.ask("GET /").body)
    local big = ("x"):rep(4096)
    local got = serving.ask("GET /", { Cookie = 'a="1"; b=' .. big .. "; a=2" })
    assert.same({ a = "1", b = big }, sse.json.decode(got.body))
  end)

  it("may come in several fields", function()
    start()
    local got = serving.ask("GET /", { Cookie = { "a=1", "b=2; c=3" } })
    assert.same({ a = "1", b = "2", c = "3" }, sse.json.decode(got.body))
    if not transport.raw then return end
    got = serving.request("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\ncookie: b=2\r\n\r\n")
    assert.same({ a = "1", b = "2" }, sse.json.decode(got.body))
  end)
end)

serving.each("res:cookie", function(transport)
  after_each(serving.stop)

  local secure = transport.secure and "; Secure" or ""

  -- The Set-Cookie fields of the response of a handler.
  local function set_by(handler)
    serving.start(function(server) server:get("/", handler) end)
    local got = serving.ask "GET /"
    assert.same({}, serving.errors)
    return got.headers["set-cookie"], got
  end

  it("sets a cookie for this host that scripts and other sites' forms don't get", function()
    assert.equal("sid=x.y_z; Path=/; HttpOnly" .. secure .. "; SameSite=Lax",
      (set_by(function(_, res) res:cookie("sid", "x.y_z"):reply(200) end)))
  end)

  it("takes options", function()
    assert.equal("a=1; Path=/x; Domain=example.com; Max-Age=2; SameSite=Strict", (set_by(
      function(_, res)
        res:cookie("a", 1, { path = "/x", domain = "Example.com", max_age = 1500, http_only = false,
          same_site = "Strict", secure = false })
        res:json {}
      end)))
  end)

  it("is secure where it has to be", function()
    local list = set_by(function(_, res)
      res:cookie("__Host-a", ""):cookie("__secure-b", ""):cookie("c", "", { same_site = "None" })
      res:cookie("__session-d", "")
      res:reply(204)
    end)
    assert.equal("__Host-a=; Path=/; HttpOnly; Secure; SameSite=Lax\n"
      .. "__secure-b=; Path=/; HttpOnly; Secure; SameSite=Lax\n"
      .. "c=; Path=/; HttpOnly; Secure; SameSite=None\n"
      .. "__session-d=; Path=/; HttpOnly" .. secure .. "; SameSite=Lax", list)
  end)

  it("with nil removes it", function()
    assert.equal("sid=; Path=/x; Max-Age=0; HttpOnly" .. secure .. "; SameSite=Lax", (set_by(
      function(_, res) res:cookie("sid", nil, { path = "/x", max_age = 5000 }):reply(200) end)))
  end)

  it("brings any value back as it was", function()
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    local value = table.concat(all)
    local field = set_by(function(_, res) res:cookie("a", value):reply(200) end)
    assert.is_nil(field:find "[^ -~]")
    assert.equal(value, cookies.parse(field:match "^[^;]*").a)
  end)

  it("replaces one of the same name, path and domain, and no other", function()
    local fields = set_by(function(_, res)
      res:cookie("a", 1):cookie("b", 2):cookie("a", 3, { path = "/x" })
      res:cookie("a", 4, { domain = "a.example" }):cookie("a", "five")
      res:header("Set-Cookie", nil):cookie("a", "six"):cookie("a", "seven")
      res:reply(200, "", { ["Set-Cookie"] = "own=1" })
    end)
    assert.equal("a=seven; Path=/; HttpOnly" .. secure .. "; SameSite=Lax\nown=1", fields)
    serving.stop()
    local _, got = set_by(function(_, res)
      res:cookie("a", 1):cookie("b", 2):cookie("a", 3, { path = "/x" }):cookie("a", 4):reply(200)
    end)
    local names = {}
    for name in got.headers["set-cookie"]:gmatch "(%w+=%d); Path" do names[#names + 1] = name end
    assert.same({ "b=2", "a=3", "a=4" }, names)
  end)

  it("goes with event streams and files, but not with errors", function()
    serving.start(function(server)
      server:before(function(_, res) res:cookie("a", 1) end)
      server:get("/stream", function(_, res) res:event_stream():close() end)
      server:get("/file", sse.file "README.md")
      server:get("/raises", function() error "oops" end)
      server:get("/refuses", function() error { status = 403, message = "no" } end)
    end)
    assert.truthy(serving.ask("GET /stream").headers["set-cookie"])
    assert.truthy(serving.ask("GET /file").headers["set-cookie"])
    assert.is_nil(serving.ask("GET /raises").headers["set-cookie"])
    assert.is_nil(serving.ask("GET /refuses").headers["set-cookie"])
  end)
end)

describe("res:cookie", function()
  after_each(serving.stop)

  -- The error of a call with these arguments.
  local function told(...)
    local args, ok, err = table.pack(...), nil, nil
    serving.start(function(server)
      server:get("/", function(_, res)
        ok, err = pcall(function() res:cookie(table.unpack(args, 1, args.n)) end)
        res:reply(200)
      end)
    end)
    serving.ask "GET /"
    assert.is_false(ok)
    assert.truthy(err:find("^spec/server/cookies_spec.lua:"), err)
    serving.stop()
    return err
  end

  it("raises on what is no cookie, or one that browsers drop", function()
    for _, case in ipairs {
      { "expected a name and a value (nil removes the cookie)", "a" },
      { "'a b' is not a cookie's name", "a b", 1 }, { "is not a cookie's name", "", 1 },
      { "is not a cookie's name", "a;", 1 }, { "is not a cookie's name", 5.5, 1 },
      { "must be a string, a number or nil, got table", "a", {} },
      { "'a' has 4130 bytes, at most 4096", "a", ("x"):rep(4096) },
      { 'same_site = "None" wants secure', "a", 1, { same_site = "None", secure = false } },
      { "begins with '__Host-' wants secure", "__Host-a", 1, { secure = false } },
      { "begins with '__secure-' wants secure", "__secure-a", 1, { secure = false } },
      { "has no domain, and the path /", "__Host-a", 1, { domain = "a.example" } },
      { "has no domain, and the path /", "__Host-a", 1, { path = "/x" } },
      { "option 'path' must be a path", "a", 1, { path = "/;x" } },
      { "option 'path' must be a path", "a", 1, { path = "x" } },
      { "option 'domain' must be a domain", "a", 1, { domain = "a; b" } },
      { "option 'domain' must be a domain", "a", 1, { domain = "a\r\nX: y" } },
      { "option 'same_site' must be", "a", 1, { same_site = "lax" } },
      { "option 'max_age' must be", "a", 1, { max_age = -1 } },
      { "did you mean 'http_only'?", "a", 1, { httpOnly = true } },
    } do
      local message = told(table.unpack(case, 2))
      assert.truthy(message:find(case[1], 1, true), message)
    end
  end)

  it("raises once the head has been sent", function()
    local ok, err
    serving.start(function(server)
      server:get("/", function(_, res)
        res:write "x"
        ok, err = pcall(res.cookie, res, "a", 1)
      end)
    end)
    serving.ask "GET /"
    assert.is_false(ok)
    assert.truthy(err:find("the head has been sent already", 1, true))
  end)
end)

describe("sse.url", function()
  it("encodes and decodes", function()
    assert.equal("a%20b%2F%3F%26%3D%2B%C3%A9-._~", sse.url.encode "a b/?&=+é-._~")
    assert.equal("12", sse.url.encode(12))
    assert.equal("a b+é%zz", sse.url.decode "a%20b+%c3%A9%zz")
    assert.equal("", sse.url.decode "")
  end)

  it("raises on misuse", function()
    misuse.blames("sse.url.encode: expected a string or a number, got nil",
      function() sse.url.encode() end)
    misuse.blames("sse.url.decode: expected a string or a number, got table",
      function() sse.url.decode {} end)
    misuse.blames("did you mean 'encode'?", function() return sse.url.encodeURIComponent end)
  end)
end)
