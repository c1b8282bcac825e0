-- sse.json: what it encodes, decodes and refuses.
local core = require "sse.core"
local json = require "sse.json"

local function raises(text, value)
  local ok, err = pcall(json.encode, value)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(text, 1, true), tostring(err))
end

describe("JSON, encoded", function()
  it("writes scalars", function()
    local cases = {
      { "a", '"a"' }, { "", '""' }, { 'a"\\/é', '"a\\"\\\\\\/é"' },
      { "\b\n\r\t\0\127", '"\\b\\n\\r\\t\\u0000\\u007f"' },
      { 1, "1" }, { -0, "0" }, { 1.0, "1" }, { 1.5, "1.5" }, { 0.1, "0.1" }, { 1e100, "1e+100" },
      { math.maxinteger, "9223372036854775807" }, { math.mininteger, "-9223372036854775808" },
      { 1719000000123456, "1719000000123456" },
      { true, "true" }, { false, "false" }, { json.null, "null" },
    }
    for _, case in ipairs(cases) do assert.equal(case[2], json.encode(case[1])) end
  end)

  it("writes floats so that they read back equal", function()
    for _, n in ipairs{ 0.1 + 0.2, 1 / 3, math.pi, 2 ^ 53 + 2, 1e-300, 123456789.123456789 } do
      assert.is_true(tonumber(json.encode(n)) == n)
    end
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

  it("writes the same table twice, and 900 levels", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", json.encode{ shared, shared })
    local deep = {}
    for _ = 1, 900 do deep = { deep } end
    assert.equal(("["):rep(900) .. "{}" .. ("]"):rep(900), json.encode(deep))
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
    raises("a boolean can't be a key", { [true] = 1 })
    raises("excessively sparse array", { 1, [1000000] = 1 })
    raises("an array with key x", json.array{ x = 1 })
    local loop = {}
    loop.a = { loop }
    raises("a table that contains itself (at a.[1])", loop)
    local deep = {}
    for _ = 1, 1100 do deep = { deep } end
    raises("excessive nesting", deep)
    raises("a nil can't be encoded", nil)
  end)
end)

describe("JSON, decoded", function()
  it("gives Lua's values", function()
    assert.same({ a = { 1, 2.5, "x", true, {} } }, json.decode('{"a":[1,2.5,"x",true,{}]}'))
    assert.equal("integer", math.type(json.decode("1719000000")))
    assert.equal("integer", math.type(json.decode('{"n":[1e3]}').n[1]))
    assert.equal("float", math.type(json.decode("0.5")))
    assert.equal("é漢😀", json.decode('"\\u00e9漢\\ud83d\\ude00"'))
    assert.equal(false, json.decode("false"))
  end)

  it("leaves out members that are null, and keeps null elsewhere", function()
    local value = json.decode('{"a":null,"b":[1,null,3],"c":{"d":null,"e":0}}')
    assert.is_nil(value.a)
    assert.equal(json.null, value.b[2])
    assert.equal(3, #value.b)
    assert.same({ e = 0 }, value.c)
    assert.equal(json.null, json.decode("null"))
  end)

  it("gives nil and a message for what is not JSON", function()
    for _, text in ipairs{ "", " ", "{", "[1,]", "{a:1}", "nul", "01x", "[1] 2", "'a'", "NaN",
                           "Infinity", "0x10", ("["):rep(5000), "[DONE]" } do
      local value, message = json.decode(text)
      assert.is_nil(value, text)
      assert.truthy(message:find("^JSON: "), text)
    end
  end)

  it("raises where it is given no text", function()
    assert.has_error(function() json.decode(nil) end, "JSON: expected a string to decode, got nil")
    assert.has_error(function() json.decode({}) end, "JSON: expected a string to decode, got table")
  end)

  it("reads what it wrote", function()
    local numbers = { 1, -2, 0.1, 2 ^ 52 | 0 }
    local value = { s = "a\0\"\\\u{2028}", n = numbers, o = { e = { {} } }, t = true }
    assert.same(value, json.decode(json.encode(value)))
  end)
end)

-- Calls run(json) with a fresh sse.json that was loaded while math.random returned `number`.
local function foreseen(number, run)
  local random = math.random
  package.loaded["sse.json"] = nil
  math.random = function() return number end -- luacheck: ignore 122
  local ok, fresh = pcall(require, "sse.json")
  math.random, package.loaded["sse.json"] = random, json -- luacheck: ignore 122
  core.set_json(json.encode)
  assert(ok, fresh)
  return run(fresh)
end

describe("The mark of JSON text", function()
  it("does not come from math.random, so no string of a caller's begins so", function()
    local forged = ("lua_sse:%016x:"):format(0) .. "],true,["
    local text = foreseen(0, function(fresh) return fresh.encode { forged, 1 << 60 } end)
    assert.equal(('["%s",%d]'):format(forged, 1 << 60), text)
  end)

  it("comes from the system's random source", function()
    assert.equal(16, #core.random(16))
    assert.not_equal(core.random(16), core.random(16))
    assert.equal(1024, #core.random(1024))
    assert.equal("", core.random(0))
    assert.has_error(function() core.random(1025) end)
  end)
end)
