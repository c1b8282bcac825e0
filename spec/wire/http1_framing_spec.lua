-- HTTP/1.1 request heads, fed as bytes: the framing of the body, and limits.
local cases = require "spec.support.http1_cases"
local wire = require "spec.http1_wire"

local feed = cases.feed
local one = cases.one
local refuses = cases.refuses
local crlf = cases.crlf
local pieces_of_one = cases.pieces_of_one
local GET, POST = cases.GET, cases.POST

describe("http1 request head", function()
  describe("framing", function()
    local function fields(lines) return POST .. crlf(lines) .. "\r\n" end
    local IDENTITY, THEN_CHUNKED = "Transfer-Encoding: identity\n", "Transfer-Encoding: chunked\n"

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
      ["chunked, then identity on two lines"] = THEN_CHUNKED .. IDENTITY,
      ["identity, then chunked with a length"] = IDENTITY .. THEN_CHUNKED .. "Content-Length: 1\n",
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
      refuses(413, fields "Content-Length: 11\n", { max_body_size = 10 })
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
    local connections = {
      { "1.1", nil, true }, { "1.0", nil, false }, { "1.1", "close", false }, { "1.1", "Close",
        false },
      { "1.0", "keep-alive", true }, { "1.0", "Keep-Alive, close", false }, { "1.1", "x, close ,y",
        false },
      { "1.1", "closed", true }, { "1.1", "Upgrade, HTTP2-Settings", true }, { "1.1", "", true },
    }
    for _, c in ipairs(connections) do
      it(("HTTP/%s with Connection %s"):format(c[1], c[2] or "absent"), function()
        local field = c[2] and "Connection: " .. c[2] .. "\r\n" or ""
        assert.equal(c[3],
          one("GET / HTTP/" .. c[1] .. "\r\nHost: a\r\n" .. field .. "\r\n").keep_alive)
      end)
    end
    it("close wins over several lines", function()
      assert.is_false(one(GET .. "Connection: close\r\nConnection: keep-alive\r\n\r\n").keep_alive)
    end)
    it("notes 100-continue where a body is to come", function()
      local expect = "Expect: 100-Continue\r\n"
      assert.is_true(feed(POST .. expect .. "Content-Length: 1\r\n\r\n")[1].expect_continue)
      local chunked = expect .. "Transfer-Encoding: chunked\r\n\r\n"
      assert.is_true(feed(POST .. chunked)[1].expect_continue)
      assert.is_false(one(GET .. expect .. "\r\n").expect_continue)
      assert.is_false(one(GET .. expect .. "Content-Length: 0\r\n\r\n").expect_continue)
      local old = "POST / HTTP/1.0\r\n" .. expect .. "Content-Length: 1\r\n\r\n"
      assert.is_false(feed(old)[1].expect_continue)
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
      one(head, { max_head_size = 200 })
      one("\r\n" .. head, { max_head_size = 200 })
      refuses(431, (head:gsub("\n$", "|\n")), { max_head_size = 199 })
    end)
    it("refuses a head without end at the limit", function()
      refuses(431, line .. "X: " .. ("y"):rep(100 - #line - 3) .. "|yyy", { max_head_size = 100 })
      refuses(431, line .. ("x"):rep(100 - #line) .. "|xxx", { max_head_size = 100 })
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
      refuses(414, "GET /" .. ("a"):rep(60) .. "|a", { max_head_size = 65, max_target = 1000 })
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
