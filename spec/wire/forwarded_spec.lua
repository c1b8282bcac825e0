-- X-Forwarded-For, -Proto, -Host and Forwarded, read from the right.
local wire = require "spec.proxies_wire"

local FOR, PROTO, HOST, FORWARDED <const> = "X-Forwarded-For", "X-Forwarded-Proto",
  "X-Forwarded-Host", "Forwarded"

-- What is read of the fields that a trusted peer, 10.0.0.1, has sent; also 10.0.0.2 and IPv6's ::10
-- are trusted.
local function read(fields, bits)
  local client, named, scheme, host = wire.forwarded(fields, { "10.0.0.0/30", "::10", "unix" },
    "10.0.0.1", bits)
  return { client, named, scheme, host }
end

-- The client of fields of one name.
local function client_of(name, ...)
  local fields = {}
  for _, value in ipairs { ... } do table.move({ name, value }, 1, 2, #fields + 1, fields) end
  return read(fields)[1]
end

describe("X-Forwarded-For", function()
  it("tells the last address that is not trusted", function()
    for _, case in ipairs {
      { "203.0.113.9", "203.0.113.9" }, { "6.6.6.6, 203.0.113.9", "203.0.113.9" },
      { "6.6.6.6,203.0.113.9,10.0.0.2", "203.0.113.9" },
      { "6.6.6.6 ,\t203.0.113.9 , 10.0.0.2, ::10", "203.0.113.9" },
      { "10.0.0.3, 203.0.113.9, 10.0.0.2", "203.0.113.9" }, -- a forged proxy
      { "10.0.0.3, 10.0.0.2", "10.0.0.3" }, -- all are trusted: the first
      { "203.0.113.9:4711", "203.0.113.9" }, { "[2001:db8::1]:80", "2001:db8:0:0:0:0:0:1" },
      { "2001:db8::1", "2001:db8:0:0:0:0:0:1" }, { "[2001:db8::1]", "2001:db8:0:0:0:0:0:1" },
      { "::ffff:203.0.113.9", "203.0.113.9" }, { "203.0.113.9,", "203.0.113.9" },
      { ", ,203.0.113.9, ,", "203.0.113.9" },
    } do
      assert.equal(case[2], client_of(FOR, case[1]), case[1])
    end
  end)

  it("goes on over several fields, the last one first", function()
    assert.equal("203.0.113.9", client_of(FOR, "6.6.6.6", "203.0.113.9"))
    assert.equal("203.0.113.9", client_of(FOR, "6.6.6.6, 203.0.113.9", "10.0.0.2", ""))
    assert.equal("203.0.113.9", client_of("x-forwarded-FOR", "6.6.6.6", "203.0.113.9"))
  end)

  it("names nobody past what can't be read: the last proxy counts", function()
    for _, text in ipairs {
      "", ",", "unknown", "6.6.6.6, unknown", "6.6.6.6, _hidden", "6.6.6.6, a.example",
      "6.6.6.6, 1.2.3",
      "6.6.6.6 203.0.113.9", '6.6.6.6, "203.0.113.9"', "6.6.6.6, 203.0.113.9:x",
      "6.6.6.6, fe80::1%lo",
      "6.6.6.6, 203.0.113.9:65536", "6.6.6.6, unix",
    } do
      assert.same({ "10.0.0.1", false }, { table.unpack(read { FOR, text }, 1, 2) }, text)
    end
    assert.same({ "10.0.0.2", true }, { table.unpack(read { FOR, "6.6.6.6, unknown, 10.0.0.2" }, 1,
      2) })
  end)

  it("is read in linear time", function()
    local text = ("10.0.0.2,"):rep(100000)
    assert.equal("10.0.0.2", client_of(FOR, text))
    assert.equal("10.0.0.1", client_of(FORWARDED, 'for="' .. ("\\"):rep(100000) .. '"'))
  end)
end)

describe("X-Forwarded-Proto and -Host", function()
  it("are those of the proxy that the client has talked to", function()
    for _, case in ipairs {
      -- { X-Forwarded-For, X-Forwarded-Proto, the scheme }
      { "203.0.113.9", "https", "https" }, { "203.0.113.9", "HTTP", "http" },
      { "6.6.6.6, 203.0.113.9", "https, http", "http" }, -- https is forged
      { "203.0.113.9, 10.0.0.2", "https, http", "https" },
      { "203.0.113.9, 10.0.0.2", "http, https, http", "https" },
      { "203.0.113.9, 10.0.0.2", "https", "https" }, -- the second proxy leaves it alone
      { "203.0.113.9", "ftp", nil }, { "203.0.113.9", "", nil }, { "203.0.113.9", "https;", nil },
      { "203.0.113.9", "http, ftp", nil }, { nil, "http, https", "https" },
      { "unknown", "http, https", "https" },
    } do
      local fields = { PROTO, case[2] }
      if case[1] then table.move({ FOR, case[1] }, 1, 2, 3, fields) end
      assert.equal(case[3], read(fields)[3], ("%s: %s"):format(case[1], case[2]))
    end
    for _, case in ipairs {
      { "a.example", "a.example" }, { "evil.test, a.example:81", "a.example:81" }, { "[::1]:80",
        "[::1]:80" },
      { "a b", nil }, { "", nil }, { "a/b", nil }, { "a.example, a b", nil }, { "http://a", nil },
    } do
      assert.equal(case[2], read({ HOST, case[1] })[4], case[1])
    end
  end)
end)

describe("Forwarded", function()
  it("tells the last address that is not trusted, and what its element says", function()
    for text, expected in pairs {
      ["for=203.0.113.9"] = { "203.0.113.9", true },
      ["For=203.0.113.9;Proto=HTTPS;By=10.0.0.1;hOsT=a.example"] =
        { "203.0.113.9", true, "https", "a.example" },
      ['for="[2001:db8::1]:4711" ; proto=http'] = { "2001:db8:0:0:0:0:0:1", true, "http" },
      ['for="203.0.113.9:80"'] = { "203.0.113.9", true },
      ["for=6.6.6.6;proto=https;host=evil.test, for=203.0.113.9;proto=http"] =
        { "203.0.113.9", true, "http" },
      ["for=203.0.113.9;proto=https;host=a.example, for=10.0.0.2;proto=http;host=in.test"] =
        { "203.0.113.9", true, "https", "a.example" },
      ["for=203.0.113.9, for=10.0.0.2;proto=https"] = { "203.0.113.9", true },
      ["proto=https"] = { "10.0.0.1", false, "https" },
      ["for=unknown;proto=https"] = { "10.0.0.1", false, "https" },
      ["for=_hidden"] = { "10.0.0.1", false },
      ['host="a.example:81";for=203.0.113.9'] = { "203.0.113.9", true, nil, "a.example:81" },
      ['for=203.0.113.9;note="a, b; for=1.1.1.1"'] = { "203.0.113.9", true },
      ['for=203.0.113.9;note="a\\", for=1.1.1.1"'] = { "203.0.113.9", true },
    } do
      assert.same(expected, read { FORWARDED, text }, text)
    end
  end)

  it("is not changed by what a client has put before it", function()
    for _, forged in ipairs {
      "for=6.6.6.6", 'for="6.6.6.6', 'for="', "for=\\", 'for="\\', '"', '""', 'for="6.6.6.6";a="',
      ";", "=",
      'a="b\\"', "for=6.6.6.6, for=10.0.0.2", ('"'):rep(9), "\\", 'x="\\\\',
        "for=6.6.6.6;proto=https;a=",
    } do
      local text = forged .. ', for=203.0.113.9;proto=http;host="a.example:80"'
      assert.same({ "203.0.113.9", true, "http", "a.example:80" }, read { FORWARDED, text }, text)
      assert.equal("203.0.113.9", client_of(FORWARDED, forged, 'for="203.0.113.9"'), forged)
    end
  end)

  it("names nobody where it is malformed", function()
    for _, text in ipairs {
      "", "for", "for=", "for =", "=203.0.113.9", "for=203.0.113.9 proto=https",
      "for=203.0.113.9;", ";",
      "for=203.0.113.9;for=203.0.113.9", 'for="203.0.113.9', 'for="203.0.113.9"x',
      "for=203.0.113.9:80",
      "for=[::1]", 'for="203.0.113\\.9"', "for=203.0.113.9;proto=", "203.0.113.9",
      "for==203.0.113.9",
    } do
      assert.same({ "10.0.0.1", false }, read { FORWARDED, text }, text)
    end
  end)

  it("counts only where no X-Forwarded field is in the request", function()
    assert.same({ "203.0.113.9", true }, read { FORWARDED, "for=6.6.6.6;proto=https", FOR,
      "203.0.113.9" })
    assert.same({ "10.0.0.1", false, "http" }, read { FORWARDED, "for=6.6.6.6", PROTO, "http" })
    assert.same({ "203.0.113.9", true }, read({ FORWARDED, "for=203.0.113.9", FOR, "6.6.6.6" }, 8))
    assert.same({ "203.0.113.9", true }, read({ FORWARDED, "for=6.6.6.6", FOR, "203.0.113.9" }, 1))
    assert.same({ "10.0.0.1", false }, read({ FORWARDED, "for=6.6.6.6", FOR, "6.6.6.6" }, 2))
    assert.same({ "10.0.0.1", false }, read({ FORWARDED, "for=6.6.6.6" }, 7))
  end)
end)
