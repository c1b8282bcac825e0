-- sse.crypto: randomness, and signed values.
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local sse = require "sse"

local blames = misuse.blames
local sign, unsign = sse.crypto.sign, sse.crypto.unsign

local SECRET, OTHER = ("secret "):rep(5), ("other "):rep(6)

describe("sse.crypto.random and token", function()
  it("give as much as asked for, and never the same", function()
    for _, count in ipairs { 1, 32, 1024, 16.0 } do
      assert.equal(count, #sse.crypto.random(count))
      assert.equal(math.ceil(count * 4 / 3), #sse.crypto.token(count))
    end
    assert.equal(43, #sse.crypto.token())
    local seen = {}
    for _ = 1, 100 do
      local token = sse.crypto.token()
      assert.truthy(token:find "^[%w_-]+$")
      assert.is_nil(seen[token])
      seen[token] = true
    end
    assert.not_equal(sse.crypto.random(32), sse.crypto.random(32))
  end)

  it("raise on what is no count", function()
    for _, count in ipairs { 0, -1, 1025, 1.5, "32", {}, 0 / 0 } do
      local message = "expected a whole number from 1 to 1024, got " .. type(count)
      blames("sse.crypto.random: " .. message, function() sse.crypto.random(count) end)
      blames("sse.crypto.token: " .. message, function() sse.crypto.token(count) end)
    end
    blames("expected a whole number from 1 to 1024, got nil", function() sse.crypto.random() end)
  end)
end)

describe("a signed value", function()
  it("comes back, whatever its bytes are, and fits into a cookie and a URL", function()
    for _, value in ipairs { "", "ann", "a.b.c", "\0\xff\r\n", ("x"):rep(5000) } do
      local text = sign(value, SECRET)
      assert.truthy(text:find "^[%w_.-]+$")
      assert.equal(value, unsign(text, SECRET))
      assert.equal(text, sign(value, SECRET))
    end
  end)

  it("is not by another secret, for another purpose, or changed", function()
    local text = sign("ann", SECRET, { purpose = "login" })
    assert.equal("ann", unsign(text, SECRET, { purpose = "login" }))
    local function refused(changed, secret, given)
      local value, _, code = unsign(changed, secret, given)
      assert.is_nil(value)
      assert.truthy(code == "EACCES" or code == "EINVAL")
    end
    refused(text, OTHER, { purpose = "login" })
    refused(text, SECRET, { purpose = "reset" })
    refused(text, SECRET)
    refused(sign("ann", SECRET), SECRET, { purpose = "login" })
    for i = 1, #text do
      local c = text:sub(i, i) == "A" and "B" or "A"
      refused(text:sub(1, i - 1) .. c .. text:sub(i + 1), SECRET, { purpose = "login" })
      refused(text:sub(1, i - 1) .. text:sub(i + 1), SECRET, { purpose = "login" })
      refused(text:sub(1, i), i < #text and SECRET or OTHER, { purpose = "login" })
    end
    -- What is behind the value in one text does not move into the value of another.
    local later = sign("ann", SECRET, { expires = 1 })
    refused(later:gsub("%.1%.", ".."), SECRET)
    refused(later:gsub("%.1%.", ".9999999999."), SECRET)
    refused(later:gsub("%.1%.", ".01."), SECRET)
  end)

  it("expires", function()
    local now = os.time()
    assert.equal("x", unsign(sign("x", SECRET, { expires = now + 100 }), SECRET))
    assert.equal("x", unsign(sign("x", SECRET, { expires = now + 100.5 }), SECRET))
    assert.equal("x", unsign(sign("x", SECRET, { expires = 2 ^ 53 }), SECRET))
    for _, time in ipairs { now, now - 1, 0 } do
      assert.same({ nil, "the signed text has expired", "EEXPIRED" },
        { unsign(sign("x", SECRET, { expires = time }), SECRET) })
    end
    assert.equal("EACCES", select(3, unsign(sign("x", SECRET, { expires = 1 }), OTHER)))
  end)

  it("may be by any of several secrets; the first one signs", function()
    local old = sign("x", OTHER)
    assert.equal("x", unsign(old, { SECRET, OTHER }))
    assert.equal(sign("x", SECRET), sign("x", { SECRET, OTHER }))
    assert.is_nil(unsign(old, { SECRET }))
  end)

  it("is no token's signature, nor the other way round", function()
    local text = sign("x", SECRET)
    assert.is_nil(sse.jwt.verify(text, { key = SECRET }))
    local token = sse.jwt.sign({}, { key = SECRET })
    assert.is_nil(unsign(token, SECRET))
    local key = core.key_of_secret(SECRET)
    local header = core.base64url '{"alg":"HS256"}' -- a value whose text reads as a token's
    local forged = header .. ".1." .. core.base64url(core.signature(key, header .. ".1"))
    assert.is_nil(unsign(forged, SECRET))
  end)

  it("is refused where it is none", function()
    for _, text in ipairs {
      "", ".", "..", "a..b", "a.b.c", "ann", ("."):rep(1 << 20), ("x"):rep(1 << 20), "YQ.1e3.AA",
      "YQ..====", "YQ== ..AAAA", "YQ.-1.AAAA",
    } do
      local value, _, code = unsign(text, SECRET)
      assert.is_nil(value)
      assert.truthy(code == "EACCES" or code == "EINVAL")
    end
    assert.same({ nil, "there is no signed text", "EINVAL" }, { unsign(nil, SECRET) })
  end)

  it("raises on misuse", function()
    blames("sse.crypto.sign: expected a string, got nil", function() sign(nil, SECRET) end)
    blames("sse.crypto.sign: expected a secret, a string, got nil", function() sign "x" end)
    blames("sse.crypto.sign: expected a secret, a string, got nil", function() sign("x", {}) end)
    blames("sse.crypto.sign: a secret needs at least 32 bytes", function() sign("x", "short") end)
    blames("option 'expires' must be", function() sign("x", SECRET, { expires = -1 }) end)
    blames("option 'purpose' must be a string without NUL",
      function() sign("x", SECRET, { purpose = "a\0" }) end)
    blames("unknown option 'max_age'", function() sign("x", SECRET, { max_age = 1 }) end)
    blames("sse.crypto.unsign: expected a secret, got none", function() unsign("x") end)
    blames("sse.crypto.unsign: expected a secret, got none", function() unsign("x", {}) end)
    blames("sse.crypto.unsign: expected a signed text, got table",
      function() unsign({}, SECRET) end)
    blames("sse.crypto.unsign(text, secret, options): one argument too many",
      function() unsign("x", SECRET, {}, 1) end)
  end)
end)
