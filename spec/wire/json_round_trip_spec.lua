-- sse.json: what is written reads back as it was.
local json = require "sse.json"

local function random_bits() return (string.unpack("<n", string.pack("<i8", math.random(0)))) end

describe("JSON, written and read back,", function()
  it("has every integer of 64 bits at the edges", function()
    local numbers = { 0, 1, -1, math.maxinteger, math.mininteger }
    for bit = 1, 63 do
      for near = -2, 2 do
        numbers[#numbers + 1] = (1 << bit) + near
        numbers[#numbers + 1] = -(1 << bit) + near
      end
    end
    for power = 1, 18 do numbers[#numbers + 1] = 10 ^ power // 1 | 0 end
    local read = json.decode(json.encode(numbers))
    for i, number in ipairs(numbers) do
      assert.equal("integer", math.type(read[i]))
      assert.equal(number, read[i])
      assert.equal(("%d"):format(number), json.encode(number))
    end
  end)

  it("has 100,000 random floats", function()
    local numbers = {}
    while #numbers < 100000 do
      local number = random_bits()
      local is_finite = number == number and number < math.huge and number > -math.huge
      if is_finite then numbers[#numbers + 1] = number end
    end
    local read = json.decode(json.encode(numbers))
    for i, number in ipairs(numbers) do
      if number ~= read[i] then error(("%a became %a"):format(number, read[i])) end
    end
  end)

  it("makes an object of a decoded [] that got names alone, as PHP means it", function()
    local t = json.decode '{"a":[]}'
    t.a.name = "x"
    assert.equal('{"a":{"name":"x"}}', json.encode(t))
    t.a[1] = "y"
    assert.has_error(function() json.encode(t) end,
      "JSON: an array with key name (at a) [docs/errors.md#json]")
  end)

  it("has empty arrays and objects in each other", function()
    for _, text in ipairs {
      "[]", "{}", "[[],{}]", '{"a":[],"b":{}}', '[[[{}]],{"a":[[]]},[]]', '{"a":{"b":[{}]}}',
    } do
      assert.equal(text, json.encode(json.decode(text), { sort = true }))
    end
  end)

  it("has strings of all characters", function()
    local parts = {}
    for code = 0, 0x10FFFF, 7 do
      if code < 0xD800 or code > 0xDFFF then parts[#parts + 1] = utf8.char(code) end
    end
    local text = table.concat(parts)
    assert.equal(text, json.decode(json.encode(text)))
    for code = 0, 0xFFFF do
      local escaped = ([["\u%04x"]]):format(code)
      if code < 0xD800 or code > 0xDFFF then assert.equal(utf8.char(code), json.decode(escaped)) end
    end
    for code = 0x10000, 0x10FFFF, 101 do
      local pair = ([["\u%04x\u%04x"]]):format(0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF))
      assert.equal(utf8.char(code), json.decode(pair))
    end
  end)

  it("has nested tables, numbers, strings and null as they were", function()
    local value = {
      s = "a\0\"\\\u{2028}", n = { 1, -2, 0.1, 1 << 62 }, o = { e = { {} } }, t = true,
      l = { json.null },
    }
    assert.same(value, json.decode(json.encode(value)))
    assert.same(value, json.decode(json.encode(value, { indent = 3, sort = true })))
  end)

  it("costs a program neither its collector nor its locale", function()
    local before = os.setlocale(nil, "numeric")
    for _, name in ipairs { "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8" } do
      if os.setlocale(name, "numeric") then break end
    end
    assert.equal("[0.5,1.25]", json.encode { 0.5, 1.25 })
    assert.same({ 0.5, 1.25 }, json.decode "[0.5,1.25]")
    os.setlocale(before, "numeric")
  end)
end)
