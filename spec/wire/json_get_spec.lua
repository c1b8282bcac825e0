-- sse.json.get: one value by names and places.
local json = require "sse.json"

local CHUNK = '{"id":"x","choices":[{"index":0,"delta":{"content":" fox"},"finish_reason":null}],'
  .. '"n":[1,[2,"b"]]}'

local function index(value, ...)
  for i = 1, select("#", ...) do
    if type(value) ~= "table" then return nil end
    value = value[select(i, ...)]
  end
  return value
end

describe("sse.json.get", function()
  it("gives what decoding and indexing gives", function()
    for _, keys in ipairs {
      { "choices", 1, "delta", "content" }, { "choices", 1, "delta" }, { "choices", 1, "index" },
      { "choices", 1, "finish_reason" }, { "choices", 2 }, { "choices", "1" }, { "id", 1 },
      { "id", "x" }, { 1 }, { "n", 2, 2 }, { "n", 2 }, { "n", 3 }, { "n", 1, 1 }, { "none" },
      { "choices" }, {}, { "n", 2.0, 1 }, { "choices", 1, "delta", "content", "more" },
    } do
      local expected = index(json.decode(CHUNK), table.unpack(keys))
      assert.same(expected, (json.get(CHUNK, table.unpack(keys))))
    end
  end)

  it("keeps null in arrays only, as decode does", function()
    assert.equal(json.null, json.get("[null]", 1))
    assert.is_nil(json.get('{"a":null}', "a"))
    assert.equal(1, select("#", json.get('{"a":null}', "a")))
    assert.equal(json.null, json.get("null"))
    assert.equal(false, json.get("[false]", 1))
  end)

  it("knows names with escapes, and values with them", function()
    local text = [[ { "a\u0062\n" : { "\ud834\udd1e" : "\u00e9\t" } } ]]
    assert.equal("é\t", json.get(text, "ab\n", "\u{1D11E}"))
    assert.is_nil(json.get(text, "ab"))
    assert.is_nil(json.get(text, "ab\nc"))
    assert.equal(1, json.get('{"":1}', ""))
  end)

  it("gives the last of members with one name", function()
    assert.equal(2, json.get('{"a":1,"a":2}', "a"))
    assert.equal(2, json.get('{"a":{"b":1},"c":0,"a":{"b":2}}', "a", "b"))
    assert.is_nil(json.get('{"a":{"b":1},"a":{}}', "a", "b"))
    assert.is_nil(json.get('{"a":1,"a":null}', "a"))
    assert.equal(3, json.get([[{"a":1,"\u0061":3}]], "a"))
  end)

  it("gives nil for what is not there, and a message for what is no JSON up to there", function()
    assert.equal(1, select("#", json.get("{}", "a")))
    for text, message in pairs {
      ['{"b":tru,"a":1}'] = "expected true, false or null, got ',' (line 1, column 9, byte 9)",
      ['{"b":1'] = "expected ',' or '}', got the end of the text (line 1, column 7, byte 7)",
      ['{"a":'] = "expected a value, got the end of the text (line 1, column 6, byte 6)",
      ['{"a"'] = "expected ':', got the end of the text (line 1, column 5, byte 5)",
      ['{"a":1e999}'] = "a number that is too large (line 1, column 6, byte 6)",
      ["{} x"] = "expected the end of the text, got 'x' (line 1, column 4, byte 4)",
      ["[DONE]"] = "expected a value, got 'D' (line 1, column 2, byte 2)",
      [""] = "expected a value, got the end of the text (line 1, column 1, byte 1)",
      ['{"b":' .. ("["):rep(1000)] = "excessive nesting: more than 1000 arrays and objects in each"
        .. " other (line 1, column 1005, byte 1005)",
    } do
      local value, why = json.get(text, "a")
      assert.is_nil(value)
      assert.equal("JSON: " .. message, why)
    end
    assert.equal(1, json.get('{"a":1,"b":tru', "a"))
    assert.equal("x", json.get('{"a":["x","y', "a", 1))
    assert.same({ 1 }, json.get('{"a":[1],', "a"))
  end)

  it("takes many keys", function()
    local keys, text = {}, "7"
    for i = 1, 1000 do
      keys[i] = i % 2 == 1 and "k" or 1
      text = (1000 - i) % 2 == 0 and '{"k":' .. text .. "}" or "[" .. text .. "]"
    end
    assert.equal(7, json.get(text, table.unpack(keys)))
    keys[1001] = 1
    assert.is_nil(json.get(text, table.unpack(keys)))
  end)

  it("raises for keys that are none", function()
    for _, case in ipairs {
      { 0, "a place is a whole number from 1, got 0" }, { -1, "got -1" }, { 1.5, "got 1.5" },
      { true, "expected a name (a string) or a place (a whole number from 1), got boolean" },
      { {}, "got table" },
    } do
      local ok, message = pcall(function() json.get("[]", case[1]) end)
      assert.is_false(ok)
      assert.truthy(message:find "json_get_spec.lua:%d+: JSON: ", message)
      assert.truthy(message:find(case[2], 1, true), message)
    end
    assert.has_error(function() json.get("[]", nil) end,
      "JSON: expected a name (a string) or a place (a whole number from 1), got nil")
    assert.has_error(function() json.get(nil, 1) end, "JSON: expected a string to decode, got nil")
  end)
end)
