-- Numbers of JSON, read and written by csrc/wire/decimal. spec/c/decimal_test.c compares many more
-- with the C library.
local decimal = require "spec.decimal"

local read, write = decimal.read, decimal.write

-- Both are numbers of the same type and value, and zeros have the same sign.
local function same_number(expected, got, what)
  assert.equal(math.type(expected), math.type(got), what)
  assert.equal(("%a"):format(expected), ("%a"):format(got), what)
end

local function reads(text, expected, expected_kind)
  local kind, value, count = read(text)
  assert.equal(expected_kind, kind, text)
  assert.equal(#text, count, text)
  same_number(expected, value, text)
end

describe("A number's text", function()
  it("is an integer without fraction and exponent, if that fits 64 bits", function()
    for text, value in pairs {
      ["0"] = 0, ["7"] = 7, ["-7"] = -7, ["10"] = 10, ["1234567890123456789"] = 1234567890123456789,
      ["9007199254740993"] = 9007199254740993, ["-9007199254740993"] = -9007199254740993,
      ["9223372036854775806"] = math.maxinteger - 1, ["9223372036854775807"] = math.maxinteger,
      ["-9223372036854775807"] = -math.maxinteger, ["-9223372036854775808"] = math.mininteger,
    } do
      reads(text, value, "integer")
    end
  end)

  it("is else the nearest double", function()
    for text, value in pairs {
      ["-0"] = -0.0, ["0.0"] = 0.0, ["-0.0"] = -0.0, ["0e5"] = 0.0, ["-0E-5"] = -0.0,
      ["1.0"] = 1.0, ["1e2"] = 100.0, ["1E+2"] = 100.0, ["-1.5e-1"] = -0.15, ["0.1"] = 0.1,
      ["1e0"] = 1.0, ["1e-0"] = 1.0, ["1e007"] = 1e7, ["100e-2"] = 1.0,
      ["9223372036854775808"] = 2.0 ^ 63, ["-9223372036854775809"] = -2.0 ^ 63,
      ["18446744073709551615"] = 2.0 ^ 64, ["99999999999999999999"] = 1e20,
      ["123456789012345678901234567890"] = 0x1.8ee90ff6c373ep+96,
      ["5e-324"] = 0x1p-1074, ["2.2250738585072014e-308"] = 0x1p-1022,
      ["2.2250738585072011e-308"] = 0x0.fffffffffffffp-1022,
      ["1.7976931348623157e308"] = 0x1.fffffffffffffp+1023,
      ["-1.7976931348623157e308"] = -0x1.fffffffffffffp+1023,
    } do
      reads(text, value, "double")
    end
  end)

  it("is the even one of two doubles that are equally near", function()
    reads("9007199254740993.0", 2.0 ^ 53, "double")
    reads("9007199254740993." .. ("0"):rep(2000) .. "1", 2.0 ^ 53 + 2, "double")
    reads("9007199254740992." .. ("9"):rep(2000), 2.0 ^ 53, "double")
    reads("9007199254740995e0", 2.0 ^ 53 + 4, "double")
    reads("900719925474099500e-2", 2.0 ^ 53 + 4, "double")
    reads("1.00000000000000011102230246251565404236316680908203125", 1.0, "double")
    reads("1.00000000000000011102230246251565404236316680908203126", 1 + 2 ^ -52, "double")
    reads("1.00000000000000033306690738754696212708950042724609375", 1 + 2 ^ -51, "double")
  end)

  it("may be too small, but not too large", function()
    local half = "24703282292062327208828439643411068618252990130716238221279284125033775363510437"
      .. "59326499181808179961898982823477228588654633283551779698981993873980053909390631"
      .. "50356595155702263922908583924491051844359318028499365361525003193704576782492193"
      .. "65623669863658480757001585769269903706311928279558551332927834338409351978015531"
      .. "24659726357957462276646527282722005637400648549997709659947045402082816622623785"
      .. "73934507363390079677619305775067401763246736009689513405355374585166611342237666"
      .. "78604162159680461914467291840300530057530849048765391711386591646239524912623653"
      .. "88187963623937328042389101867234849766823508986338858792562830275599565752445550"
      .. "72551893136908362547791869486679949683240497058210285131854513962138377228261454"
      .. "37693412532098591327667236328125"
    reads("0." .. half .. "e-323", 0.0, "double")
    reads("-0." .. half .. "e-323", -0.0, "double")
    reads("0." .. half .. "1e-323", 0x1p-1074, "double")
    reads("1e-400", 0.0, "double")
    reads("-1e-99999999999999999999999999", -0.0, "double")
    reads("0e99999999999999999999999999", 0.0, "double")
    for _, text in ipairs { "1e400", "1e309", "1.7976931348623159e308", "17976931348623158080e289",
                            "1e99999999999999999999999999", "6769326984475164400077e299" } do
      reads(text, math.huge, "range")
      reads("-" .. text, -math.huge, "range")
    end
    reads("1.79769313486231580793e308", 0x1.fffffffffffffp+1023, "double")
  end)

  it("may have very many digits, whatever the exponent", function()
    local n = 100000
    reads("0." .. ("0"):rep(n) .. "1e100001", 1.0, "double")
    reads("1" .. ("0"):rep(n) .. "e-100000", 1.0, "double")
    reads("1" .. ("0"):rep(n) .. ".5e-100000", 1.0, "double")
    reads("0." .. ("3"):rep(n), 1 / 3, "double")
    reads(("3"):rep(n) .. "e-100000", 1 / 3, "double")
    reads(("9"):rep(n), math.huge, "range")
    reads("-0." .. ("0"):rep(n), -0.0, "double")
  end)

  it("is none where RFC 8259 has none, and the place tells where", function()
    for text, place in pairs {
      [""] = 0, ["-"] = 1, ["+1"] = 0, [".5"] = 0, ["-.5"] = 1, ["1."] = 2, ["1.e5"] = 2,
      ["0."] = 2, ["-1.x"] = 3, ["1e"] = 2, ["1e+"] = 3, ["1E-"] = 3, ["1ex"] = 2, ["1e+-5"] = 3,
      ["1.5e"] = 4, ["1.5e.5"] = 4, ["00"] = 1, ["01"] = 1, ["-01"] = 2, ["00.5"] = 1, ["- 1"] = 1,
      ["--1"] = 1, ["e5"] = 0, ["NaN"] = 0, ["Infinity"] = 0, ["-Infinity"] = 1, ["x"] = 0,
      [" 1"] = 0, ["\0"] = 0, ["\xB2"] = 0, ["1.\xB2"] = 2, ["1e\0"] = 2,
    } do
      local kind, value, count = read(text)
      assert.equal("none", kind, text)
      assert.is_nil(value)
      assert.equal(place, count, text)
    end
  end)

  it("ends where it can't go on", function()
    for text, expected in pairs {
      ["1,2"] = { "integer", 1, 1 }, ["0x10"] = { "integer", 0, 1 }, ["-5]"] = { "integer", -5, 2 },
      ["1.5.5"] = { "double", 1.5, 3 }, ["1e5e5"] = { "double", 1e5, 3 },
      ["1_0"] = { "integer", 1, 1 }, ["-0}"] = { "double", -0.0, 2 }, ["0-"] = { "integer", 0, 1 },
      ["12345678.12345678x"] = { "double", 12345678.12345678, 17 },
      ["1e5 "] = { "double", 1e5, 3 }, ["1\xFF"] = { "integer", 1, 1 },
    } do
      local kind, value, count = read(text)
      assert.same({ expected[1], expected[3] }, { kind, count }, text)
      same_number(expected[2], value, text)
    end
  end)

  it("is judged the same wherever the digits are cut into eights", function()
    for whole = 1, 20 do
      for fraction = 1, 40 do
        for _, bad in ipairs { "/", ":", "\0", "\x80", "\xFF", "a" } do
          local text = ("1"):rep(whole) .. "." .. ("9"):rep(fraction)
          local kind, value, count = read(text .. bad .. "12345678")
          assert.equal("double", kind)
          assert.equal(#text, count)
          same_number(tonumber(text), value, text)
        end
      end
    end
  end)
end)

describe("A number written", function()
  it("has few characters, and an exponent where it is small or large", function()
    for _, case in ipairs {
      { 0.0, "0" }, { 1.0, "1" }, { -1.0, "-1" }, { 1.5, "1.5" }, { 100.0, "100" }, { 0.1, "0.1" },
      { 1e14, "100000000000000" }, { 1e15, "1000000000000000" }, { 1e100, "1e+100" },
      { -1e300, "-1e+300" }, { 1e-4, "0.0001" }, { 1.5e-4, "0.00015" }, { 1e-5, "1e-5" },
      { 1.5e-7, "1.5e-7" }, { 5e-324, "5e-324" }, { 1 / 3, "0.3333333333333333" },
      { 0x1.fffffffffffffp+1023, "1.7976931348623157e+308" }, { 0.1 + 0.2, "0.30000000000000004" },
      { 2 ^ 53 - 1, "9007199254740991" }, { 2.0 ^ 53, "9007199254740992" }, { 1e23, "1e+23" },
      { 0x1p-1022, "2.2250738585072014e-308" }, { 123456.789, "123456.789" },
      { 1719000000.123, "1719000000.123" }, { 2 ^ 53 + 2.0, "9007199254740994" },
    } do
      assert.equal(case[2], write(case[1]))
    end
  end)

  it("keeps the sign of -0.0", function()
    assert.equal("-0", write(-0.0))
  end)

  it("is no other integer than the number", function()
    assert.equal("72057594037927936", write(2.0 ^ 56)) -- the double nearest to 72057594037927940
    assert.equal("99999999999999984", write(1e17 - 16))
    assert.equal("1e+17", write(1e17))
    assert.equal("1.152921504606847e+18", write(2.0 ^ 60)) -- not 1152921504606847000
    assert.equal("9.223372036854776e+18", write(2.0 ^ 63))
    for bit = 0, 1023 do
      local kind, value = read(write(2.0 ^ bit))
      assert.is_true(value == 2.0 ^ bit and kind ~= "none", tostring(bit))
    end
  end)

  it("is an integer with all its digits", function()
    for bit = 0, 62 do
      for _, n in ipairs { 1 << bit, (1 << bit) - 1, (1 << bit) + 1, -1 << bit, (-1 << bit) - 1 } do
        assert.equal(("%d"):format(n), write(n))
        reads(write(n), n, "integer")
      end
    end
    assert.equal("-9223372036854775808", write(math.mininteger))
    assert.equal("9223372036854775807", write(math.maxinteger))
  end)

  it("reads back equal: random doubles of all sizes", function()
    for _ = 1, 20000 do
      local n = ("<d"):unpack(("<i8"):pack(math.random(0)))
      if n - n == 0 then
        local text = write(n)
        local _, value, count = read(text)
        assert.is_true(value == n and count == #text, text)
        assert.is_true(#text <= #("%.17g"):format(n), text)
      end
    end
  end)
end)

describe("csrc/wire/powers_of_ten.c", function()
  it("is what its script writes", function()
    local lines = {}
    local env = setmetatable({ print = function(line) lines[#lines + 1] = line .. "\n" end },
      { __index = _G })
    assert(loadfile("scripts/powers_of_ten.lua", "t", env))()
    local file <close> = assert(io.open "csrc/wire/powers_of_ten.c")
    assert.equal(table.concat(lines), file:read "a")
  end)
end)
