-- sse.json.encode: what it writes, and what it refuses.
local json = require "sse.json"

local function raises(text, value)
  local ok, err = pcall(json.encode, value)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(text, 1, true), tostring(err))
end

describe("JSON, encoded", function()
  it("writes scalars", function()
    local cases = {
      { "a", '"a"' }, { "", '""' }, { 'a"\\/é', '"a\\"\\\\/é"' },
      { "\b\f\n\r\t\0\31\127", '"\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f"' },
      { "\u{2027}\u{2028}\u{2029}\u{202A}", '"\u{2027}\\u2028\\u2029\u{202A}"' },
      { 1, "1" }, { -0, "0" }, { 1.0, "1" }, { 1.5, "1.5" }, { 0.1, "0.1" }, { 1e100, "1e+100" },
      { math.maxinteger, "9223372036854775807" }, { math.mininteger, "-9223372036854775808" },
      { 1719000000123456, "1719000000123456" },
      { true, "true" }, { false, "false" }, { json.null, "null" },
    }
    for _, case in ipairs(cases) do assert.equal(case[2], json.encode(case[1])) end
  end)

  it("writes floats so that they read back equal, whole ones without a point", function()
    for _, n in ipairs{ 0.1 + 0.2, 1 / 3, math.pi, 2 ^ 53 + 2, 1e-300, 123456789.123456789,
                        2.0 ^ 62 } do
      assert.is_true(tonumber(json.encode(n)) == n)
    end
    assert.equal("[50,-3,0,9007199254740991]", json.encode { 100 / 2, -3.0, 0.0, 2.0 ^ 53 - 1 })
    assert.equal("-0.0", tostring(json.decode(json.encode(-0.0))))
  end)

  it("writes strings of any length with something to escape at any place", function()
    local specials = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\1"] = "\\u0001",
                       ["\127"] = "\\u007f", ["é"] = "é", ["漢"] = "漢", ["😀"] = "😀",
                       ["\u{2028}"] = "\\u2028",
                       ["\xFF"] = "\u{FFFD}", ["\xE2\x80"] = "\u{FFFD}" }
    for special, written in pairs(specials) do
      for before = 0, 40 do
        for after = 0, 20 do
          local a, b = ("a"):rep(before), ("b"):rep(after)
          assert.equal('"' .. a .. written .. b .. '"', json.encode(a .. special .. b))
        end
      end
    end
    for length = 0, 100 do
      local text = ("x"):rep(length)
      assert.equal('{"' .. text .. '":"' .. text .. '"}', json.encode { [text] = text })
    end
  end)

  it("writes what is no UTF-8 as U+FFFD, so that what it writes is JSON", function()
    assert.equal('{"\u{FFFD}":"a\u{FFFD}\u{FFFD}b\u{FFFD}"}',
      json.encode { ["\xC3"] = "a\xFF\xE2\x82b\xED" })
  end)

  it("writes a member a line, and sorts names, where it is told to", function()
    local value = { b = { 1, { x = true } }, a = json.array(), ["10"] = "z", [2] = {},
                    c = json.null }
    assert.equal('{"10":"z","2":{},"a":[],"b":[1,{"x":true}],"c":null}',
      json.encode(value, { sort = true }))
    assert.equal([[
{
  "10": "z",
  "2": {},
  "a": [],
  "b": [
    1,
    {
      "x": true
    }
  ],
  "c": null
}]], json.encode(value, { sort = true, indent = 2 }))
    assert.equal("[\n\t1,\n\t[\n\t\t2\n\t]\n]", json.encode({ 1, { 2 } }, { indent = "\t" }))
    assert.equal("[1]", json.encode({ 1 }, { indent = 0 }))
    assert.equal("1", json.encode(1, { indent = 16, sort = true }))
    local many, names = {}, {}
    for i = 1, 500 do
      many[("k%03d"):format(i * 7 % 500)] = i
      names[i] = ('"k%03d":'):format(i - 1)
    end
    local written = json.encode(many, { sort = true }):gsub("[{}]", ""):gsub(":%d+,?", ":")
    assert.equal(table.concat(names), written)
  end)

  it("writes arrays and objects", function()
    assert.equal("[1,2,3]", json.encode{ 1, 2, 3 })
    assert.equal('[[],{},{"a":[true]}]', json.encode{ json.array(), {}, { a = { true } } })
    assert.equal("[null,2]", json.encode(json.array{ [2] = 2 }))
    assert.equal("[1,null,3]", json.encode{ [1] = 1, [3] = 3 })
    assert.equal("[1,null,3]", json.encode{ 1, json.null, 3 })
    assert.equal('{"7":true}', json.encode{ ["7"] = true })
    assert.equal('{"0":1}', json.encode{ [0] = 1 })
    assert.equal('{"1.5":1}', json.encode{ [1.5] = 1 })
    assert.equal('{"a\\nb":"c"}', json.encode{ ["a\nb"] = "c" })
    assert.equal("[[1,2],{}]", json.encode(json.array{ { 1, 2 }, {} }))
    assert.equal("[null,null,3]", json.encode{ [3] = 3, [2] = nil, [1] = json.null, [4] = nil })
  end)

  it("tells arrays from objects by all their keys, wherever these are in the table", function()
    assert.equal('{"1":1,"2":2,"x":3}', json.encode({ 1, 2, x = 3 }, { sort = true }))
    assert.equal('[{"1":{"1":true,"y":false},"x":[1]}]',
      json.encode({ { { true, y = false }, x = { 1 } } }, { sort = true }))
    local deep = true
    for i = 1, 200 do deep = { deep, x = i } end -- each looks like an array first
    assert.equal(200, select(2, json.encode(deep):gsub('"x":%d', "")))
    local hashed = {}
    for i = 20, 1, -1 do hashed[i] = i end
    assert.equal("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]", json.encode(hashed))
    hashed[3], hashed.x = nil, 0
    assert.equal('"x":0', json.encode(hashed):match '"x":0')
    assert.equal("[1,2,null,null,5]", json.encode { [5] = 5, [1] = 1, [2] = 2 })
  end)

  it("writes a table without the key 1 as an object, whose numbers become names", function()
    assert.equal('{"413":1}', json.encode{ [413] = 1 })
    assert.equal('{"2":2}', json.encode{ [2] = 2 })
    assert.equal('{"-1":[]}', json.encode{ [-1] = json.array() })
    assert.equal('{"9007199254740993":1}', json.encode{ [9007199254740993] = 1 })
    assert.same({ ["1"] = "a", ["9007199254740993"] = "b", x = "c" },
      json.decode(json.encode{ "a", [9007199254740993] = "b", x = "c" }))
    assert.equal('{"refused":{"413":2}}', json.encode{ refused = { [413] = 2 } })
    raises("two keys that become the name 413 (at a)", { a = { ["413"] = 1, [413] = 2 } })
  end)

  it("takes no name for that of a number that is written in another way", function()
    assert.equal('{"-0":2,"0":1}', json.encode({ [0] = 1, ["-0"] = 2 }, { sort = true }))
    assert.equal('{"0":1,"1.0":2,"1e0":3}',
      json.encode({ [0] = 1, ["1.0"] = 2, ["1e0"] = 3 }, { sort = true }))
    raises("two keys that become the name 1.5", { [1.5] = 1, ["1.5"] = 2 })
  end)

  it("raises where Lua's stack has no room for the names to sort", function()
    local names = {}
    for i = 1, 20000 do names["k" .. i] = i end
    local ok, message
    local function sort_names(...) -- its arguments fill the stack
      ok, message = pcall(json.encode, { names }, { sort = true })
      return (...)
    end
    sort_names(table.unpack({}, 1, 985000))
    assert.is_false(ok)
    assert.truthy(message:find("JSON: too many keys to sort (at [1])", 1, true), message)
    assert.is_true(#json.encode(names, { sort = true }) > 20000)
  end)

  it("writes the same table twice, and 1,000 levels", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", json.encode{ shared, shared })
    local deep = {}
    for _ = 1, 999 do deep = { deep } end
    assert.equal(("["):rep(999) .. "{}" .. ("]"):rep(999), json.encode(deep))
  end)

  it("changes no table that it writes", function()
    local value = { n = 2 ^ 53 | 0, list = json.array(), { math.pi } }
    assert.truthy(json.encode(value):find("9007199254740992", 1, true))
    assert.same({ n = 2 ^ 53 | 0, list = {}, { math.pi } }, value)
  end)

  it("does not use metamethods", function()
    local watched = setmetatable({ 1 }, { __index = error, __len = error, __pairs = error })
    assert.equal("[1]", json.encode(watched))
  end)

  it("raises where JSON can't hold the value, and says where it is", function()
    raises("a function can't be encoded", print)
    raises("a function can't be encoded (at user.on_click)", { user = { on_click = print } })
    raises("a thread can't be encoded (at list.[2])", { list = { 1, coroutine.create(print) } })
    raises("a userdata can't be encoded (at f)", { f = io.stdout })
    raises("NaN is not a number that JSON has (at [1])", { 0 / 0 })
    raises("inf is not a number that JSON has (at a)", { a = math.huge })
    raises("-inf is not a number that JSON has (at a.[2])", { a = { 1, -math.huge } })
    raises("a function can't be encoded (at x)", { 1, x = print })
    raises("an infinity can't be a key (at a)", { a = { [math.huge] = 1 } })
    raises("a table that contains itself (at b)", (function()
      local t = { 1 }
      t.b = t
      return t
    end)())
    raises("a boolean can't be a key", { [true] = 1 })
    raises("excessively sparse array", { 1, [1000000] = 1 })
    local array = json.array {}
    array[2], array.x = "b", 1
    raises("an array with key x", array)
    assert.has_error(function() json.array { "a", x = 1 } end,
      "json.array: expected whole numbers from 1 as keys, got x")
    local loop = {}
    loop.a = { loop }
    raises("a table that contains itself (at a.[1])", loop)
    local deep = {}
    for _ = 1, 1100 do deep = { deep } end
    raises("excessive nesting: more than 1000 arrays and objects in each other (at [1].[1]", deep)
    raises("[1]...)", deep)
    raises("a nil can't be encoded", nil)
    raises("a function can't be encoded (at " .. ("n"):rep(195) .. "...)",
      { [("n"):rep(300)] = print })
  end)

  it("raises at the program's line, also for wrong options", function()
    local ok, message = pcall(function() json.encode { print } end)
    assert.is_false(ok)
    assert.truthy(message:find "json_spec.lua:%d+: JSON: a function can't be encoded", message)
    for _, case in ipairs {
      { { indent = -1 },
        "option 'indent' must be a whole number from 0 to 16, or up to 16 blanks" },
      { { indent = 17 }, "option 'indent'" }, { { indent = "x" }, "option 'indent'" },
      { { sort = 1 }, "option 'sort' must be boolean" },
      { { sorted = true }, "did you mean 'sort'?" },
      { 2, "sse.json.encode: expected a table of options, got number 2" },
    } do
      ok, message = pcall(function() json.encode({}, case[1]) end)
      assert.is_false(ok)
      assert.truthy(message:find "json_spec.lua:%d+: sse.json.encode: ", message)
      assert.truthy(message:find(case[2], 1, true), message)
    end
    assert.is_false(pcall(json.encode, 1, {}, 1))
  end)
end)

