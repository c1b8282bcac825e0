-- Bytes of HTTP/1.1 request bodies: lengths, chunks, trailers, limits.
local cases = require "spec.support.http1_cases"
local wire = require "spec.http1_wire"

local feed = cases.feed
local one = cases.one
local refuses = cases.refuses
local GET, POST, CHUNKED = cases.GET, cases.POST, cases.CHUNKED

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
    ["several chunks"] = { "1\r\na\r\nA\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n",
      "a01234567890123456789" },
    ["no chunk but the last"] = { "0\r\n\r\n", "" },
    ["a last chunk of several zeros"] = { "0000\r\n\r\n", "" },
    ["CR LF within a chunk"] = { "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n" },
    ["sixteen digits"] = { "0000000000000001\r\na\r\n0\r\n\r\n", "a" },
    ["an extension"] = { "1;a\r\nx\r\n0;b\r\n\r\n", "x" },
    ["an extension with a value"] = { "1;a=b;c=d\r\nx\r\n0\r\n\r\n", "x" },
    ["an extension with a quoted value"] = { '1;a="b;\\"\\\\\t\xc3 c"; d\r\nx\r\n0\r\n\r\n', "x" },
    ["an extension with white space where it may be"] = { "1 ; a = b\t;\tc\r\nx\r\n0\r\n\r\n",
      "x" },
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
    one(CHUNKED .. "a\r\n0123456789\r\n0\r\n\r\n", { max_body_size = 10 })
    refuses(413, CHUNKED .. "b|\r\n", { max_body_size = 10 })
    refuses(413, CHUNKED .. "9\r\n012345678\r\n2|\r\n01", { max_body_size = 10 })
    refuses(413, CHUNKED .. "ff|ffffffffffffff\r\n", { max_body_size = 200 })
    assert.equal(413, wire.feed({ CHUNKED .. "ffffffffffffffff" },
      { max_body_size = math.maxinteger }).status)
    assert.equal(413, wire.feed({ CHUNKED .. "1\r\nx\r\nffffffffffffffff" },
      { max_body_size = -1 }).status)
  end)
  it("of exactly the limit is taken by length", function()
    assert.equal("0123456789", one(POST .. "Content-Length: 10\r\n\r\n0123456789",
      { max_body_size = 10 }).body)
  end)
  it("counts extensions and trailers against what the head left", function()
    local room = 30
    local limits = { max_head_size = #CHUNKED + room }
    one(CHUNKED .. "1;" .. ("a"):rep(room - 1) .. "\r\nx\r\n0\r\n\r\n", limits)
    refuses(431, CHUNKED .. "1;" .. ("a"):rep(room) .. "|\r\nx\r\n0\r\n\r\n", limits)
    one(CHUNKED .. "0\r\na:" .. ("b"):rep(room - 3) .. "\r\n\r\n", limits)
    refuses(431, CHUNKED .. "0\r\na:" .. ("b"):rep(room - 2) .. "\r|\n\r\n", limits)
    refuses(431, CHUNKED .. "1;" .. ("a"):rep(20) .. "\r\nx\r\n0\r\nb:" .. ("b"):rep(7) .. "b|",
      limits)
  end)
end)
