-- Tokens that mean harm: each is refused, whatever the key is, in time that does not depend on it.
local core = require "sse.core"
local sse = require "sse"
local vectors = require "spec.cases.jws_vectors"

local SECRET = ("secret "):rep(5)
local secret_key = assert(core.key_of_secret(SECRET))

-- Makes a token of texts, signed by the key (SECRET's by default).
local function forge(header, payload, key) return core.token(header, payload, key or secret_key) end

local function refuse(message, code, token, given)
  local claims, why, got = sse.jwt.verify(token, given or { key = SECRET })
  assert.is_nil(claims)
  assert.equal(message, why)
  assert.equal(code, got)
end

local NOT_ITS_ALG = "the token's alg is not that of the key"

describe("a forged token", function()
  it("is refused with the algorithm none, however it is written", function()
    for _, alg in ipairs { "none", "None", "nOnE", "", "hs256", "HS256 ", "HS256\\u0000" } do
      local header = core.base64url(('{"alg":"%s"}'):format(alg))
      for _, signature in ipairs { "", core.base64url(("x"):rep(32)) } do
        local token = ("%s.%s.%s"):format(header, core.base64url '{"sub":"root"}', signature)
        refuse(NOT_ITS_ALG, "EACCES", token)
        refuse(NOT_ITS_ALG, "EACCES", token, { key = vectors.rs256.key })
      end
    end
  end)

  it("is refused where an RSA public key signed it as a secret", function()
    local private = "openssl genpkey -algorithm RSA 2>/dev/null"
    local pem = io.popen(private .. " | openssl pkey -pubout"):read "a"
    assert.truthy(pem:find "BEGIN PUBLIC KEY")
    -- sse.jwt.sign would refuse such a secret, so openssl signs.
    local signed_part = core.base64url '{"alg":"HS256"}' .. "." .. core.base64url '{"sub":"root"}'
    local name = os.tmpname()
    local file = assert(io.open(name, "wb"))
    file:write(signed_part)
    file:close()
    local hex = pem:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    local command = "openssl dgst -sha256 -mac HMAC -macopt hexkey:%s -binary %s"
    local mac = io.popen(command:format(hex, name)):read "a"
    os.remove(name)
    assert.equal(32, #mac)
    local token = signed_part .. "." .. core.base64url(mac)
    refuse(NOT_ITS_ALG, "EACCES", token, { key = pem })
    refuse(NOT_ITS_ALG, "EACCES", token, { key = pem, algorithms = { "RS256" } })
    refuse("no key has the token's kid", "EACCES",
      forge('{"alg":"HS256","kid":"x"}', "{}"), { keys = { k = pem } })
    refuse(NOT_ITS_ALG, "EACCES", forge('{"alg":"HS256","kid":"k"}', "{}"), { keys = { k = pem } })
    -- A program that says that it is a secret is told so.
    for _, given in ipairs {
      { key = { kty = "oct", k = core.base64url(pem) } }, { key = pem, algorithms = { "HS256" } },
    } do
      assert.has_error(function() sse.jwt.verify(token, given) end)
    end
  end)

  it("is refused where its header brings its own key, or asks for extensions", function()
    local header = '{"alg":"HS256","jwk":{"kty":"oct","k":"%s"}}'
    local own = ("x"):rep(32)
    local token = forge(header:format(core.base64url(own)), "{}", core.key_of_secret(own))
    refuse("the signature is not that of the key", "EACCES", token)
    for text, why in pairs {
      ['"crit":["exp"]'] = "the header has crit, which asks for extensions",
      ['"crit":[]'] = "the header has crit, which asks for extensions",
      ['"crit":null'] = "the header has crit, which asks for extensions",
      ['"\\u0063rit":["b64"]'] = "the header has crit, which asks for extensions",
      ['"b64":false'] = "the header has b64 or zip, which are not supported",
      ['"zip":"DEF"'] = "the header has b64 or zip, which are not supported",
      ['"kid":1'] = "the header's kid is no string",
      ['"kid":null'] = "the header's kid is no string",
    } do
      refuse(why, "EINVAL", forge('{"alg":"HS256",' .. text .. "}", "{}"))
    end
  end)

  it("is refused with two members of one name", function()
    for _, header in ipairs {
      '{"alg":"HS256","alg":"none"}', '{"alg":"none","alg":"HS256"}',
      '{"alg":"HS256","a\\u006cg":"HS256"}', '{"kid":"a","alg":"HS256","kid":"a"}',
    } do
      refuse("two members of one name", "EINVAL", forge(header, "{}"))
    end
    for _, payload in ipairs { '{"sub":"ann","sub":"root"}', '{"a":{},"b":1,"\\u0061":[]}' } do
      refuse("claims: two members of one name", "EINVAL", forge('{"alg":"HS256"}', payload))
    end
  end)

  it("is refused where a part is no JSON object, or too deep", function()
    local deep = '{"alg":"HS256","a":' .. ("["):rep(2000) .. ("]"):rep(2000) .. "}"
    refuse("excessive nesting: more than 1000 arrays and objects in each other", "EINVAL",
      forge(deep, "{}"))
    refuse("claims: excessive nesting: more than 1000 arrays and objects in each other", "EINVAL",
      forge('{"alg":"HS256"}', deep))
    local header = '{"alg":"HS256","a":' .. ("["):rep(900) .. ("]"):rep(900) .. "}"
    assert.is_table(sse.jwt.verify(forge(header, "{}"), { key = SECRET }))
    for _, text in ipairs { "", "1", "[]", '"HS256"', "null", "x" } do
      refuse("not a JSON object", "EINVAL", forge(text, "{}"))
      refuse("claims: not a JSON object", "EINVAL", forge('{"alg":"HS256"}', text))
    end
    for _, text in ipairs { "{", "{}x", '{"alg":"HS256"', '{"alg":"HS256",}', '{"alg":"\xff"}' } do
      assert.is_nil(sse.jwt.verify(forge(text, "{}"), { key = SECRET }))
      assert.is_nil(sse.jwt.verify(forge('{"alg":"HS256"}', text), { key = SECRET }))
    end
    for _, text in ipairs { "{}", '{"alg":null}', '{"alg":1}', '{"alg":["HS256"]}' } do
      refuse("the header has no alg", "EINVAL", forge(text, "{}"))
    end
  end)

  it("is refused where a part is not base64url", function()
    local header, payload, mac = forge('{"alg":"HS256"}', '{"a":1}'):match "^(.*)%.(.*)%.(.*)$"
    for _, bad in ipairs { "=", " ", "\n", "+", "/", "\0", "é" } do
      for _, token in ipairs {
        header .. bad .. "." .. payload .. "." .. mac,
        header .. "." .. payload .. bad .. "." .. mac,
        header .. "." .. payload .. "." .. mac .. bad,
      } do
        refuse("a part is not base64url", "EINVAL", token)
      end
    end
    for _, token in ipairs { header .. "." .. payload, header, "..." .. header, "a.b.c.d", " " } do
      refuse("expected three parts between points", "EINVAL", token)
    end
    refuse("a part is not base64url", "EINVAL", "a.b.c")
    refuse("not a JSON object", "EINVAL", "..")
  end)

  it("is refused where it is long, before anything is read", function()
    local padding = ("x"):rep(1 << 20)
    refuse("the token has more than 64 KiB", "ETOOBIG",
      forge('{"alg":"HS256"}', ('{"a":"%s"}'):format(padding)))
    refuse("the token has more than 64 KiB", "ETOOBIG", padding)
    refuse("the token has more than 64 KiB", "ETOOBIG", ("."):rep(1 << 20))
    local list = {}
    for i = 1, 129 do list[i] = ('"%d":0'):format(i) end
    refuse("claims: more than 128 members", "ETOOBIG",
      forge('{"alg":"HS256"}', "{" .. table.concat(list, ",") .. "}"))
  end)

  it("is refused with a signature of a wrong length", function()
    for _, name in ipairs { "hs256", "rs256", "es256", "eddsa" } do
      local start, signature = vectors[name].token:match "^(.*%.)(.-)$"
      local bytes = core.base64url_decode(signature)
      for _, changed in ipairs {
        "", bytes:sub(1, -2), bytes .. "\0", "\0" .. bytes, bytes:sub(1, 1), bytes .. bytes,
        bytes:gsub(".", "\0"), ("\xff"):rep(#bytes), ("x"):rep(20000),
      } do
        refuse("the signature is not that of the key", "EACCES", start .. core.base64url(changed),
          { key = vectors[name].key, now = 0 })
      end
    end
  end)

  it("is refused with the DER of an ES256 signature", function()
    local start, signature = vectors.es256.token:match "^(.*%.)(.-)$"
    local bytes = core.base64url_decode(signature)
    local r, s = bytes:sub(1, 32), bytes:sub(33)
    local function number(n)
      if n:byte() > 127 then n = "\0" .. n end
      return "\2" .. string.char(#n) .. n
    end
    local der = number(r) .. number(s)
    der = "\x30" .. string.char(#der) .. der
    refuse("the signature is not that of the key", "EACCES", start .. core.base64url(der),
      { key = vectors.es256.key, now = 0 })
  end)
end)
