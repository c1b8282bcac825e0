-- Whole responses to conditional requests, and to requests for a part: as files have them.
local serving = require "spec.support.serving"
local sse = require "sse"

local DATE = "Mon, 30 Nov 2026 02:56:22 GMT"

serving.each("res:reply", function()
  after_each(serving.stop)

  local function start(fields, body, before)
    serving.start(function(server)
      server:all("/", function(_, res)
        if before then before(res) end
        res:reply(200, body or "0123456789", fields)
      end)
    end)
  end

  local function check(status, asked, line)
    local got = serving.ask(line or "GET /", asked)
    assert.equal(status, got.status, (next(asked)))
    return got
  end

  it("with an ETag is a 304 for a client that has that", function()
    start { ETag = '"v1"', ["Cache-Control"] = "no-cache", ["X-A"] = "b" }
    for _, tags in ipairs { '"v1"', 'W/"v1"', '"v0", "v1"', "*", '"v0",W/"v1"' } do
      local got = check(304, { ["If-None-Match"] = tags })
      assert.equal("", got.body)
      assert.equal('"v1"', got.headers.etag)
      assert.equal("no-cache", got.headers["cache-control"])
      assert.is_nil(got.headers["content-type"])
      check(304, { ["If-None-Match"] = tags }, "HEAD /")
    end
    for _, tags in ipairs { '"v2"', "", '"v1', "v1" } do
      assert.equal("0123456789", check(200, { ["If-None-Match"] = tags }).body)
    end
    check(200, {})
    check(200, { ["If-None-Match"] = '"v1"' }, "POST /")
  end)

  it("with a Last-Modified is a 304 for a client that has that", function()
    start { ["Last-Modified"] = DATE }
    check(304, { ["If-Modified-Since"] = DATE })
    check(200, { ["If-Modified-Since"] = DATE:gsub("22 GMT", "21 GMT") })
    check(200, { ["If-Modified-Since"] = DATE, ["If-None-Match"] = '"x"' })
    check(304, { ["If-Modified-Since"] = DATE:gsub("22 GMT", "21 GMT"), ["If-None-Match"] = "*" })
  end)

  it("counts kept headers, and JSON", function()
    serving.start(function(server)
      server:get("/", function(_, res) res:header("etag", '"v1"'):json { a = 1 } end)
    end)
    check(304, { ["If-None-Match"] = '"v1"' })
    assert.equal('{"a":1}', check(200, { ["If-None-Match"] = '"v2"' }).body)
  end)

  it("of another status has no conditions", function()
    serving.start(function(server)
      server:get("/", function(_, res) res:reply(404, "x", { ETag = '"v1"' }) end)
    end)
    check(404, { ["If-None-Match"] = '"v1"' })
  end)

  it("with Accept-Ranges gives a part", function()
    start { ["Accept-Ranges"] = "bytes", ETag = '"v1"' }
    local cases = {
      ["bytes=0-1"] = { 206, "01", "bytes 0-1/10" }, ["bytes=8-"] = { 206, "89", "bytes 8-9/10" },
      ["bytes=-3"] = { 206, "789", "bytes 7-9/10" }, ["bytes=5-99"] = { 206, "56789",
        "bytes 5-9/10" },
      ["bytes=10-"] = { 416, "", "bytes */10" }, ["bytes=-0"] = { 416, "", "bytes */10" },
      ["bytes=0-1,3-4"] = { 200, "0123456789" }, ["bytes=2-1"] = { 200, "0123456789" },
      ["lines=1-2"] = { 200, "0123456789" },
    }
    for range, want in pairs(cases) do
      local got = check(want[1], { Range = range })
      assert.equal(want[2], got.body, range)
      assert.equal(want[3], got.headers["content-range"])
      assert.equal('"v1"', got.headers.etag)
    end
    assert.equal("01", check(206, { Range = "bytes=0-1", ["If-Range"] = '"v1"' }).body)
    check(200, { Range = "bytes=0-1", ["If-Range"] = '"v0"' })
    check(200, { Range = "bytes=0-1", ["If-Range"] = DATE })
    check(304, { Range = "bytes=0-1", ["If-None-Match"] = '"v1"' })
    check(200, { Range = "bytes=0-1" }, "HEAD /")
  end)

  it("with a weak tag gives no part by If-Range", function()
    start { ["Accept-Ranges"] = "bytes", ETag = 'W/"v1"' }
    check(200, { Range = "bytes=0-1", ["If-Range"] = 'W/"v1"' })
  end)

  it("without Accept-Ranges gives none, and an empty body has none", function()
    start { ETag = '"v1"' }
    check(200, { Range = "bytes=0-1" })
    serving.stop()
    start({ ["Accept-Ranges"] = "bytes" }, "")
    check(200, { Range = "bytes=0-1" })
  end)

  it("is what a file gives for the same request", function()
    serving.start(function(server)
      server:get("/file", sse.file("README.md", { headers = { ETag = '"v1"' } }))
      server:get("/text", function(_, res)
        local file <close> = assert(io.open "README.md")
        res:reply(200, file:read "a", { ETag = '"v1"', ["Accept-Ranges"] = "bytes" })
      end)
    end)
    for _, fields in ipairs {
      { Range = "bytes=3-8" }, { Range = "bytes=-4" }, { Range = "bytes=9999999-" },
      { ["If-None-Match"] = '"v1"' }, { Range = "bytes=3-8", ["If-Range"] = '"v1"' },
      { Range = "bytes=3-8", ["If-Range"] = '"v2"' },
    } do
      local file, text = serving.ask("GET /file", fields), serving.ask("GET /text", fields)
      assert.equal(file.status, text.status)
      if file.status ~= 416 then assert.equal(file.body, text.body) end
      assert.equal(file.headers["content-range"], text.headers["content-range"])
    end
  end)
end)
