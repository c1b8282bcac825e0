-- HTTP/1.1 response heads, written as bytes.
local wire = require "spec.http1_wire"

describe("http1 response head", function()
  it("is written as RFC 9112 has it", function()
    assert.equal("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX:\x20\r\n\r\n",
      wire.write_head(1, 200, { "Content-Type", "text/plain", "X", "" }))
    assert.equal("HTTP/1.0 404 Not Found\r\n\r\n", wire.write_head(0, 404, {}))
    assert.equal("HTTP/1.1 299 \r\n\r\n", wire.write_head(1, 299, {}))
  end)
  for name, field in pairs {
    ["CR in a value"] = { "X", "a\rb" }, ["LF in a value"] = { "X", "a\nb" },
    ["NUL in a value"] = { "X", "a\0b" },
    ["a control in a value"] = { "X", "\27" }, ["an empty name"] = { "", "a" },
    ["a space in a name"] = { "X Y", "a" },
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
    assert.truthy(wire.write_head(1, 200, { "X", "a\tb\xc3\xa9" }):find("X: a\tb\xc3\xa9\r\n", 1,
      true))
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
