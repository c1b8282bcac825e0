-- Parts of files: Range and If-Range of RFC 9110, by sse.file and server:static.
local byte_range = require "sse.server.byte_range"
local files = require "sse.server.files"
local lfs = require "lfs"
local serving = require "spec.support.serving"

local folder
local OLD = os.time() - 3600
local big = {}
for i = 1, 30000 do big[i] = ("%08d\n"):format(i) end
big = table.concat(big)

local function write(name, text, time)
  local path = folder .. "/" .. name
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  assert(lfs.touch(path, time or OLD))
  return path
end

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  write("ten.txt", "0123456789")
  write("one.txt", "x")
  write("empty.txt", "")
  write("big.txt", big)
end)

teardown(function()
  for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
  assert(lfs.rmdir(folder))
end)

local function serve()
  return serving.start(function(server)
    server:static("/f", folder)
    server:get("/own", files.file(folder .. "/ten.txt", { headers = {
      ETag = '"mine"', ["Last-Modified"] = "never",
    } }))
    server:get("/none", files.file(folder .. "/ten.txt",
      { headers = { ["accept-ranges"] = "none" } }))
  end)
end

local function ask(path, range, more)
  local fields = more or {}
  fields.Range = range
  return serving.ask("GET " .. path, fields)
end

-- Range fields of the ten bytes: what comes, and its Content-Range; false: the whole; nil: 416.
local cases = {
  { "bytes=0-3", "0123", "bytes 0-3/10" },
  { "bytes=3-3", "3", "bytes 3-3/10" },
  { "bytes=9-", "9", "bytes 9-9/10" },
  { "bytes=0-", "0123456789", "bytes 0-9/10" },
  { "bytes=4-100", "456789", "bytes 4-9/10" },
  { "bytes=4-" .. ("9"):rep(40), "456789", "bytes 4-9/10" },
  { "bytes=-3", "789", "bytes 7-9/10" },
  { "bytes=-10", "0123456789", "bytes 0-9/10" },
  { "bytes=-" .. ("9"):rep(40), "0123456789", "bytes 0-9/10" },
  { "Bytes= 1-2", "12", "bytes 1-2/10" },
  { "bytes=10-" }, { "bytes=10-20" }, { "bytes=" .. ("9"):rep(40) .. "-" }, { "bytes=-0" },
  { "bytes=5-4", false }, { "bytes=-", false }, { "bytes=", false }, { "bytes", false },
  { "bytes=a-b", false }, { "bytes=0x1-2", false }, { "bytes=1.5-2", false }, { "0-3", false },
  { "lines=0-3", false }, { "bytes=0-1,3-4", false }, { "bytes=0-1, 3-4", false },
  { "bytes=--1", false }, { "bytes=+1-2", false }, { "bytes 0-3", false },
}

