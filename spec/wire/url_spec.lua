-- core.url: parts, resolution, origins; and the URLs and options that core.transfer refuses.
local core = require "sse.core"
local wait = require "spec.support.wait"

describe("core.url", function()
  it("gives the parts and the serializations", function()
    local url = assert(core.url("HTTPS://us%20er:p%3Aw@EXAMPLE.com:8443/a/./b/../c%20d?x=1&y#frag"))
    assert.same({
      scheme = "https", host = "example.com", port = "8443",
      path = "/a/c%20d", query = "x=1&y", fragment = "frag",
      user = "us er", password = "p:w", origin = "https://example.com:8443",
      href = "https://us%20er:p%3Aw@example.com:8443/a/c%20d?x=1&y#frag",
      request = "https://example.com:8443/a/c%20d?x=1&y",
    }, url)
  end)

  it("serializes origins as the web does", function()
    for text, origin in pairs {
      ["http://a:80"] = "http://a", ["https://a:443/x"] = "https://a",
      ["http://a:443"] = "http://a:443",
      ["http://A.B:8080/"] = "http://a.b:8080", ["http://[::1]:80/"] = "http://[::1]",
      ["http://127.1/"] = "http://127.0.0.1", ["ftp://a/"] = "ftp://a",
    } do
      assert.equal(origin, assert(core.url(text)).origin)
    end
  end)

  it("resolves", function()
    local base = "http://h:81/a/b?q"
    for text, href in pairs {
      ["c"] = "http://h:81/a/c", ["/c"] = "http://h:81/c", ["../../c"] = "http://h:81/c",
      ["?x"] = "http://h:81/a/b?x",
      ["//o/c"] = "http://o/c", ["https://o"] = "https://o/", ["c d"] = "http://h:81/a/c%20d",
    } do
      assert.equal(href, assert(core.url(text, base)).href)
    end
  end)

  it("refuses what is none", function()
    for _, text in ipairs { "", "x", "http://", "http://a b/", "http://a:b/", "http://a:99999/",
      "http://[::1/", "http://a\0b/" } do
      local url, message, code = core.url(text)
      assert.is_nil(url)
      assert.is_string(message)
      assert.equal("EINVAL", code)
    end
  end)
end)

describe("core.transfer", function()
  it("refuses what would break a request", function()
    local url = "http://127.0.0.1:1/"
    for _, options in ipairs {
      { url = url, headers = { "A", "b\r\nC: d" } }, { url = url, headers = { "A", "b\0" } },
      { url = url, headers = { "A b", "c" } }, { url = url, headers = { "", "c" } }, { url = url,
        method = "GE T" },
      { url = url, headers = { "A:", "c" } },
    } do
      local transfer, message, code = core.transfer(options)
      assert.is_nil(transfer)
      assert.is_string(message)
      assert.equal("EINVAL", code)
    end
    for _, options in ipairs { {}, { url = 7 }, { url = "http://a\0b/" },
      { url = url, headers = { 1, 2 } }, { url = url, on_head = 1 }, { url = url, parser = {} } } do
      assert.has_error(function() core.transfer(options) end)
    end
  end)

  it("calls back with its owner, where it has one", function()
    local owner, got = {}, nil
    local transfer = core.transfer { url = "http://127.0.0.1:1/", owner = owner,
      on_done = function(...) got = table.pack(...) end }
    assert.has_error(function() transfer:feed {} end)
    wait.till(function() return got end, "the end")
    assert.equal(owner, got[1])
    assert.equal("ECONNREFUSED", got[3])
  end)

  it("cancels at once, twice, and keeps nothing running", function()
    wait.idle()
    local transfer = core.transfer { url = "http://127.0.0.1:1/",
      on_done = function() error("cancelled") end }
    assert.is_false(transfer.done)
    transfer:cancel()
    transfer:cancel()
    transfer:pause()
    transfer:resume()
    assert.is_true(transfer.done)
    assert.equal(0, transfer.bytes)
    assert.is_false(core.turn())
  end)
end)
