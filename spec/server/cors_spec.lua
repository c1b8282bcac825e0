-- Which pages of other origins may read a response.
local cors = require "sse.server.cors"

local function fields(given, origin)
  local list = cors.new(given):fields(origin, "req")
  return table.concat(list, " ")
end

describe("cors", function()
  it("allows any origin by a constant", function()
    for _, given in ipairs { true, { origin = "*" } } do
      assert.equal("Access-Control-Allow-Origin *", fields(given, "https://a.example"))
      assert.equal("Access-Control-Allow-Origin *", fields(given, nil))
    end
  end)

  it("names an allowed origin, and that the response varies", function()
    local want = "Vary Origin Access-Control-Allow-Origin https://a.example"
    assert.equal(want, fields({ origin = "https://a.example" }, "https://a.example"))
    assert.equal(want, fields({ origin = { "http://b:8080", "https://a.example" } },
      "https://a.example"))
    assert.equal(want, fields({ origin = function() return true end }, "https://a.example"))
  end)

  it("lets credentials come along with named origins only", function()
    local want = "Vary Origin Access-Control-Allow-Origin https://a "
    assert.equal(want .. "Access-Control-Allow-Credentials true",
      fields({ origin = "https://a", credentials = true }, "https://a"))
  end)

  it("tells an allowed origin which headers its pages may read", function()
    local expose = { "X-Total", "ETag" }
    assert.equal("Access-Control-Allow-Origin * Access-Control-Expose-Headers X-Total, ETag",
      fields({ origin = "*", expose = expose }, "https://a"))
    local own = { origin = "https://a", expose = expose, credentials = true }
    assert.equal("Vary Origin Access-Control-Allow-Origin https://a "
      .. "Access-Control-Allow-Credentials true Access-Control-Expose-Headers X-Total, ETag",
      fields(own, "https://a"))
    assert.equal("Vary Origin", fields(own, "https://b"))
    assert.truthy(fields({ origin = "*", expose = { "*" } }):find "Expose%-Headers %*$")
  end)

  it("serves a refused origin, and a request without one, without the headers", function()
    for _, given in ipairs {
      { origin = "https://a.example", credentials = true },
      { origin = { "https://a.example" } },
      { origin = function() return false end },
      { origin = function() end },
    } do
      for _, origin in ipairs {
        "https://b.example", "https://a.example.evil", "http://a.example", "https://a.example:444",
        "null", "*", "",
      } do
        assert.equal("Vary Origin", fields(given, origin), origin)
      end
      assert.equal("Vary Origin", fields(given, nil))
    end
  end)

  it("asks the function with the origin and the request", function()
    local seen
    fields({ origin = function(...) seen = { ... } return true end }, "https://a")
    assert.same({ "https://a", "req" }, seen)
  end)

  it("knows the origin null where it is named", function()
    assert.equal("Vary Origin Access-Control-Allow-Origin null", fields({ origin = { "null" } },
      "null"))
  end)

  it("answers a preflight", function()
    local methods = { "GET", "POST" }
    local granted = cors.new(true):preflight(methods, "X-One, x-two")
    assert.same({ "Access-Control-Allow-Methods", "GET, POST", "Access-Control-Allow-Headers",
      "X-One, x-two",
      "Vary", "Access-Control-Request-Headers" }, granted)
    local own = cors.new({ origin = "*", headers = { "X-Key", "Content-Type" }, max_age = 90500 })
    assert.same({ "Access-Control-Allow-Methods", "GET, POST", "Access-Control-Allow-Headers",
      "X-Key, Content-Type", "Access-Control-Max-Age", "90" }, own:preflight(methods, "X-Other"))
    local ever = cors.new({ origin = "*", headers = { "X-Key" }, max_age = 2 ^ 80 })
    assert.equal(("%.0f"):format(2 ^ 80 // 1000), ever:preflight(methods)[6])
    local none = cors.new(true):preflight(methods, nil)
    assert.same({ "Access-Control-Allow-Methods", "GET, POST", "Vary",
      "Access-Control-Request-Headers" }, none)
  end)

  it("echoes nothing that is not a list of names", function()
    local list = cors.new(true):preflight({ "GET" }, "x-a, <script>")
    assert.is_nil(table.concat(list, " "):find("script", 1, true))
  end)

  for name, case in pairs {
    ["credentials with any origin"] = { { origin = "*", credentials = true }, "credentials" },
    ["no origin"] = { {}, "'origin' is missing" },
    ["an origin with a path"] = { { origin = "https://a.example/" }, "origin" },
    ["an origin without a scheme"] = { { origin = "a.example" }, "origin" },
    ["an empty list"] = { { origin = {} }, "origin" },
    ["a bad one in a list"] = { { origin = { "https://a", "*" } }, "origin" },
    ["an unknown option"] = { { origins = "*" }, "did you mean 'origin'" },
    ["a header that is none"] = { { origin = "*", headers = { "a b" } }, "headers" },
    ["headers as a string"] = { { origin = "*", headers = "X-Key" }, "headers" },
    ["exposed headers as a string"] = { { origin = "*", expose = "X-Key" }, "expose" },
    ["an exposed header that is none"] = { { origin = "*", expose = { "a:" } }, "expose" },
    ["exposed headers by another name"] = { { origin = "*", exposedHeaders = { "A" } },
      "did you mean 'expose'" },
    ["a wildcard with credentials"] = { { origin = "https://a", credentials = true,
      expose = { "*" } }, "no wildcard" },
    ["a wildcard for requests with credentials"] = { { origin = "https://a", credentials = true,
      headers = { "*" } }, "no wildcard" },
    ["a negative age"] = { { origin = "*", max_age = -1 }, "max_age" },
    ["something else"] = { "yes", "table" },
  } do
    it("refuses " .. name, function()
      local ok, err = pcall(cors.new, case[1])
      assert.is_false(ok)
      assert.truthy(err:find(case[2], 1, true), err)
    end)
  end
end)