serving.each("a file's range", function(transport)
  after_each(serving.stop)

  it("comes with 206, 416 if the file has none of it, and else the whole comes", function()
    serve()
    for _, case in ipairs(cases) do
      local range, body, told = table.unpack(case, 1, 3)
      local got = ask("/f/ten.txt", range)
      if told then
        assert.same({ 206, body, told }, { got.status, got.body, got.headers["content-range"] })
      elseif body == false then
        assert.same({ 200, "0123456789" }, { got.status, got.body }, range)
        assert.is_nil(got.headers["content-range"])
      else
        assert.same({ 416, "bytes */10" }, { got.status, got.headers["content-range"] }, range)
      end
      assert.equal(tostring(#got.body), got.headers["content-length"])
      if got.status ~= 416 then assert.equal("bytes", got.headers["accept-ranges"]) end
    end
  end)

  it("of a large file is that part, whatever the piece", function()
    serve()
    for _, part in ipairs { { 0, 0 }, { 65535, 65536 }, { 1, #big - 2 }, { 100000, 260000 } } do
      local got = ask("/f/big.txt", ("bytes=%d-%d"):format(part[1], part[2]))
      assert.equal(206, got.status)
      assert.is_true(got.body == big:sub(part[1] + 1, part[2] + 1))
    end
    assert.is_true(big:sub(-70000) == ask("/f/big.txt", "bytes=-70000").body)
  end)

  it("of an empty file is the whole file, which has no bytes", function()
    serve()
    for _, range in ipairs { "bytes=0-", "bytes=-5", "bytes=0-0" } do
      local got = ask("/f/empty.txt", range)
      assert.same({ 200, "", "0" }, { got.status, got.body, got.headers["content-length"] })
    end
    assert.equal("x", ask("/f/one.txt", "bytes=-5").body)
  end)

  it("is for GET alone: HEAD tells the whole length", function()
    serve()
    local head = serving.ask("HEAD /f/ten.txt", { Range = "bytes=0-3" })
    assert.same({ 200, "10", "bytes", "" }, { head.status, head.headers["content-length"],
      head.headers["accept-ranges"], head.body })
    assert.is_nil(head.headers["content-range"])
  end)

  it("comes behind If-None-Match, and with If-Range only of the same file", function()
    serve()
    local head = serving.ask("HEAD /f/ten.txt").headers
    local function status(fields) return ask("/f/ten.txt", "bytes=0-3", fields).status end
    assert.truthy(head.etag:find '^"%x+%-%x+"$')
    assert.equal(304, status { ["If-None-Match"] = head.etag })
    assert.equal(206, status { ["If-None-Match"] = '"x"' })
    assert.equal(206, status { ["If-Range"] = head.etag })
    assert.equal(206, status { ["If-Range"] = head["last-modified"] })
    for _, other in ipairs { "W/" .. head.etag, '"x"', head.etag:sub(1, -2), "",
      "Thu, 01 Jan 1970 00:00:00 GMT" } do
      assert.equal(200, status { ["If-Range"] = other })
    end
    assert.equal(transport.protocol, ask("/f/ten.txt", "bytes=0-3").protocol)
  end)

  it("has a part of no file that was modified just now, since it may change again", function()
    serve()
    local path = write("young.txt", "young file", os.time())
    local young = serving.ask("HEAD /f/young.txt").headers
    assert.truthy(young.etag:find '^W/"%x+%-%x+"$')
    for _, condition in ipairs { young.etag, young.etag:sub(3), young["last-modified"] } do
      local got = ask("/f/young.txt", "bytes=0-3", { ["If-Range"] = condition })
      assert.equal("young file", got.body)
    end
    assert.equal("youn", ask("/f/young.txt", "bytes=0-3").body)
    assert(lfs.touch(path, os.time() + 3600))
    assert.truthy(serving.ask("HEAD /f/young.txt").headers.etag:find "^W/")
    assert(lfs.touch(path, OLD))
    local settled = serving.ask("HEAD /f/young.txt").headers
    local fields = { ["If-Range"] = settled.etag }
    assert.equal("youn", ask("/f/young.txt", "bytes=0-3", fields).body)
  end)

  it("is never of a file that is replaced between the look at it and its opening", function()
    serve()
    local path, open = write("swapped.txt", "old text"), io.open
    local etag, swaps = serving.ask("HEAD /f/swapped.txt").headers.etag, 1
    io.open = function(name, ...) -- luacheck: ignore 122
      if name == path and swaps > 0 then
        swaps = swaps - 1
        assert(os.rename(folder .. "/swapped" .. swaps, path))
      end
      return open(name, ...)
    end
    finally(function() io.open = open end) -- luacheck: ignore 122
    for i = 0, 9 do write("swapped" .. i, "newer text" .. ("!"):rep(i)) end
    local got = ask("/f/swapped.txt", "bytes=4-", { ["If-Range"] = etag })
    assert.same({ 200, "newer text" }, { got.status, got.body })
    assert.not_equal(etag, got.headers.etag)
    swaps = 10
    got = ask("/f/swapped.txt")
    assert.same({ 503, "1" }, { got.status, got.headers["retry-after"] })
  end)

  it("obeys the headers that sse.file was given", function()
    serve()
    assert.equal("0123", ask("/own", "bytes=0-3", { ["If-Range"] = '"mine"' }).body)
    assert.equal("0123", ask("/own", "bytes=0-3", { ["If-Range"] = "never" }).body)
    assert.equal("0123456789", ask("/own", "bytes=0-3", { ["If-Range"] = '"other"' }).body)
    local got = ask("/none", "bytes=0-3")
    assert.same({ 200, "none" }, { got.status, got.headers["accept-ranges"] })
  end)
end)

describe("sse.server.byte_range", function()
  it("reads a long field in time in proportion to its length", function()
    for _, text in ipairs { ("9"):rep(1 << 20), (" "):rep(1 << 20), ("-"):rep(1 << 20),
      ("1-"):rep(1 << 19), "1-" .. (" "):rep(1 << 20) } do
      assert.is_nil(byte_range.parse("bytes=" .. text .. "x"))
    end
  end)
end)
