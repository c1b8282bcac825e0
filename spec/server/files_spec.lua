-- Files over HTTP: sse.file and server:static, and that no path leads out of the folder.
local files = require "sse.server.files"
local lfs = require "lfs"
local serving = require "spec.support.serving"

local root

local function write(name, text)
  local f = assert(io.open(root .. "/" .. name, "wb"))
  f:write(text)
  f:close()
end

local function remove(path)
  if lfs.symlinkattributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
    end
    return assert(lfs.rmdir(path))
  end
  assert(os.remove(path))
end

local big = {}
for i = 1, 100000 do big[i] = ("%08d\n"):format(i) end
big = table.concat(big)

setup(function()
  root = os.tmpname()
  os.remove(root)
  for _, name in ipairs { "", "/public", "/public/sub", "/public/sub/deep", "/public/empty",
    "/other" } do
    assert(lfs.mkdir(root .. name))
  end
  write("secret.txt", "secret")
  write("other/secret.txt", "secret")
  write("public-not.txt", "secret")
  write("public/a.txt", "text a")
  write("public/é b.html", "<p>")
  write("public/.hidden", "hidden")
  write("public/none", "")
  write("public/index.html", "<h1>root</h1>")
  write("public/sub/index.html", "<h1>sub</h1>")
  write("public/sub/deep/x.css", "b{}")
  write("public/big.js", big)
  assert(lfs.link("../secret.txt", root .. "/public/link.txt", true))
  assert(lfs.link("../other", root .. "/public/linked", true))
  assert(lfs.link("a.txt", root .. "/public/inner.txt", true))
  assert(lfs.link("nowhere", root .. "/public/broken", true))
  assert(lfs.mkdir(root .. "/public/.git"))
  write("public/.git/x.txt", "a secret of git")
  assert(lfs.link(".hidden", root .. "/public/shows.txt", true))
  assert(lfs.link(".git", root .. "/public/shown", true))
end)

teardown(function() remove(root) end)

local function serve()
  return serving.start(function(server)
    server:static("/assets", root .. "/public")
    server:get("/one", files.file(root .. "/public/a.txt",
      { headers = { ["Cache-Control"] = "no-store" } }))
    server:get("/typed", files.file(root .. "/public/none", { content_type = "text/x" }))
  end)
end

