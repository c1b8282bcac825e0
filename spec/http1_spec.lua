-- HTTP/1.1 requests as bytes: each case is fed whole, byte by byte, and split at every point, and has to
-- give the same outcome each time.
local wire = require "spec.http1_wire"

local function pieces_of_one(bytes)
  local pieces = {}
  for i = 1, #bytes do pieces[i] = bytes:sub(i, i) end
  return pieces
end

-- The outcome of the bytes however they are cut; `given` is that of the run byte by byte, so it tells at
-- which byte a refusal came.
local function feed(bytes, limits)
  limits = limits or {}
  local outcome = wire.feed(pieces_of_one(bytes), limits)
  local given = outcome.given
  outcome.given = nil
  for at = 0, #bytes do
    local other = wire.feed({ bytes:sub(1, at), bytes:sub(at + 1) }, limits)
    other.given = nil
    assert.same(outcome, other, "split after byte " .. at)
  end
  outcome.given = given
  return outcome
end

local function crlf(text)
  return (text:gsub("\n", "\r\n"))
end

-- A refusal with that status; "|" stands behind the byte that shows it first, where that matters.
local function refuses(status, bytes, limits)
  local mark = bytes:find("|", 1, true)
  if mark then bytes = bytes:sub(1, mark - 1) .. bytes:sub(mark + 1) end
  local got = feed(bytes, limits)
  assert.equal(status, got.status)
  assert.is_string(got.reason)
  if mark then assert.equal(mark - 1, got.given, "refused at byte") end
  return got
end

