-- sse.jwt.sign and sse.jwt.verify: claims, times, issuers and audiences.
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local vectors = require "spec.cases.jws_vectors"

local blames = misuse.blames
local sign, verify = sse.jwt.sign, sse.jwt.verify

local SECRET = ("secret "):rep(5)

local function is_refused(message, code, token, given)
  given.key = given.key or SECRET
  assert.same({ nil, message, code }, { verify(token, given) })
end

describe("sse.jwt", function()
  it("gives back what was signed, and the header", function()
    local claims = {
      sub = "ann", exp = os.time() + 100, n = 1 << 60, list = sse.json.array {},
      deep = { a = { 1 } },
    }
    local token = sign(claims, { key = SECRET })
    local got, header = verify(token, { key = SECRET })
    assert.same(claims, got)
    assert.same({ alg = "HS256", typ = "JWT" }, header)
    assert.same({}, (verify(sign({}, { key = SECRET }), { key = SECRET })))
  end)

  it("writes kid and typ into the header, and the kid of a JSON Web Key", function()
    local _, header = verify(sign({}, { key = SECRET, kid = "k 1", typ = "at+jwt" }),
      { key = SECRET })
    assert.same({ alg = "HS256", typ = "at+jwt", kid = "k 1" }, header)
    local jwk = { kty = "oct", k = core.base64url(SECRET), kid = "k2" }
    _, header = verify(sign({}, { key = jwk }), { key = jwk })
    assert.equal("k2", header.kid)
  end)

  it("expires at exp, and not before; leeway is milliseconds", function()
    local now = os.time()
    local token = sign({ exp = now }, { key = SECRET })
    is_refused("the token has expired", "EEXPIRED", token, {})
    is_refused("the token has expired", "EEXPIRED", token, { now = now + 1 })
    is_refused("the token has expired", "EEXPIRED", token, { now = now, leeway = 0 })
    assert.is_table(verify(token, { key = SECRET, now = now - 1 }))
    assert.is_table(verify(token, { key = SECRET, now = now, leeway = 1 }))
    assert.is_table(verify(token, { key = SECRET, now = now + 59, leeway = 60000 }))
    is_refused("the token has expired", "EEXPIRED", token, { now = now + 60, leeway = 60000 })
    token = sign({ exp = now - 1 }, { key = SECRET })
    is_refused("the token has expired", "EEXPIRED", token, {})
    token = sign({ exp = now + 0.5 }, { key = SECRET })
    assert.is_table(verify(token, { key = SECRET, now = now }))
    is_refused("the token has expired", "EEXPIRED", token, { now = now + 1 })
  end)

  it("is not valid before nbf", function()
    local now = os.time()
    local token = sign({ nbf = now + 100 }, { key = SECRET })
    is_refused("the token is not valid yet", "EACCES", token, {})
    is_refused("the token is not valid yet", "EACCES", token, { now = now + 99 })
    assert.is_table(verify(token, { key = SECRET, now = now + 100 }))
    assert.is_table(verify(token, { key = SECRET, now = now + 99, leeway = 1000 }))
  end)

  it("has the issuer that is expected", function()
    local token = sign({ iss = "https://a" }, { key = SECRET })
    assert.is_table(verify(token, { key = SECRET }))
    assert.is_table(verify(token, { key = SECRET, issuer = "https://a" }))
    assert.is_table(verify(token, { key = SECRET, issuer = { "https://b", "https://a" } }))
    for _, issuer in ipairs { "https://b", "https://a/", "", { "https://b" } } do
      is_refused("the token is of another issuer", "EACCES", token, { issuer = issuer })
    end
    is_refused("the token is of another issuer", "EACCES", sign({}, { key = SECRET }),
      { issuer = "https://a" })
  end)

  it("has an audience that is expected, and none where none is", function()
    local one = sign({ aud = "a" }, { key = SECRET })
    local two = sign({ aud = { "a", "b" } }, { key = SECRET })
    local none, empty = sign({}, { key = SECRET }),
      sign({ aud = sse.json.array {} }, { key = SECRET })
    for _, case in ipairs {
      { one, "a" }, { one, { "c", "a" } }, { two, "b" }, { two, { "c", "b" } }, { one, false },
      { two, false }, { none, false }, { none, nil },
    } do
      assert.is_table(verify(case[1], { key = SECRET, audience = case[2] }))
    end
    for _, case in ipairs { { one, "b" }, { two, "c" }, { none, "a" }, { empty, "a" } } do
      is_refused("the token is for another audience", "EACCES", case[1], { audience = case[2] })
    end
    for _, token in ipairs { one, two, empty } do
      is_refused("the token is for an audience, and 'audience' names none", "EACCES", token, {})
    end
  end)

  it("leaves out members that are null, but for those that are checked", function()
    local key = assert(core.key_of_secret(SECRET))
    local header = '{"alg":"HS256"}'
    assert.same({ b = 1 }, (verify(core.token(header, '{"a":null,"b":1}', key), { key = SECRET })))
    for _, name in ipairs { "exp", "nbf", "iat" } do
      for _, value in ipairs { "null", '"1"', "true", "[]", "{}" } do
        is_refused("claims: exp, nbf and iat must be numbers", "EINVAL",
          core.token(header, ('{"%s":%s}'):format(name, value), key), {})
      end
    end
    for _, name in ipairs { "iss", "sub", "jti" } do
      for _, value in ipairs { "null", "1", '["a"]' } do
        is_refused("claims: iss, sub and jti must be strings", "EINVAL",
          core.token(header, ('{"%s":%s}'):format(name, value), key), {})
      end
    end
    for _, value in ipairs { "null", "1", "{}", '["a",1]', '[["a"]]', '{"a":"b"}' } do
      is_refused("claims: aud must be a string or an array of strings", "EINVAL",
        core.token(header, ('{"aud":%s}'):format(value), key), { audience = "a" })
    end
  end)

  it("says that there is no token", function()
    is_refused("there is no token", "EINVAL", nil, {})
    is_refused("expected three parts between points", "EINVAL", "", {})
  end)
end)