describe("sse.file", function()
  after_each(serving.stop)

  it("answers with the file, its type and its tag", function()
    serve()
    local got = serving.request("GET /one")
    assert.equal(200, got.status)
    assert.equal("text a", got.body)
    assert.equal("text/plain; charset=utf-8", got.headers["content-type"])
    assert.equal("nosniff", got.headers["x-content-type-options"])
    assert.equal("no-store", got.headers["cache-control"])
    assert.truthy(got.headers.etag:find('^W/"%x+%-%x+"$'))
    local date = "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$"
    assert.truthy(got.headers["last-modified"]:find(date))
    local typed = serving.request("GET /typed")
    assert.equal("text/x", typed.headers["content-type"])
    assert.equal("", typed.body)
  end)

  it("has headers that were given in place of its own, in any case", function()
    serving.start(function(server)
      server:get("/own", files.file(root .. "/public/a.txt", { headers = {
        etag = '"mine"', ["content-type"] = "text/x", ["LAST-MODIFIED"] = "never",
      } }))
    end)
    local client = serving.connect()
    local got = client:request("GET /own")
    assert.equal('"mine"', got.headers.etag)
    assert.equal("text/x", got.headers["content-type"])
    assert.equal("never", got.headers["last-modified"])
    for tag, status in pairs { ['"mine"'] = 304, ['W/"mine"'] = 304, ['"other"'] = 200 } do
      assert.equal(status, client:request("GET /own", { ["If-None-Match"] = tag }).status)
    end
  end)

  it("answers HEAD with the same head", function()
    serve()
    local client = serving.connect()
    local head, get = client:request("HEAD /one"), client:request("GET /one")
    assert.equal("6", head.headers["content-length"])
    assert.equal(get.headers.etag, head.headers.etag)
    assert.equal(405, client:request("POST /one", nil, "x").status)
  end)

  it("answers 304 to a client that has it", function()
    serve()
    local client = serving.connect()
    local head = client:request("HEAD /one").headers
    local function status(fields) return client:request("GET /one", fields).status end
    assert.equal(304, status { ["If-None-Match"] = head.etag })
    assert.equal(304, status { ["If-None-Match"] = '"x", ' .. head.etag:sub(3) })
    assert.equal(304, status { ["If-None-Match"] = "*" })
    assert.equal(200, status { ["If-None-Match"] = '"x"' })
    assert.equal(304, status { ["If-Modified-Since"] = head["last-modified"] })
    assert.equal(200, status { ["If-None-Match"] = '"x"',
      ["If-Modified-Since"] = head["last-modified"] })
    local got = client:request("GET /one", { ["If-None-Match"] = head.etag })
    assert.equal(head.etag, got.headers.etag)
    assert.equal("", got.body)
  end)

  it("has another tag for another content", function()
    local path = root .. "/changing.txt"
    write("changing.txt", "one")
    serving.start(function(server) server:get("/", files.file(path)) end)
    local first = serving.request("GET /").headers.etag
    write("changing.txt", "another")
    local got = serving.request("GET /", { ["If-None-Match"] = first })
    assert.equal(200, got.status)
    assert.equal("another", got.body)
    os.remove(path)
    assert.equal(404, serving.request("GET /").status)
  end)

  it("raises on a missing file, a folder and wrong options", function()
    for _, case in ipairs {
      { { root .. "/nope.html" }, "cannot read '" .. root .. "/nope.html': No such file" },
      { { root .. "/public" }, "is not a file" },
      { {}, "expected a path, got nil" },
      { { root .. "/secret.txt\0.html" }, "expected a path without NUL" },
      { { root .. "/secret.txt", { headers = { A = "\n" } } }, "holds a control character" },
      { { root .. "/secret.txt", { typ = 1 } }, "unknown option 'typ'" },
    } do
      local ok, err = pcall(function() files.file(table.unpack(case[1])) end)
      assert.is_false(ok)
      assert.truthy(err:find(case[2], 1, true), err)
      assert.truthy(err:find("server/files_spec.lua", 1, true), err)
    end
  end)
end)