local function one(bytes, limits)
  local got = feed(bytes, limits)
  assert.is_nil(got.status, got.reason)
  assert.equal(1, #got)
  return got[1]
end

local GET = "GET / HTTP/1.1\r\nHost: a\r\n"
local POST = "POST / HTTP/1.1\r\nHost: a\r\n"
local CHUNKED = POST .. "Transfer-Encoding: chunked\r\n\r\n"

describe("http1 request head", function()
  it("gives the request line and the fields", function()
    local r = one(crlf "GET /a/b?x=1&y=%20 HTTP/1.1\nHost: example.com:8080\nX-One:  two words\t \nX-One:\nx-!#$%&'*+-.^_`~: \xc3\xa9\n\n")
    assert.equal("GET", r.method)
    assert.equal("/a/b?x=1&y=%20", r.target)
    assert.equal(1, r.minor)
    assert.same({ "Host: example.com:8080", "X-One: two words", "X-One: ", "x-!#$%&'*+-.^_`~: \xc3\xa9" }, r.fields)
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
    local got = feed(GET .. "\r\n" .. POST .. "Content-Length: 3\r\n\r\nabc\r\n" .. CHUNKED .. "2\r\nhi\r\n0\r\n\r\n" .. GET .. "\r\n")
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
    it("answers 501 to a method that is too long", function() refuses(501, ("M"):rep(33) .. "|M / HTTP/1.1") end)
    it("answers 501 to CONNECT", function()
      refuses(501, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
    end)
  end)

  describe("target", function()
    for _, target in ipairs { "/", "//a//b", "/?", "/a;b=c/d:e@f", "/%2e%2E/", "/a\\b{|}^`\"<>", "/?a?b/c" } do
      it("takes " .. target, function()
        local bytes = "GET " .. target .. " HTTP/1.1\r\nHost: a\r\n\r\n"
        assert.equal(target, wire.feed(pieces_of_one(bytes), {})[1].target)
      end)
    end
    local forms = {
      { "OPTIONS", "*", "a" }, { "GET", "http://a/x?y", "a" }, { "GET", "HTTP://EX.com:80/", "ex.COM:80" },
      { "GET", "https://[::1]:9/x", "[::1]:9" }, { "GET", "http://a", "a" }, { "GET", "http://a?x", "a" },
    }
    for _, f in ipairs(forms) do
      it(("takes %s %s for host %s"):format(f[1], f[2], f[3]), function()
        assert.equal(f[2], one(("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(f[1], f[2], f[3])).target)
      end)
    end
    local bad = {
      { "GET", "*", "a" }, { "OPTIONS", "*x", "a" }, { "GET", "a/b", "a" }, { "GET", "a:80", "a:80" },
      { "GET", "http://b/", "a" }, { "GET", "http://a:80/", "a" }, { "GET", "http:///x", "a" }, { "GET", "http:/x", "a" },
      { "GET", "http://u@a/", "a" }, { "GET", "http://u:p@a/", "a" }, { "GET", "ftp://a/", "a" }, { "GET", "?x", "a" },
      { "GET", "http://a b", "a" }, { "GET", "httpx://a/", "a" }, { "GET", "http://[::1/", "[::1]" },
    }
    for _, f in ipairs(bad) do
      it(("refuses %s %s for host %s"):format(f[1], f[2], f[3]), function()
        refuses(400, ("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(f[1], f[2], f[3]))
      end)
    end
  end)

  describe("Host", function()
    for _, host in ipairs {
      "a", "example.com", "EXAMPLE.com:80", "127.0.0.1:9522", "a:", "a:65535", "_dmarc.x", "a%41", "xn--bcher-kva.de", "a.",
      "[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]", "[1::8]:443", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[FE80::ABCD]",
      "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]",
    } do
      it("takes " .. host, function() one("GET / HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n") end)
    end
    for _, host in ipairs {
      "", ":80", "a:b", "a:65536", "a:+80", "a:80:80", "a b", "a,b", "a/b", "a\\b", "u@a", "a?", "a\"", "<a>", "a%4", "a%", "a%zz",
      "a{}", "[]", "[:]", "[:::]", "[::1", "::1", "[::1]x", "[::1]80", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]",
      "[12345::]", "[g::]", "[::1%25eth0]", "[v1.a]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[1.2.3.4]", "[1:2:3:4:5:6:7:1.2.3.4]",
      "[1:2:3:4:5:6:7:8::]", "[1:]", "[:1]", "[::1.2.3.4:5]", "\xc3\xa9",
    } do
      it(("refuses %q"):format(host), function() refuses(400, "GET / HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n") end)
    end
    it("must be there in HTTP/1.1", function() refuses(400, "GET / HTTP/1.1\r\nX: y\r\n\r\n") end)
    it("need not be there in HTTP/1.0", function() assert.equal(0, one("GET / HTTP/1.0\r\n\r\n").minor) end)
    it("is checked in HTTP/1.0 too", function() refuses(400, "GET / HTTP/1.0\r\nHost: a b\r\n\r\n") end)
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
    it("refuses white space before the first field", function() refuses(400, "GET / HTTP/1.1\r\n |Host: a\r\n\r\n") end)
    it("keeps tabs and spaces within a value", function()
      assert.equal("X: a \t b", one(GET .. "X:\t a \t b \t\r\n\r\n").fields[2])
    end)
  end)

  describe("framing", function()
    local function fields(lines) return POST .. crlf(lines) .. "\r\n" end

    for name, lines in pairs {
      ["both lengths"] = "Content-Length: 3\nTransfer-Encoding: chunked\n",
      ["both lengths the other way round"] = "Transfer-Encoding: chunked\nContent-Length: 3\n",
      ["both lengths with 0"] = "Transfer-Encoding: chunked\nContent-Length: 0\n",
      ["differing Content-Lengths"] = "Content-Length: 3\nContent-Length: 4\n",
      ["the same Content-Length twice"] = "Content-Length: 3\nContent-Length: 3\n",
      ["a list of Content-Lengths"] = "Content-Length: 3, 3\n",
      ["a signed Content-Length"] = "Content-Length: +3\n",
      ["a negative Content-Length"] = "Content-Length: -3\n",
      ["a hexadecimal Content-Length"] = "Content-Length: 0x3\n",
      ["a Content-Length with a blank"] = "Content-Length: 3 0\n",
      ["an empty Content-Length"] = "Content-Length:\n",
      ["a Content-Length in words"] = "Content-Length: three\n",
      ["a fractional Content-Length"] = "Content-Length: 3.0\n",
      ["a space after the name Content-Length"] = "Content-Length : 3\n",
      ["identity"] = "Transfer-Encoding: identity\n",
      ["gzip alone"] = "Transfer-Encoding: gzip\n",
      ["xchunked"] = "Transfer-Encoding: xchunked\n",
      ["chunked, identity"] = "Transfer-Encoding: chunked, identity\n",
      ["chunked, gzip"] = "Transfer-Encoding: chunked, gzip\n",
      ["chunked twice"] = "Transfer-Encoding: chunked, chunked\n",
      ["chunked on two lines"] = "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
      ["chunked, then identity on two lines"] = "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n",
      ["identity, then chunked with a length"] = "Transfer-Encoding: identity\nTransfer-Encoding: chunked\nContent-Length: 1\n",
      ["chunked with a parameter"] = "Transfer-Encoding: chunked;q=1\n",
      ["chunked in quotes"] = 'Transfer-Encoding: "chunked"\n',
      ["an empty coding"] = "Transfer-Encoding:\n",
      ["an empty coding before chunked"] = "Transfer-Encoding: , chunked\n",
      ["an empty coding after chunked"] = "Transfer-Encoding: chunked,\n",
      ["a vertical tab before chunked"] = "Transfer-Encoding: \x0bchunked\n",
      ["a colon after the name twice"] = "Transfer-Encoding:: chunked\n",
    } do
      it("refuses " .. name, function() refuses(400, fields(lines)) end)
    end
    it("refuses Transfer-Encoding in HTTP/1.0", function()
      refuses(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
    end)
    it("answers 501 to a coding before chunked", function()
      refuses(501, fields "Transfer-Encoding: gzip, chunked\n")
      refuses(501, fields "Transfer-Encoding: gzip\nTransfer-Encoding: chunked\n")
    end)
    it("answers 413 to a Content-Length past the limit, however large", function()
      refuses(413, fields "Content-Length: 11\n", { max_body = 10 })
      refuses(413, fields "Content-Length: 9223372036854775807\n")
      refuses(413, fields "Content-Length: 9223372036854775808\n")
      refuses(413, fields "Content-Length: 18446744073709551617\n")
      refuses(413, fields("Content-Length: " .. ("9"):rep(60) .. "\n"))
    end)
    it("does not take a name with another separator for the real one", function()
      local r = one(GET .. "Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n")
      assert.is_nil(r.content_length)
      assert.is_false(r.chunked)
    end)
    it("takes chunked in any case", function()
      assert.is_true(feed(POST .. "tRANSFER-eNCODING:\tCHUNKED \r\n\r\n")[1].chunked)
    end)
  end)

  describe("Connection and Expect", function()
    local cases = {
      { "1.1", nil, true }, { "1.0", nil, false }, { "1.1", "close", false }, { "1.1", "Close", false },
      { "1.0", "keep-alive", true }, { "1.0", "Keep-Alive, close", false }, { "1.1", "x, close ,y", false },
      { "1.1", "closed", true }, { "1.1", "Upgrade, HTTP2-Settings", true }, { "1.1", "", true },
    }
    for _, c in ipairs(cases) do
      it(("HTTP/%s with Connection %s"):format(c[1], c[2] or "absent"), function()
        local field = c[2] and "Connection: " .. c[2] .. "\r\n" or ""
        assert.equal(c[3], one("GET / HTTP/" .. c[1] .. "\r\nHost: a\r\n" .. field .. "\r\n").keep_alive)
      end)
    end
    it("close wins over several lines", function()
      assert.is_false(one(GET .. "Connection: close\r\nConnection: keep-alive\r\n\r\n").keep_alive)
    end)
    it("notes 100-continue where a body is to come", function()
      local expect = "Expect: 100-Continue\r\n"
      assert.is_true(feed(POST .. expect .. "Content-Length: 1\r\n\r\n")[1].expect_continue)
      assert.is_true(feed(POST .. expect .. "Transfer-Encoding: chunked\r\n\r\n")[1].expect_continue)
      assert.is_false(one(GET .. expect .. "\r\n").expect_continue)
      assert.is_false(one(GET .. expect .. "Content-Length: 0\r\n\r\n").expect_continue)
      assert.is_false(feed("POST / HTTP/1.0\r\n" .. expect .. "Content-Length: 1\r\n\r\n")[1].expect_continue)
    end)
    it("answers 417 to any other expectation", function()
      refuses(417, GET .. "Expect: 200-ok\r\n\r\n")
      refuses(417, GET .. "Expect:\r\n\r\n")
      refuses(417, GET .. "Expect: 100-continue, x\r\n\r\n")
    end)
  end)

  describe("limits", function()
    local line = "GET / HTTP/1.1\r\n"
    it("takes a head of exactly the limit and refuses one more", function()
      local rest = "Host: a\r\n\r\n"
      local head = line .. "X: " .. ("y"):rep(200 - #line - #rest - 5) .. "\r\n" .. rest
      assert.equal(200, #head)
      one(head, { max_head = 200 })
      one("\r\n" .. head, { max_head = 200 })
      refuses(431, (head:gsub("\n$", "|\n")), { max_head = 199 })
    end)
    it("refuses a head without end at the limit", function()
      refuses(431, line .. "X: " .. ("y"):rep(100 - #line - 3) .. "|yyy", { max_head = 100 })
      refuses(431, line .. ("x"):rep(100 - #line) .. "|xxx", { max_head = 100 })
    end)
    it("takes 100 fields and refuses the next", function()
      local many = "GET / HTTP/1.1\r\nHost: a\r\n" .. ("x:\r\n"):rep(99)
      assert.equal(100, #wire.feed({ many .. "\r\n" }, {})[1].fields)
      assert.equal(431, wire.feed({ many .. "x" }, {}).status)
      assert.equal(431, wire.feed(pieces_of_one(many .. "x:\r\n\r\n"), {}).status)
    end)
    it("takes a target of exactly the limit and refuses it before its line ends", function()
      one("GET /" .. ("a"):rep(49) .. " HTTP/1.1\r\nHost: a\r\n\r\n", { max_target = 50 })
      refuses(414, "GET /" .. ("a"):rep(50) .. "|a", { max_target = 50 })
    end)
    it("calls a target that fills the whole head too long", function()
      refuses(414, "GET /" .. ("a"):rep(60) .. "|a", { max_head = 65, max_target = 1000 })
    end)
    it("has the documented limits", function()
      local function status(n) return wire.feed({ "GET /" .. ("a"):rep(n - 1) }, {}).status end
      assert.is_nil(status(8192))
      assert.equal(414, status(8193))
      assert.is_nil(wire.feed({ line .. ("x"):rep(16383 - #line) }, {}).status)
      assert.equal(431, wire.feed({ line .. ("x"):rep(16384 - #line) }, {}).status)
    end)
  end)
end)

describe("http1 request body", function()
  it("by Content-Length ends at its last byte", function()
    local got = feed(POST .. "Content-Length: 0005\r\n\r\na\0\r\nb" .. GET .. "\r\n")
    assert.equal("a\0\r\nb", got[1].body)
    assert.equal(5, got[1].content_length)
    assert.equal("GET", got[2].method)
  end)
  it("is over at once without a length or with 0", function()
    assert.is_true(one(POST .. "\r\n").done)
    assert.is_true(one(POST .. "Content-Length: 0\r\n\r\n").done)
  end)
  it("is not over before its last byte", function()
    assert.is_falsy(feed(POST .. "Content-Length: 3\r\n\r\nab")[1].done)
    assert.is_falsy(feed(CHUNKED .. "1\r\na\r\n0\r\n\r")[1].done)
  end)
  it("goes with any method", function()
    assert.equal("x", one("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").body)
    assert.equal("x", one("GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx").body)
  end)

  for name, case in pairs {
    ["one chunk"] = { "5\r\nhello\r\n0\r\n\r\n", "hello" },
    ["several chunks"] = { "1\r\na\r\nA\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n", "a01234567890123456789" },
    ["no chunk but the last"] = { "0\r\n\r\n", "" },
    ["a last chunk of several zeros"] = { "0000\r\n\r\n", "" },
    ["CR LF within a chunk"] = { "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n" },
    ["sixteen digits"] = { "0000000000000001\r\na\r\n0\r\n\r\n", "a" },
    ["an extension"] = { "1;a\r\nx\r\n0;b\r\n\r\n", "x" },
    ["an extension with a value"] = { "1;a=b;c=d\r\nx\r\n0\r\n\r\n", "x" },
    ["an extension with a quoted value"] = { '1;a="b;\\"\\\\\t\xc3 c"; d\r\nx\r\n0\r\n\r\n', "x" },
    ["an extension with white space where it may be"] = { "1 ; a = b\t;\tc\r\nx\r\n0\r\n\r\n", "x" },
    ["trailers"] = { "1\r\nx\r\n0\r\nA: b\r\nContent-Length: 7\r\nC:\r\n\r\n", "x" },
  } do
    it("by chunks: " .. name, function()
      local got = feed(CHUNKED .. case[1] .. GET .. "\r\n")
      assert.is_nil(got.status, got.reason)
      assert.equal(case[2], got[1].body)
      assert.is_true(got[1].done)
      assert.equal("GET", got[2].method)
    end)
  end

  for name, body in pairs {
    ["no size"] = "\r|\n",
    ["a size that is no number"] = "g|\r\n",
    ["a negative size"] = "-|1\r\n",
    ["a signed size"] = "+|1\r\n",
    ["0x"] = "0x|1\r\n",
    ["a space before the size"] = " |1\r\n",
    ["a space after the size"] = "1 \r|\n",
    ["an underscore in the size"] = "1_|0\r\n",
    ["bare LF after the size"] = "1\n|x\r\n",
    ["CR without LF after the size"] = "1\rx|\r\n",
    ["more than sixteen digits"] = "00000000000000001|\r\nx",
    ["data longer than the size"] = "1\r\nxy|\r\n",
    ["LF after the data"] = "1\r\nx\n|",
    ["CR without LF after the data"] = "1\r\nx\r1|",
    ["an empty extension"] = "1;\r|\n",
    ["an extension without a name"] = "1;=|a\r\n",
    ["an extension without a value"] = "1;a=\r|\n",
    ["two names"] = "1;a b|\r\n",
    ["a name in quotes"] = '1;"|a"\r\n',
    ["text after a quoted value"] = '1;a="b"c|\r\n',
    ["a quoted value with CR"] = '1;a="b\r|\n',
    ["a quoted value with LF"] = '1;a="b\n|',
    ["a quoted value with NUL"] = '1;a="b\0|',
    ["an escaped CR"] = '1;a="b\\\r|\n',
    ["LF in an extension"] = "1;a\n|",
    ["white space after an extension"] = "1;a \r|\n",
    ["a trailer without a colon"] = "0\r\nabc\r|\n\r\n",
    ["a trailer without a name"] = "0\r\n:|b\r\n\r\n",
    ["a space before a trailer's colon"] = "0\r\na |: b\r\n\r\n",
    ["a folded trailer"] = "0\r\na: b\r\n |c\r\n\r\n",
    ["NUL in a trailer"] = "0\r\na: \0|\r\n\r\n",
    ["bare LF in a trailer"] = "0\r\na: b\n|\r\n",
    ["bare LF at the end"] = "0\r\n\n|",
    ["CR without LF at the end"] = "0\r\n\rG|",
  } do
    it("by chunks refuses " .. name, function()
      local got = refuses(400, CHUNKED .. body)
      assert.is_falsy(got[1].done)
    end)
  end

  it("by chunks answers 413 as soon as the size is known", function()
    one(CHUNKED .. "a\r\n0123456789\r\n0\r\n\r\n", { max_body = 10 })
    refuses(413, CHUNKED .. "b|\r\n", { max_body = 10 })
    refuses(413, CHUNKED .. "9\r\n012345678\r\n2|\r\n01", { max_body = 10 })
    refuses(413, CHUNKED .. "ff|ffffffffffffff\r\n", { max_body = 200 })
    assert.equal(413, wire.feed({ CHUNKED .. "ffffffffffffffff" }, { max_body = math.maxinteger }).status)
    assert.equal(413, wire.feed({ CHUNKED .. "1\r\nx\r\nffffffffffffffff" }, { max_body = -1 }).status)
  end)
  it("of exactly the limit is taken by length", function()
    assert.equal("0123456789", one(POST .. "Content-Length: 10\r\n\r\n0123456789", { max_body = 10 }).body)
  end)
  it("counts extensions and trailers against what the head left", function()
    local room = 30
    local limits = { max_head = #CHUNKED + room }
    one(CHUNKED .. "1;" .. ("a"):rep(room - 1) .. "\r\nx\r\n0\r\n\r\n", limits)
    refuses(431, CHUNKED .. "1;" .. ("a"):rep(room) .. "|\r\nx\r\n0\r\n\r\n", limits)
    one(CHUNKED .. "0\r\na:" .. ("b"):rep(room - 3) .. "\r\n\r\n", limits)
    refuses(431, CHUNKED .. "0\r\na:" .. ("b"):rep(room - 2) .. "\r|\n\r\n", limits)
    refuses(431, CHUNKED .. "1;" .. ("a"):rep(20) .. "\r\nx\r\n0\r\nb:" .. ("b"):rep(7) .. "b|", limits)
  end)
end)

describe("http1 response head", function()
  it("is written as RFC 9112 has it", function()
    assert.equal("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX:\x20\r\n\r\n",
      wire.write_head(1, 200, { "Content-Type", "text/plain", "X", "" }))
    assert.equal("HTTP/1.0 404 Not Found\r\n\r\n", wire.write_head(0, 404, {}))
    assert.equal("HTTP/1.1 299 \r\n\r\n", wire.write_head(1, 299, {}))
  end)
  for name, field in pairs {
    ["CR in a value"] = { "X", "a\rb" }, ["LF in a value"] = { "X", "a\nb" }, ["NUL in a value"] = { "X", "a\0b" },
    ["a control in a value"] = { "X", "\27" }, ["an empty name"] = { "", "a" }, ["a space in a name"] = { "X Y", "a" },
    ["a colon in a name"] = { "X:", "a" }, ["CR LF in a name"] = { "X\r\nY", "a" },
  } do
    it("refuses " .. name .. " and writes nothing", function()
      local got, code, index = wire.write_head(1, 200, { "A", "b", field[1], field[2] })
      assert.is_nil(got)
      assert.equal("EINVAL", code)
      assert.equal(2, index)
    end)
  end
  it("takes tabs and bytes beyond ASCII in a value", function()
    assert.truthy(wire.write_head(1, 200, { "X", "a\tb\xc3\xa9" }):find("X: a\tb\xc3\xa9\r\n", 1, true))
  end)
  it("refuses a status that isn't of three digits", function()
    for _, status in ipairs { 0, 99, 1000, -200 } do
      assert.is_nil((wire.write_head(1, status, {})))
    end
  end)
  it("past the buffer's maximum writes nothing", function()
    local whole = wire.write_head(1, 200, { "A", "b" })
    assert.equal(whole, wire.write_head(1, 200, { "A", "b" }, #whole))
    local got, code = wire.write_head(1, 200, { "A", "b" }, #whole - 1)
    assert.is_nil(got)
    assert.equal("ETOOBIG", code)
  end)
  it("has the reason phrases of RFC 9110", function()
    assert.same({ "Not Modified", "Content Too Large", "HTTP Version Not Supported", "" },
      { wire.reason(304), wire.reason(413), wire.reason(505), wire.reason(999) })
  end)
end)
