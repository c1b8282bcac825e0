-- The tokens of RFC 7515, RFC 7519 and RFC 8037.
local core = require "sse.core"
local sse = require "sse"
local vectors = require "spec.cases.jws_vectors"

local NAMES = { "hs256", "rs256", "es256", "eddsa" }

local function key_of(jwk) return assert(core.key_of_jwk(jwk)) end

local function parts_of(token) return token:match "^([^.]*)%.([^.]*)%.([^.]*)$" end

describe("the standards' tokens", function()
  it("verify, by a private key and by a public one", function()
    for _, name in ipairs(NAMES) do
      local vector = vectors[name]
      local payload = vector.payload or vectors.payload
      local key = key_of(vector.key)
      assert.equal(vector.algorithm, key.algorithm)
      assert.is_true(key.can_sign)
      assert.equal(payload, core.token_payload(vector.token, key), name)
      if vector.key.kty ~= "oct" then
        local public = key_of(vectors.public(vector.key))
        assert.is_false(public.can_sign)
        assert.equal(payload, core.token_payload(vector.token, public), name)
        assert.has_error(function() core.token("{}", "{}", public) end)
      end
    end
  end)

  it("are what signing gives, but for ES256, which is random", function()
    for _, name in ipairs(NAMES) do
      local vector = vectors[name]
      local header = core.base64url_decode((parts_of(vector.token)))
      local payload, key = vector.payload or vectors.payload, key_of(vector.key)
      local token = core.token(header, payload, key)
      if name ~= "es256" then assert.equal(vector.token, token) end
      assert.equal(payload, core.token_payload(token, key))
    end
  end)

  it("give their claims until they expire", function()
    local claims, header = sse.jwt.verify(vectors.hs256.token, {
      key = vectors.hs256.key, now = vectors.expiry - 1,
    })
    assert.same({ iss = "joe", exp = vectors.expiry, ["http://example.com/is_root"] = true },
      claims)
    assert.same({ typ = "JWT", alg = "HS256" }, header)
    for _, name in ipairs { "hs256", "rs256", "es256" } do
      local given = { key = vectors[name].key, now = vectors.expiry - 1, issuer = "joe" }
      assert.equal("joe", sse.jwt.verify(vectors[name].token, given).iss)
      given.now = nil
      assert.same({ nil, "the token has expired", "EEXPIRED" },
        { sse.jwt.verify(vectors[name].token, given) })
    end
  end)

  it("verify by no other key, nor by another's signature", function()
    for _, name in ipairs(NAMES) do
      for _, other in ipairs(NAMES) do
        local header, payload = parts_of(vectors[name].token)
        local _, _, signature = parts_of(vectors[other].token)
        local mixed = table.concat({ header, payload, signature }, ".")
        if name ~= other then
          local key = key_of(vectors[other].key)
          assert.same({ nil, "the token's alg is not that of the key", "EACCES" },
            { core.token_payload(vectors[name].token, key) })
          assert.same({ nil, "the signature is not that of the key", "EACCES" },
            { core.token_payload(mixed, key_of(vectors[name].key)) })
        end
      end
    end
  end)

  it("verify with no bit changed", function()
    for _, name in ipairs(NAMES) do
      local key = key_of(vectors[name].key)
      local header, payload, signature = parts_of(vectors[name].token)
      local bytes = core.base64url_decode(signature)
      for i = 1, #bytes, 7 do
        local changed = bytes:sub(1, i - 1) .. string.char(bytes:byte(i) ~ 1) .. bytes:sub(i + 1)
        local token = header .. "." .. payload .. "." .. core.base64url(changed)
        assert.is_nil(core.token_payload(token, key))
      end
      local text = core.base64url_decode(payload)
      for i = 1, #text, 7 do
        local changed = text:sub(1, i - 1) .. string.char(text:byte(i) ~ 1) .. text:sub(i + 1)
        local token = header .. "." .. core.base64url(changed) .. "." .. signature
        assert.is_nil(core.token_payload(token, key))
      end
    end
  end)

  it("are refused where they are unsecured, of another algorithm, encrypted, or JSON", function()
    local keys = {}
    for i, name in ipairs(NAMES) do keys[i] = vectors[name].key end
    for _, key in ipairs(keys) do
      for _, token in ipairs { vectors.unsecured, vectors.es512 } do
        assert.same({ nil, "the token's alg is not that of the key", "EACCES" },
          { sse.jwt.verify(token, { key = key, now = 0 }) })
      end
      -- RFC 7519 appendix A.1 has five parts, RFC 7515 appendix A.6 is JSON.
      for _, token in ipairs {
        "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.a.b.c.d", '{"payload":"a"}',
      } do
        assert.same({ nil, "expected three parts between points", "EINVAL" },
          { sse.jwt.verify(token, { key = key }) })
      end
    end
  end)

  it("are no claims where they are nested, as in RFC 7519 appendix A.2", function()
    local key = vectors.rs256.key
    local nested = core.token('{"alg":"RS256","cty":"JWT"}', vectors.rs256.token, key_of(key))
    assert.same({ nil, "claims: not a JSON object", "EINVAL" },
      { sse.jwt.verify(nested, { key = key }) })
  end)
end)