describe("server:static", function()
  after_each(serving.stop)

  it("serves the files of the folder", function()
    serve()
    for path, want in pairs {
      ["a.txt"] = { "text a", "text/plain; charset=utf-8" }, ["inner.txt"] = { "text a",
        "text/plain; charset=utf-8" },
      ["%C3%A9%20b.html"] = { "<p>", "text/html; charset=utf-8" }, ["none"] = { "",
        "application/octet-stream" },
      ["sub/deep/x.css"] = { "b{}", "text/css; charset=utf-8" }, ["%61.txt?v=1"] = { "text a" },
      ["big.js"] = { big, "text/javascript; charset=utf-8" },
    } do
      local got = serving.request("GET /assets/" .. path)
      assert.equal(200, got.status, path)
      assert.equal(want[1], got.body)
      assert.equal(want[2] or got.headers["content-type"], got.headers["content-type"])
    end
    assert.equal(200, serving.request("HEAD /assets/big.js").status)
  end)

  it("leads to no folder's slash where nothing is served behind it", function()
    serving.start(function(server) server:static("/assets", root .. "/public") end)
    assert.equal(404, serving.request("GET /assets/empty").status)
    assert.equal(404, serving.request("GET /assets/sub/deep").status)
    assert.equal(301, serving.request("GET /assets/sub").status)
    assert.equal(301, serving.request("GET /assets").status)
  end)

  it("serves index.html behind a folder's slash, and leads there", function()
    serve()
    assert.equal("<h1>root</h1>", serving.request("GET /assets/").body)
    assert.equal("<h1>sub</h1>", serving.request("GET /assets/sub/").body)
    local got = serving.request("GET /assets/sub?x=y")
    assert.equal(301, got.status)
    assert.equal("/assets/sub/?x=y", got.headers.location)
    assert.equal("/assets/", serving.request("GET /assets").headers.location)
    assert.equal(404, serving.request("GET /assets/empty/").status)
    assert.equal(404, serving.request("GET /assets/sub/deep/").status)
  end)

  for _, path in ipairs {
    "nope", "a.txt/", "a.txt/x", "../secret.txt", "%2e%2e/secret.txt", ".%2E/secret.txt",
    "sub/../../secret.txt",
    "sub/../a.txt", "./a.txt", "..%2fsecret.txt", "..%2Fsecret.txt", "%2e%2e%2fsecret.txt",
    "..\\secret.txt",
    "..%5csecret.txt", "a.txt%00", "%00", "a.txt%00.html", "/a.txt", "//a.txt", "sub//deep/x.css",
    "%2fetc/passwd",
    "%2Fetc%2Fpasswd", "link.txt", "linked/secret.txt", "linked/", "linked", "broken", ".hidden",
    "shows.txt", "shown/x.txt", "shown/",
    "sub/.", "sub/..",
    "..", "%2e%2e", "..;/secret.txt", "....//secret.txt", "%252e%252e/secret.txt",
    "../public-not.txt", "../public/a.txt",
    "%c0%ae%c0%ae/secret.txt", "../public-not.txt/", "a.txt%20", "A.TXT/..",
  } do
    it("gives 404 for " .. path, function()
      serve()
      local got = serving.request("GET /assets/" .. path)
      assert.equal(404, got.status)
      assert.is_nil(got.body:find("secret", 1, true))
    end)
  end

  it("follows links out of the folder and to hidden files where it is told to", function()
    serving.start(function(server)
      server:static("/assets", root .. "/public", { follow_links = true })
    end)
    for path, status in pairs {
      ["link.txt"] = 200, ["linked/secret.txt"] = 200, ["shows.txt"] = 200, ["shown/x.txt"] = 200,
      ["inner.txt"] = 200, ["broken"] = 404, [".hidden"] = 404, [".git/x.txt"] = 404,
      ["../secret.txt"] = 404, ["%2e%2e/secret.txt"] = 404,
    } do
      assert.equal(status, serving.request("GET /assets/" .. path).status, path)
    end
  end)

  it("goes before a route whose beginning is a parameter", function()
    serving.start(function(server)
      server:get("/:a/:b", function(_, res) res:reply(200, "route") end)
      server:static("/assets", root .. "/public")
    end)
    assert.equal("route", serving.request("GET /other/a.txt").body)
    assert.not_equal("route", serving.request("GET /assets/a.txt").body)
    assert.equal(404, serving.request("GET /assets/nope.txt").status)
  end)

  it("does not serve a neighbour whose name begins alike", function()
    serve()
    assert.equal(404, serving.request("GET /assets-not.txt").status)
  end)

  it("may be at the root, beside routes", function()
    serving.start(function(server)
      server:static("/", root .. "/public/")
      server:get("/a.txt", function(_, res) res:reply(200, "mine") end)
    end)
    assert.equal("mine", serving.request("GET /a.txt").body)
    assert.equal("<h1>root</h1>", serving.request("GET /").body)
    assert.equal("/sub/", serving.request("GET /sub").headers.location)
    for _, path in ipairs { "//sub", "//evil.example/..", "/%5Cevil.example", "/%2f/evil.example",
      "/../secret.txt" } do
      assert.equal(404, serving.request("GET " .. path).status, path)
    end
  end)

  it("waits for a slow client, and lets go when it leaves", function()
    write("public/huge.bin", big:rep(20))
    serve()
    local slow, gone = serving.connect(), serving.connect()
    for _, client in ipairs { slow, gone } do
      client:send("GET /assets/huge.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    end
    gone:head()
    gone:reset()
    local got = slow:response()
    assert.equal(tostring(20 * #big), got.headers["content-length"])
    assert.equal(20 * #big, #got.body)
    assert.equal(big, got.body:sub(-#big))
    assert.same({}, serving.errors)
  end)

  it("raises on what is no folder", function()
    for _, folder in ipairs { root .. "/nope", root .. "/secret.txt" } do
      local ok, err = pcall(function()
        serving.start(function(server) server:static("/x", folder) end)
      end)
      assert.is_false(ok)
      assert.truthy(err:find(folder, 1, true), err)
    end
    local _, cut = pcall(files.folder, root .. "/public\0-not")
    assert.truthy(cut:find("expected a folder's path without NUL", 1, true), cut)
    local _, err = pcall(files.folder, nil)
    assert.truthy(err:find("expected a folder's path", 1, true))
  end)
end)
