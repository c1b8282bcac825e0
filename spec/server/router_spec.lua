-- The handler that a method and a path lead to.
local router = require "sse.server.router"
local url = require "sse.server.url"

-- A router in which each route's handler is its pattern.
local function routes(list)
  local r = router.new()
  for _, line in ipairs(list) do
    local method, pattern = line:match("^(%S+) (%S+)$")
    r:add(method, pattern, line)
  end
  return r
end

describe("router", function()
  it("finds literals", function()
    local r = routes { "GET /", "GET /a", "GET /a/b" }
    assert.equal("GET /", (r:find("GET", "/")))
    assert.equal("GET /a", (r:find("GET", "/a")))
    assert.equal("GET /a/b", (r:find("GET", "/a/b")))
    for _, path in ipairs { "/b", "/a/", "//", "/a//b", "/a/b/", "/A", "*" } do
      assert.is_nil((r:find("GET", path)), path)
    end
  end)

  it("gives parameters, percent-decoded", function()
    local r = routes { "GET /clock/:zone/:unit" }
    local handler, params = r:find("GET", "/clock/Europe%2FParis/%C3%A9+%20%zz")
    assert.equal("GET /clock/:zone/:unit", handler)
    assert.same({ zone = "Europe/Paris", unit = "é+ %zz" }, params)
  end)

  it("takes no empty segment for a parameter", function()
    local r = routes { "GET /a/:x", "GET /b/:x/c" }
    for _, path in ipairs { "/a/", "/a", "/b//c", "/a/x/" } do
      assert.is_nil((r:find("GET", path)), path)
    end
  end)

  it("compares decoded segments with literals", function()
    local r = routes { "GET /café/a_b" }
    assert.truthy((r:find("GET", "/caf%c3%a9/a%5Fb")))
    assert.is_nil((r:find("GET", "/caf%C3%A9%2Fa_b")))
  end)

  it("lets a literal beat a parameter, and goes back where that leads nowhere", function()
    local r = routes { "GET /a/:x", "GET /a/b", "GET /a/b/c", "GET /a/:x/d", "GET /:y/b/e" }
    assert.equal("GET /a/b", (r:find("GET", "/a/b")))
    assert.equal("GET /a/:x", (r:find("GET", "/a/z")))
    assert.equal("GET /a/:x/d", (r:find("GET", "/a/b/d")))
    local handler, params = r:find("GET", "/a/b/e")
    assert.equal("GET /:y/b/e", handler)
    assert.same({ y = "a" }, params)
  end)

  it("looks for the method before it prefers the literal", function()
    local r = routes { "POST /a/b", "GET /a/:x" }
    assert.equal("GET /a/:x", (r:find("GET", "/a/b")))
    assert.equal("POST /a/b", (r:find("POST", "/a/b")))
  end)

  it("keeps names apart where two methods call a segment differently", function()
    local r = routes { "GET /:a/x", "POST /:b/x" }
    assert.same({ a = "1" }, (select(2, r:find("GET", "/1/x"))))
    assert.same({ b = "1" }, (select(2, r:find("POST", "/1/x"))))
  end)

  it("gives the methods of a path that lacks the one asked for", function()
    local r = routes { "GET /a", "PURGE /a", "POST /:x", "DELETE /b" }
    local handler, methods = r:find("DELETE", "/a")
    assert.is_nil(handler)
    assert.same({ "GET", "HEAD", "POST", "OPTIONS", "PURGE" }, methods)
    assert.same({ "POST", "DELETE", "OPTIONS" }, r:methods "/b")
    assert.is_nil(r:methods("/a/b"))
  end)

  it("answers HEAD by GET's handler unless it has its own", function()
    local r = routes { "GET /a", "GET /b", "HEAD /b" }
    assert.equal("GET /a", (r:find("HEAD", "/a")))
    assert.equal("HEAD /b", (r:find("HEAD", "/b")))
  end)

  it("takes * for any method, the named one first", function()
    local r = routes { "* /a", "PUT /a" }
    assert.equal("* /a", (r:find("PURGE", "/a")))
    assert.equal("PUT /a", (r:find("PUT", "/a")))
    assert.same({ "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" }, r:methods("/a"))
  end)

  it("gives a prefix what no pattern takes, the longest prefix first", function()
    local r = routes { "GET /static/here", "POST /static/there" }
    r:add_prefix("/static", "static")
    r:add_prefix("/static/deep/", "deep")
    local function found(path)
      local handler, params = r:find("GET", path)
      return { handler, table.unpack(handler and params or {}) }
    end
    assert.same({ "GET /static/here" }, found "/static/here")
    assert.same({ "static", "there" }, found "/static/there")
    assert.same({ "static" }, found "/static")
    assert.same({ "static", "" }, found "/static/")
    assert.same({ "static", "a", "..", "b/c", "" }, found "/static/a/%2e%2E/b%2fc/")
    assert.same({ "deep", "x" }, found "/static/deep/x")
    assert.same({}, found "/statics")
    assert.same({ "GET", "HEAD", "POST", "OPTIONS" }, r:methods "/static/there")
  end)

  it("lets the literal beginning go first, be it a pattern's or a prefix's", function()
    local r = routes { "GET /:a/:b", "GET /st/:x", "POST /:a/:b", "GET /:a/in/:c",
      "GET /deep/:x/c" }
    r:add_prefix("/st", "st")
    r:add_prefix("/", "root")
    r:add_prefix("/deep/in", "deep")
    local cases = {
      ["/other/b"] = "GET /:a/:b", ["/st/x"] = "GET /st/:x", ["/st/x/y"] = "st", ["/st"] = "st",
      ["/st/in/c"] = "st", ["/deep/in/c"] = "deep", ["/deep/x/c"] = "GET /deep/:x/c",
      ["/deep/in"] = "deep", ["/x/in/c"] = "GET /:a/in/:c", ["/one"] = "root", ["/"] = "root",
      ["/a/b/c/d"] = "root",
    }
    for path, want in pairs(cases) do assert.equal(want, (r:find("GET", path)), path) end
    assert.equal("POST /:a/:b", (r:find("POST", "/st/y")))
    assert.same({ a = "st", b = "y" }, (select(2, r:find("POST", "/st/y"))))
  end)

  it("gives *name what is left of a path", function()
    local r = routes { "GET /files/*path", "POST /:user/files/*rest", "GET /files/:one/info",
      "GET /files/here", "PUT /*all" }
    local function found(method, path)
      local handler, params = r:find(method, path)
      if not handler then return params end
      return { handler, params and (params.path or params.rest or params.all or params.one) }
    end
    assert.same({ "GET /files/*path", "a" }, found("GET", "/files/a"))
    assert.same({ "GET /files/*path", "a/b c/" }, found("GET", "/files/a/b%20c/"))
    assert.same({ "GET /files/*path", "a//b" }, found("HEAD", "/files/a//b"))
    assert.same({ "GET /files/here" }, found("GET", "/files/here"))
    assert.same({ "GET /files/:one/info", "x" }, found("GET", "/files/x/info"))
    assert.same({ "POST /:user/files/*rest", "x/y" }, found("POST", "/me/files/x/y"))
    assert.same({ user = "me", rest = "x" }, (select(2, r:find("POST", "/me/files/x"))))
    assert.same({ "PUT /*all", "x/y" }, found("PUT", "/x/y"))
    for _, path in ipairs { "/files", "/files/", "/filesystem" } do
      assert.is_nil((r:find("GET", path)), path)
    end
    assert.is_nil((r:find("PUT", "/")))
    assert.same({ "GET", "HEAD", "PUT", "OPTIONS" }, found("DELETE", "/files/x"))
  end)

  it("gives *name nothing that leads out of a folder", function()
    local r = routes { "GET /files/*path" }
    for _, path in ipairs { "/files/../x", "/files/x/..", "/files/a/%2e%2E/b", "/files/..%2fx",
      "/files/a%2F..%2F..%2Fx", "/files/./x", "/files//etc/passwd", "/files/%2Fetc", "/files/x%00",
      "/files/." } do
      local handler, methods = r:find("GET", path)
      assert.is_nil(handler, path)
      assert.is_nil(methods, path)
    end
    for _, path in ipairs { "/files/...", "/files/..x", "/files/.x", "/files/x..", "/files/a%5C..",
      "/files/%zz" } do
      assert.truthy((r:find("GET", path)), path)
    end
  end)

  it("has *name and a prefix side by side, one for each method", function()
    local r = routes { "POST /up/*path", "GET /:x/*path" }
    r:add_prefix("/up", "files")
    assert.equal("files", (r:find("GET", "/up/a")))
    assert.equal("POST /up/*path", (r:find("POST", "/up/a")))
    assert.same({ x = "down", path = "a" }, (select(2, r:find("GET", "/down/a"))))
    assert.has_error(function() r:add("GET", "/up/*rest", "x") end)
    assert.has_error(function() r:add("POST", "/up/*rest", "x") end)
    assert.has_error(function() r:add_prefix("/:x", "y") end)
  end)

  it("takes / as a prefix of everything", function()
    local r = router.new()
    r:add_prefix("/", "all")
    assert.same({ "a", "b" }, (select(2, r:find("GET", "/a/b"))))
    assert.same({ "" }, (select(2, r:find("HEAD", "/"))))
  end)

  for name, args in pairs {
    ["a pattern without a slash"] = { "a", "begins with '/'" },
    ["a pattern that is no string"] = { 1, "begins with '/'" },
    ["a query in a pattern"] = { "/a?b", "neither a query" },
    ["a parameter without a name"] = { "/a/:", "not a parameter's name" },
    ["a bad name"] = { "/:a-b", "not a parameter's name" },
    ["a name twice"] = { "/:a/:a", "comes twice" },
    ["a name twice, once for the rest"] = { "/:a/*a", "'*a' comes twice" },
    ["a rest without a name"] = { "/a/*", "(write '*path', say)" },
    ["a rest that isn't last"] = { "/*a/b", "'*' means nothing here" },
    ["a route that is there"] = { "/there", "GET /there has a handler already" },
    ["a route that differs by a name only"] = { "/there/:y", "has a handler already" },
  } do
    it("raises on " .. name, function()
      local r = routes { "GET /there", "GET /there/:x" }
      local ok, err = pcall(r.add, r, "GET", args[1], "x")
      assert.is_false(ok)
      assert.truthy(err:find(args[2], 1, true), err)
    end)
  end

  it("raises on a prefix that is there or has parameters", function()
    local r = router.new()
    r:add_prefix("/a", "x")
    assert.has_error(function() r:add_prefix("/a/", "y") end)
    assert.has_error(function() r:add_prefix("/:a", "y") end)
  end)
end)

describe("url", function()
  it("splits targets of each form", function()
    for target, want in pairs {
      ["/a/b?c=d?e"] = { "/a/b", "c=d?e" }, ["/a"] = { "/a", "" }, ["/?"] = { "/", "" },
      ["*"] = { "*", "" },
      ["http://h:1/a?b"] = { "/a", "b" }, ["http://h"] = { "/", "" }, ["HTTPS://h?q"] = { "/",
        "q" },
      ["//h/a"] = { "//h/a", "" },
    } do
      assert.same(want, { url.split(target) }, target)
    end
  end)

  it("decodes queries", function()
    assert.same({}, url.query "")
    assert.same({ a = "1", b = "", c = "", ["é k"] = "ü=&", [""] = "x" },
      url.query "a=0&a=1&b&c=&%C3%A9+k=%c3%bc=%26&&=x")
  end)

  it("leaves alone a % without two digits", function()
    assert.equal("100%, %4, %zz, A", url.decode "100%, %4, %zz, %41")
  end)

  it("encodes what it decodes", function()
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    local text = table.concat(all)
    assert.equal(text, url.decode(url.encode(text)))
    assert.equal("a-b_c.d~e%2F", url.encode "a-b_c.d~e/")
  end)
end)
