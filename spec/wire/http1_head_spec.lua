-- HTTP/1.1 request heads, fed as bytes: request lines, targets, Host, fields.
local cases = require "spec.support.http1_cases"
local wire = require "spec.http1_wire"

local feed = cases.feed
local one = cases.one
local refuses = cases.refuses
local crlf = cases.crlf
local pieces_of_one = cases.pieces_of_one
local GET, POST, CHUNKED = cases.GET, cases.POST, cases.CHUNKED

describe("http1 request head", function()
  it("gives the request line and the fields", function()
    local r = one(crlf("GET /a/b?x=1&y=%20 HTTP/1.1\nHost: example.com:8080\n"
      .. "X-One:  two words\t \nX-One:\nx-!#$%&'*+-.^_`~: \xc3\xa9\n\n"))
    assert.equal("GET", r.method)
    assert.equal("/a/b?x=1&y=%20", r.target)
    assert.equal(1, r.minor)
    assert.same({ "Host: example.com:8080", "X-One: two words", "X-One: ",
      "x-!#$%&'*+-.^_`~: \xc3\xa9" }, r.fields)
    assert.is_true(r.done)
    assert.equal("", r.body)
  end)

  it("is incomplete until its last byte", function()
    local bytes = GET .. "\r\n"
    for n = 0, #bytes - 1 do
      local got = wire.feed({ bytes:sub(1, n) }, {})
      assert.same({}, got)
    end
  end)

  it("skips up to four empty lines before a request", function()
    assert.equal("GET", one(("\r\n"):rep(4) .. GET .. "\r\n").method)
    refuses(400, ("\r\n"):rep(4) .. "\r|\n" .. GET .. "\r\n")
    refuses(400, "\rG|")
    refuses(400, "\n|" .. GET)
  end)

  it("takes pipelined requests in order", function()
    local got = feed(GET .. "\r\n" .. POST .. "Content-Length: 3\r\n\r\nabc\r\n"
      .. CHUNKED .. "2\r\nhi\r\n0\r\n\r\n" .. GET .. "\r\n")
    assert.is_nil(got.status)
    local seen = {}
    for i, r in ipairs(got) do seen[i] = r.method .. " " .. r.body end
    assert.same({ "GET ", "POST abc", "POST hi", "GET " }, seen)
  end)

  it("refuses a bad request behind good ones, which stand", function()
    local got = refuses(400, GET .. "\r\nGET / HTTP/1.1\r\n bad")
    assert.equal(1, #got)
  end)

  describe("request line", function()
    for _, method in ipairs { "GET", "get", "M-SEARCH", "A!#$%&'*+-.^_`~Z", ("M"):rep(32) } do
      it("takes the method " .. method, function()
        assert.equal(method, one(method .. " / HTTP/1.1\r\nHost: a\r\n\r\n").method)
      end)
    end
    for name, line in pairs {
      ["a space before the method"] = " |GET / HTTP/1.1",
      ["a control in the method"] = "G\1|ET / HTTP/1.1",
      ["NUL in the method"] = "G\0|ET / HTTP/1.1",
      ["a colon in the method"] = "G:|ET / HTTP/1.1",
      ["non-ASCII in the method"] = "G\xc3|\xa9T / HTTP/1.1",
      ["a method alone"] = "GET\r|\n",
      ["a tab after the method"] = "GET\t|/ HTTP/1.1",
      ["two spaces after the method"] = "GET  |/ HTTP/1.1",
      ["no target"] = "GET  |HTTP/1.1",
      ["HTTP/0.9"] = "GET /\r|\n",
      ["bare LF after the target"] = "GET /\n|",
      ["two spaces after the target"] = "GET /  |HTTP/1.1",
      ["a tab before the version"] = "GET /\t|HTTP/1.1",
      ["a fragment"] = "GET /a#|b HTTP/1.1",
      ["NUL in the target"] = "GET /a\0|b HTTP/1.1",
      ["DEL in the target"] = "GET /a\x7f|b HTTP/1.1",
      ["a control in the target"] = "GET /a\x1f|b HTTP/1.1",
      ["non-ASCII in the target"] = "GET /\xc3|\xa9 HTTP/1.1",
      ["a lower-case version"] = "GET / h|ttp/1.1",
      ["another protocol"] = "GET / HTTPS|/1.1",
      ["a version without minor"] = "GET / HTTP/1\r|\n",
      ["a version of two digits"] = "GET / HTTP/11|.1",
      ["a minor of two digits"] = "GET / HTTP/1.11|",
      ["a letter as version"] = "GET / HTTP/x|.1",
      ["a space after the version"] = "GET / HTTP/1.1 |\r\n",
      ["bare LF after the version"] = "GET / HTTP/1.1\n|Host: a",
      ["CR CR after the version"] = "GET / HTTP/1.1\r\r|\n",
      ["CR without LF after the version"] = "GET / HTTP/1.1\rH|ost: a",
    } do
      it("refuses " .. name, function() refuses(400, line) end)
    end
    for name, line in pairs {
      ["HTTP/2.0"] = "GET / HTTP/2|.0\r\n",
      ["HTTP/2's preface"] = "PRI * HTTP/2|.0\r\n\r\nSM\r\n\r\n",
      ["HTTP/0.9 spelt out"] = "GET / HTTP/0|.9\r\n",
      ["HTTP/1.2"] = "GET / HTTP/1.2|\r\n",
    } do
      it("answers 505 to " .. name, function() refuses(505, line) end)
    end
    it("answers 501 to a method that is too long", function()
      refuses(501, ("M"):rep(33) .. "|M / HTTP/1.1")
    end)
    it("answers 501 to CONNECT", function()
      refuses(501, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
    end)
  end)

  describe("target", function()
    for _, target in ipairs { "/", "//a//b", "/?", "/a;b=c/d:e@f", "/%2e%2E/", "/a\\b{|}^`\"<>",
      "/?a?b/c" } do
      it("takes " .. target, function()
        local bytes = "GET " .. target .. " HTTP/1.1\r\nHost: a\r\n\r\n"
        assert.equal(target, wire.feed(pieces_of_one(bytes), {})[1].target)
      end)
    end
    local forms = {
      { "OPTIONS", "*", "a" }, { "GET", "http://a/x?y", "a" }, { "GET", "HTTP://EX.com:80/",
        "ex.COM:80" },
      { "GET", "https://[::1]:9/x", "[::1]:9" }, { "GET", "http://a", "a" }, { "GET", "http://a?x",
        "a" },
    }
    for _, f in ipairs(forms) do
      it(("takes %s %s for host %s"):format(f[1], f[2], f[3]), function()
        assert.equal(f[2], one(("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(f[1], f[2],
          f[3])).target)
      end)
    end
    local bad = {
      { "GET", "*", "a" }, { "OPTIONS", "*x", "a" }, { "GET", "a/b", "a" }, { "GET", "a:80",
        "a:80" },
      { "GET", "http://b/", "a" }, { "GET", "http://a:80/", "a" }, { "GET", "http:///x", "a" },
      { "GET", "http:/x", "a" },
      { "GET", "http://u@a/", "a" }, { "GET", "http://u:p@a/", "a" }, { "GET", "ftp://a/", "a" },
      { "GET", "?x", "a" },
      { "GET", "http://a b", "a" }, { "GET", "httpx://a/", "a" }, { "GET", "http://[::1/",
        "[::1]" },
    }
    for _, f in ipairs(bad) do
      it(("refuses %s %s for host %s"):format(f[1], f[2], f[3]), function()
        refuses(400, ("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(f[1], f[2], f[3]))
      end)
    end
  end)

  describe("Host", function()
    for _, host in ipairs {
      "a", "example.com", "EXAMPLE.com:80", "127.0.0.1:9522", "a:", "a:65535", "_dmarc.x", "a%41",
      "xn--bcher-kva.de", "a.",
      "[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]", "[1::8]:443", "[::ffff:1.2.3.4]",
      "[1:2:3:4:5:6:1.2.3.4]", "[FE80::ABCD]",
      "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]",
    } do
      it("takes " .. host, function() one("GET / HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n") end)
    end
    for _, host in ipairs {
      "", ":80", "a:b", "a:65536", "a:+80", "a:80:80", "a b", "a,b", "a/b", "a\\b", "u@a", "a?",
      "a\"", "<a>", "a%4", "a%", "a%zz",
      "a{}", "[]", "[:]", "[:::]", "[::1", "::1", "[::1]x", "[::1]80", "[1:2:3:4:5:6:7]",
      "[1:2:3:4:5:6:7:8:9]", "[1::2::3]",
      "[12345::]", "[g::]", "[::1%25eth0]", "[v1.a]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]",
      "[1.2.3.4]", "[1:2:3:4:5:6:7:1.2.3.4]",
      "[1:2:3:4:5:6:7:8::]", "[1:]", "[:1]", "[::1.2.3.4:5]", "\xc3\xa9",
    } do
      it(("refuses %q"):format(host), function()
        refuses(400, "GET / HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n")
      end)
    end
    it("must be there in HTTP/1.1", function() refuses(400, "GET / HTTP/1.1\r\nX: y\r\n\r\n") end)
    it("need not be there in HTTP/1.0", function()
      assert.equal(0, one("GET / HTTP/1.0\r\n\r\n").minor)
    end)
    it("is checked in HTTP/1.0 too", function()
      refuses(400, "GET / HTTP/1.0\r\nHost: a b\r\n\r\n")
    end)
    it("may not come twice, not even the same", function()
      refuses(400, GET .. "Host: a\r\n\r\n")
      refuses(400, GET .. "hOST: b\r\n\r\n")
      refuses(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")
    end)
  end)

  describe("fields", function()
    for name, line in pairs {
      ["obs-fold"] = "X: a\r\n |b\r\n\r\n",
      ["obs-fold by a tab"] = "X: a\r\n\t|b\r\n\r\n",
      ["a space before the colon"] = "X |: a\r\n\r\n",
      ["a tab before the colon"] = "X\t|: a\r\n\r\n",
      ["a line without a colon"] = "X\r|\n\r\n",
      ["an empty name"] = ":| a\r\n\r\n",
      ["a name that is no token"] = "X(|: a\r\n\r\n",
      ["a name with NUL"] = "X\0|: a\r\n\r\n",
      ["a non-ASCII name"] = "X\xc3|\xa9: a\r\n\r\n",
      ["bare LF"] = "X: a\n|Y: b\r\n\r\n",
      ["bare LF ends the head"] = "X: a\r\n\n|",
      ["bare CR in a value"] = "X: a\rb|\r\n\r\n",
      ["CR CR LF"] = "X: a\r\r|\n\r\n",
      ["CR alone at the end of the head"] = "X: a\r\n\rG|",
      ["NUL in a value"] = "X: a\0|b\r\n\r\n",
      ["a control in a value"] = "X: a\x0b|b\r\n\r\n",
      ["DEL in a value"] = "X: a\x7f|b\r\n\r\n",
    } do
      it("refuses " .. name, function() refuses(400, GET .. line) end)
    end
    it("refuses white space before the first field", function()
      refuses(400, "GET / HTTP/1.1\r\n |Host: a\r\n\r\n")
    end)
    it("keeps tabs and spaces within a value", function()
      assert.equal("X: a \t b", one(GET .. "X:\t a \t b \t\r\n\r\n").fields[2])
    end)
  end)
end)
