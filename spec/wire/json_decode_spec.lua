-- sse.json.decode: RFC 8259's grammar rule by rule, values, options, and where errors are.
local cases = require "spec.cases.json_cases"
local core = require "sse.core"
local json = require "sse.json"

-- Each text also with blanks around it and after a long string, so that strings are read by blocks
-- and by bytes.
local function decode_embedded(text)
  return json.decode(('["%s",%s]'):format(("x"):rep(40), text))
end

describe("JSON, decoded, by the grammar of RFC 8259:", function()
  for _, case in ipairs(cases) do
    it(case.rule, function()
      assert.same(case.value, (json.decode(case.yes[1])))
      for _, text in ipairs(case.yes) do
        local value, message = json.decode(text)
        assert.is_nil(message, text)
        assert.not_nil(value, text)
        if #text < 1000 then assert.same(value, assert(decode_embedded(text))[2], text) end
      end
      for _, text in ipairs(case.no) do
        local value, message = json.decode(text)
        assert.is_nil(value, text)
        local told = message and message:find "^JSON: .+ %(line %d+, column %d+, byte %d+%)$"
        assert.truthy(told, message)
      end
    end)
  end
end)

describe("JSON, decoded,", function()
  it("keeps integers of 64 bits, and makes all other numbers the nearest float", function()
    local numbers = {
      ["9223372036854775807"] = math.maxinteger, ["-9223372036854775808"] = math.mininteger,
      ["9007199254740993"] = 9007199254740993, ["-9007199254740993"] = -9007199254740993,
      ["0"] = 0, ["1719000000123456789"] = 1719000000123456789,
      ["9223372036854775808"] = 2.0 ^ 63, ["-9223372036854775809"] = -2.0 ^ 63,
      ["18446744073709551616"] = 2.0 ^ 64, ["1.0"] = 1.0, ["1e3"] = 1000.0, ["0.1"] = 0.1,
      ["5e-324"] = 5e-324, ["1.7976931348623157e308"] = 1.7976931348623157e308, ["1e-400"] = 0.0,
      ["2.2250738585072011e-308"] = 2.2250738585072011e-308,
      ["9007199254740993.0"] = 9007199254740992.0,
      ["123456789012345678901234567890"] = 1.2345678901234568e29,
    }
    for text, number in pairs(numbers) do
      local value = json.decode(text)
      assert.equal(number, value, text)
      assert.equal(math.type(number), math.type(value), text)
    end
    assert.equal("-0.0", tostring(json.decode("-0")))
  end)

  it("leaves out members that are null, and keeps null elsewhere", function()
    local value = json.decode('{"a":null,"b":[1,null,3],"c":{"d":null,"e":0}}')
    assert.is_nil(value.a)
    assert.equal(json.null, value.b[2])
    assert.equal(3, #value.b)
    assert.same({ e = 0 }, value.c)
    assert.equal(json.null, json.decode("null"))
  end)

  it("keeps null everywhere where it is told to", function()
    local value = json.decode('{"a":null,"b":{"c":null}}', { null = true })
    assert.same({ a = json.null, b = { c = json.null } }, value)
    assert.same({}, json.decode('{"a":null}', { null = false }))
  end)

  it("takes the last of members with one name, also null, of long and escaped names", function()
    assert.same({ a = 3 }, json.decode('{"a":1,"a":2,"a":3}'))
    assert.same({}, json.decode('{"a":1,"a":null}'))
    assert.same({ a = 1 }, json.decode('{"a":null,"a":1}'))
    assert.same({ ab = 2 }, json.decode([[{"ab":1,"\u0061b":2}]]))
    local long = ("n"):rep(100)
    assert.same({ [long] = 2 }, json.decode(('{"%s":1,"x":null,"%s":2}'):format(long, long)))
    local many = {}
    for i = 1, 2000 do many[i] = ('"k%d":%d'):format(i % 300, i) end
    local value = json.decode("{" .. table.concat(many, ",") .. "}")
    for i = 1701, 2000 do assert.equal(i, value["k" .. i % 300]) end
  end)

  it("has arrays and objects of any size, whose names it keeps apart", function()
    for _, count in ipairs { 1, 2, 127, 128, 129, 255, 256, 257, 5000 } do
      local list, object = {}, {}
      for i = 1, count do
        list[i] = i
        object[("n"):rep(i % 40) .. i] = i
      end
      assert.same(list, json.decode(json.encode(list)))
      assert.same(object, json.decode(json.encode(object)))
      assert.same(object, json.decode(json.encode(object)))
    end
  end)

  it("keeps names apart whatever a finalizer decodes meanwhile", function()
    local other, name = '{"x499":1}', '{"victim":1}' -- both get one place in csrc/bind/json_names.c
    local armed = true
    local function arm()
      setmetatable({}, { __gc = function()
        for _ = 1, 2 do json.decode(other) end
        if armed then arm() end
      end })
    end
    -- The build of make stress: a collection at any call.
    local before = core.stress and core.stress(3)
    arm()
    for _ = 1, 200 do
      for _, text in ipairs { other, name, name, other } do
        assert.equal(text, json.encode(json.decode(text)))
      end
    end
    armed = false
    if before then core.stress(before) end
  end)

  it("knows its arrays, also when they are empty or were emptied", function()
    assert.equal('[[],{},[{}],{"a":[]}]', json.encode(json.decode '[[],{},[{}],{"a":[]}]'))
    local list = json.decode "[1]"
    list[1] = nil
    assert.equal("[]", json.encode(list))
    assert.equal(list, json.array(list))
    local object = json.decode '{"a":1}'
    object.a = nil
    assert.equal("{}", json.encode(object))
  end)

  it("replaces what is no UTF-8 where it is told to", function()
    local replace = { utf8 = "replace" }
    local texts = {
      [ [["\ud800"]] ] = "\u{FFFD}", [ [["a\udc00b"]] ] = "a\u{FFFD}b", ['"a\xFFb"'] = "a\u{FFFD}b",
      [ [["\ud800\ud834\udd1e"]] ] = "\u{FFFD}\u{1D11E}", ['"\xE2\x82"'] = "\u{FFFD}",
      ['"\\n\xC3\\ud800\xF0\x9F"'] = "\n\u{FFFD}\u{FFFD}\u{FFFD}", ['"é"'] = "é",
    }
    for text, value in pairs(texts) do assert.equal(value, json.decode(text, replace)) end
    assert.same({ ["\u{FFFD}"] = 1 }, json.decode('{"\xFF":1}', replace))
    local value, message = json.decode('"\xFF"', { utf8 = "strict" })
    assert.is_nil(value)
    assert.equal("JSON: broken UTF-8 (line 1, column 2, byte 2)", message)
  end)

  it("says what is wrong, and at which line, column and byte", function()
    local places = {
      [""] = "expected a value, got the end of the text (line 1, column 1, byte 1)",
      ["[DONE]"] = "expected a value, got 'D' (line 1, column 2, byte 2)",
      ["[1,\n\n  \"é\",}"] = "expected a value, got '}' (line 3, column 7, byte 13)",
      ['{"a" 1}'] = "expected ':', got '1' (line 1, column 6, byte 6)",
      ["{a:1}"] = "expected a name in '\"' or '}', got 'a' (line 1, column 2, byte 2)",
      ['{"a":1,}'] = "expected a name in '\"', got '}' (line 1, column 8, byte 8)",
      ['{"a":1'] = "expected ',' or '}', got the end of the text (line 1, column 7, byte 7)",
      ["[1 2]"] = "expected ',' or ']', got '2' (line 1, column 4, byte 4)",
      ["[1] x"] = "expected the end of the text, got 'x' (line 1, column 5, byte 5)",
      ["nul"] = "expected true, false or null, got the end of the text (line 1, column 4, byte 4)",
      ["-x"] = "expected a digit, got 'x' (line 1, column 2, byte 2)",
      ["[012]"] = "a number that begins with 0 (line 1, column 3, byte 3)",
      ["[1e999]"] = "a number that is too large (line 1, column 2, byte 2)",
      ['"a'] = "expected the closing '\"' of a string, got the end of the text"
        .. " (line 1, column 3, byte 3)",
      ['["a\nb"]'] = "expected an escape such as \\n in a string, got the end of the line"
        .. " (line 1, column 4, byte 4)",
      ['"\1"'] = "expected an escape such as \\n in a string, got byte 0x01"
        .. " (line 1, column 2, byte 2)",
      [ [["\x"]] ] = "expected one of \" \\ / b f n r t u after a backslash, got 'x'"
        .. " (line 1, column 3, byte 3)",
      [ [["\u12g4"]] ] = "expected four hexadecimal digits after \\u, got 'g'"
        .. " (line 1, column 6, byte 6)",
      [ [["é\ud800"]] ] = "half of a surrogate pair, which is no character"
        .. " (line 1, column 3, byte 4)",
      [("["):rep(1001)] = "excessive nesting: more than 1000 arrays and objects in each other"
        .. " (line 1, column 1001, byte 1001)",
    }
    for text, message in pairs(places) do
      assert.equal("JSON: " .. message, select(2, json.decode(text)))
    end
  end)

  it("raises where it is given no text, or wrong options", function()
    assert.has_error(function() json.decode(nil) end, "JSON: expected a string to decode, got nil")
    assert.has_error(function() json.decode() end, "JSON: expected a string to decode, got nil")
    assert.has_error(function() json.decode(1) end, "JSON: expected a string to decode, got number")
    assert.has_error(function() json.decode({}) end, "JSON: expected a string to decode, got table")
    local ok, message = pcall(function() json.decode("1", { nul = true }) end)
    assert.is_false(ok)
    assert.truthy(message:find("json_decode_spec.lua:%d+: sse.json.decode: unknown option 'nul' "
      .. "%(did you mean 'null'%?%)"), message)
    assert.is_false(pcall(json.decode, "1", true))
    assert.is_false(pcall(json.decode, "1", {}, 1))
  end)
end)