describe("misuse of sse.jwt", function()
  it("raises on options that are missing, wrong, or contradict each other", function()
    local token = sign({}, { key = SECRET })
    blames("sse.jwt.verify: give 'key' or 'keys'", function() verify(token) end)
    blames("sse.jwt.verify: give 'key' or 'keys'", function() verify(token, {}) end)
    blames("sse.jwt.verify: give either 'key' or 'keys'",
      function() verify(token, { key = SECRET, keys = {} }) end)
    blames("option 'key' must be a PEM, a secret, or a JSON Web Key, got number",
      function() verify(token, { key = 1 }) end)
    blames("option 'keys' must be a JWK Set, or keys by their kid, got table",
      function() verify(token, { keys = { SECRET } }) end)
    blames("option 'algorithms' must be a list of",
      function() verify(token, { key = SECRET, algorithms = { "none" } }) end)
    blames("option 'algorithms' must be a list of",
      function() verify(token, { key = SECRET, algorithms = "HS256" }) end)
    blames("'algorithms' do not have that of the key, HS256",
      function() verify(token, { key = SECRET, algorithms = { "RS256" } }) end)
    blames("unknown option 'secret'", function() verify(token, { secret = SECRET }) end)
    blames("sse.jwt.verify: expected a token, got table",
      function() verify({}, { key = SECRET }) end)
    blames("option 'leeway' must be", function() verify(token, { key = SECRET, leeway = -1 }) end)
  end)

  it("shows no secret in a message", function()
    for _, fn in ipairs {
      function() verify("", { key = "hidden" }) end, function() sign({}, { key = "hidden" }) end,
      function() verify("", { keys = "hidden" }) end, function() sse.crypto.sign("x", "hidden") end,
      function() sse.crypto.unsign("x.." .. ("x"):rep(43), "hidden") end,
    } do
      local ok, message = pcall(fn)
      assert.is_false(ok)
      assert.is_nil(message:find("hidden", 1, true), message)
    end
  end)

  it("raises on claims that can't be signed", function()
    blames("sse.jwt.sign: a key is missing", function() sign({}) end)
    blames("sse.jwt.sign: expected a table of claims, got string",
      function() sign("x", { key = SECRET }) end)
    blames("sse.jwt.sign: not a JSON object", function() sign({ 1 }, { key = SECRET }) end)
    blames("sse.jwt.sign: exp, nbf and iat must be numbers",
      function() sign({ exp = "soon" }, { key = SECRET }) end)
    blames("sse.jwt.sign: ", function() sign({ f = print }, { key = SECRET }) end)
    blames("sse.jwt.sign: option 'key': a public key can't sign",
      function() sign({}, { key = vectors.public(vectors.rs256.key) }) end)
    blames("sse.jwt.sign(claims, options): one argument too many",
      function() sign({}, { key = SECRET }, 1) end)
  end)
end)
