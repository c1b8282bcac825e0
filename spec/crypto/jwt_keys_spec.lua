-- Keys of sse.jwt: PEM, JSON Web Keys, sets of them, and kid.
local certs = require "spec.support.certs"
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local sse = require "sse"
local vectors = require "spec.cases.jws_vectors"

local blames = misuse.blames
local sign, verify = sse.jwt.sign, sse.jwt.verify

local SECRET = ("secret "):rep(5)

-- A private and a public PEM, made by `openssl genpkey` with the arguments.
local function pems(...)
  certs.openssl("genpkey -out made.key " .. ...)
  certs.openssl "pkey -in made.key -pubout -out made.pub"
  return certs.read "made.key", certs.read "made.pub"
end

local function copy(t, more)
  local made = {}
  for key, value in pairs(t) do made[key] = value end
  for key, value in pairs(more) do made[key] = value ~= "" and value or nil end
  return made
end

describe("a key in PEM", function()
  it("decides on the algorithm by its kind", function()
    for arguments, algorithm in pairs {
      ["-algorithm RSA"] = "RS256", ["-algorithm EC -pkeyopt ec_paramgen_curve:P-256"] = "ES256",
      ["-algorithm ED25519"] = "EdDSA",
    } do
      local private, public = pems(arguments)
      local token = sign({ sub = "ann" }, { key = private })
      for _, key in ipairs { private, public, "\r\n" .. public:gsub("\n", "\r\n") .. "trailing" } do
        local claims, header = verify(token, { key = key, algorithms = { algorithm } })
        assert.same({ sub = "ann" }, claims)
        assert.equal(algorithm, header.alg)
      end
      blames("a public key can't sign", function() sign({}, { key = public }) end)
      assert.is_nil(verify(token, { key = (select(2, pems(arguments))) }))
    end
  end)

  it("may be in the older forms", function()
    certs.openssl "ecparam -name prime256v1 -genkey -out old.key"
    assert.truthy(certs.read("old.key"):find "BEGIN EC PARAMETERS.*BEGIN EC PRIVATE KEY")
    assert.is_string(sign({}, { key = certs.read "old.key" }))
    certs.openssl "genrsa -traditional -out old.key 2048"
    assert.truthy(certs.read("old.key"):find "BEGIN RSA PRIVATE KEY")
    local token = sign({}, { key = certs.read "old.key" })
    certs.openssl "rsa -in old.key -RSAPublicKey_out -out old.pub"
    assert.truthy(certs.read("old.pub"):find "BEGIN RSA PUBLIC KEY")
    assert.is_table(verify(token, { key = certs.read "old.pub" }))
  end)

  it("is refused where it is weak, of another kind, protected, broken, or a certificate", function()
    local function refuses(message, pem)
      blames("sse.jwt.verify: option 'key': " .. message, function() verify("", { key = pem }) end)
    end
    local private, public = pems "-algorithm RSA -pkeyopt rsa_keygen_bits:1024"
    refuses("an RSA key needs at least 2048 bits", private)
    refuses("an RSA key needs at least 2048 bits", public)
    refuses("a key of an elliptic curve must be of P-256",
      (select(2, pems "-algorithm EC -pkeyopt ec_paramgen_curve:P-384")))
    for _, kind in ipairs { "X25519", "ED448", "RSA-PSS" } do
      refuses("expected a key of RSA, of the curve P-256, or of Ed25519",
        (select(2, pems("-algorithm " .. kind))))
    end
    certs.openssl "genpkey -algorithm ED25519 -aes256 -pass pass:x -out locked.key"
    refuses("the key is protected by a passphrase", certs.read "locked.key")
    certs.openssl "req -x509 -newkey ed25519 -nodes -subj /CN=a -keyout own.key -out own.pem"
    refuses("expected a key, got a certificate", certs.read "own.pem")
    local expected = "expected a key in PEM: BEGIN PUBLIC KEY or BEGIN PRIVATE KEY"
    refuses(expected, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    refuses(expected, "-----BEGIN PRIVATE KEY-----")
  end)
end)

describe("a secret", function()
  it("has 32 bytes at least, of any value", function()
    for _, secret in ipairs { ("\0"):rep(32), ("\xff"):rep(33), ("x"):rep(1 << 17) } do
      assert.same({}, (verify(sign({}, { key = secret }), { key = secret })))
    end
    for _, secret in ipairs { "", "secret", ("x"):rep(31) } do
      blames("a secret needs at least 32 bytes", function() sign({}, { key = secret }) end)
    end
  end)

  it("is no key that may be public", function()
    local _, pem = pems "-algorithm RSA"
    certs.openssl "pkey -pubin -in made.pub -outform DER -out made.der"
    local public = sse.json.encode(vectors.public(vectors.rs256.key))
    certs.openssl "req -x509 -key made.key -subj /CN=a -days 1 -out made.crt"
    for _, key in ipairs {
      (certs.read "made.crt":match "\n(.*\n)%-":gsub("\n", "")),
      pem, " " .. pem, certs.read "made.der", public, "ssh-ed25519 " .. ("A"):rep(68),
      pem:match "\n(.*\n)%-", (pem:match "\n(.*\n)%-":gsub("\n", "")),
      "ecdsa-sha2-nistp256 " .. ("A"):rep(68), "ssh-rsa " .. ("A"):rep(300),
    } do
      blames("expected a secret, got a key that may be public", function()
        sse.crypto.sign("x", key)
      end)
      blames("expected a secret, got a key that may be public", function()
        sign({}, { key = { kty = "oct", k = core.base64url(key) } })
      end)
    end
    for _, arguments in ipairs { "EC -pkeyopt ec_paramgen_curve:P-256", "ED25519" } do
      local _, other = pems("-algorithm " .. arguments)
      blames("expected a secret, got a key that may be public", function()
        sse.crypto.sign("x", (other:match "\n(.*\n)%-":gsub("\n", "")))
      end)
    end
  end)
end)

describe("a JSON Web Key", function()
  it("is refused where members are missing, wrong, weak, or do not fit", function()
    local rsa, ec, okp = vectors.rs256.key, vectors.es256.key, vectors.eddsa.key
    local zero, one = core.base64url(("\0"):rep(32)), core.base64url(("\1"):rep(32))
    local a_number = "a number of the JSON Web Key is not base64url, or too long"
    local p256 = "a JSON Web Key of the curve P-256 needs x and y, base64url of 32 bytes each"
    local fits = "the private part of the JSON Web Key does not fit the public one"
    for _, case in ipairs {
      { {}, "expected a JSON Web Key, with its kty" },
      { { kty = 1 }, "expected a JSON Web Key, with its kty" },
      { { kty = "DSA" }, "expected a JSON Web Key of the kty RSA, EC, OKP or oct" },
      { { kty = "oct" }, "a JSON Web Key of the kty oct needs k" },
      { { kty = "oct", k = "a b" }, "a JSON Web Key of the kty oct needs k" },
      { { kty = "oct", k = "AAAA" }, "a secret needs at least 32 bytes" },
      { copy(rsa, { n = "" }), "a JSON Web Key of the kty RSA needs n and e" },
      { copy(rsa, { e = "" }), "a JSON Web Key of the kty RSA needs n and e" },
      { copy(rsa, { e = "A=" }), a_number }, { copy(rsa, { n = ("A"):rep(2732) }), a_number },
      { copy(rsa, { oth = { {} } }), "an RSA key of more than two primes is not supported" },
      { { kty = "RSA", e = "AQAB", n = one }, "an RSA key needs at least 2048 bits" },
      { { kty = "RSA", e = "AQ", n = rsa.n }, "the exponent of an RSA key must be odd" },
      { { kty = "RSA", e = "Ag", n = rsa.n }, "the exponent of an RSA key must be odd" },
      { { kty = "RSA", e = one, n = rsa.n }, "the exponent of an RSA key must be odd" },
      { copy(ec, { crv = "" }), "expected a JSON Web Key of the kty RSA, EC, OKP or oct" },
      { copy(ec, { crv = "P-384" }), "expected a JSON Web Key of RSA, of the curve P-256" },
      { copy(ec, { kty = "OKP" }), "expected a JSON Web Key of RSA, of the curve P-256" },
      { copy(ec, { x = "" }), p256 }, { copy(ec, { y = ec.y .. "AA" }), p256 },
      { copy(ec, { y = ec.x }), "the members of the JSON Web Key are no key" },
      { copy(ec, { x = zero, y = zero }), "the members of the JSON Web Key are no key" },
      { copy(ec, { d = one }), fits }, { copy(okp, { d = one }), fits },
      { copy(okp, { d = "AA" }), "d of a JSON Web Key of Ed25519 must be base64url of 32 bytes" },
      { copy(okp, { x = "AA" }), "a JSON Web Key of Ed25519 needs x, base64url of 32 bytes" },
      { copy(okp, { crv = "X25519" }), "expected a JSON Web Key of RSA, of the curve P-256" },
      { copy(rsa, { use = "enc" }), "it is not for signatures, by its use" },
      { copy(rsa, { alg = "RS512" }), "its alg is not that of such a key" },
      { copy(rsa, { key_ops = { "sign" } }), "its key_ops do not have verify" },
      { copy(rsa, { key_ops = "verify" }), "its key_ops do not have verify" },
    } do
      blames("sse.jwt.verify: option 'key': " .. case[2],
        function() verify("", { key = case[1] }) end)
    end
  end)

  it("may say what it is for, and may lack what makes RSA fast", function()
    local rsa = copy(vectors.rs256.key, {
      p = "", q = "", dp = "", dq = "", qi = "", use = "sig", alg = "RS256",
      key_ops = { "sign", "verify" },
    })
    assert.same({ a = 1 }, (verify(sign({ a = 1 }, { key = rsa }), { key = rsa })))
  end)

  it("with a kid verifies no token of another kid", function()
    local key = { kty = "oct", k = core.base64url(SECRET), kid = "a" }
    assert.is_table(verify(sign({}, { key = key }), { key = key }))
    assert.is_table(verify(sign({}, { key = SECRET }), { key = key }))
    assert.same({ nil, "the key has another kid", "EACCES" },
      { verify(sign({}, { key = SECRET, kid = "b" }), { key = key }) })
  end)

  it("that is changed counts as it is", function()
    local key = { kty = "oct", k = core.base64url(SECRET) }
    local token = sign({}, { key = key })
    key.k = core.base64url(SECRET .. "x")
    assert.is_nil(verify(token, { key = key }))
    assert.is_table(verify(sign({}, { key = key }), { key = SECRET .. "x" }))
  end)
end)

describe("several keys", function()
  local function named(key, kid) return copy(key, { kid = kid }) end

  it("are told apart by kid, and by the algorithm", function()
    local rsa, ec, okp = vectors.rs256.key, vectors.es256.key, vectors.eddsa.key
    local set = {
      keys = {
        named(vectors.public(rsa), "one"), named(vectors.public(ec), "two"),
        named(vectors.public(okp), "one"), { kty = "EC", crv = "P-521", kid = "one" }, "junk", {},
        copy(named(vectors.public(ec), "one"), { use = "enc" }),
      },
    }
    for _, case in ipairs { { rsa, "one" }, { ec, "two" }, { okp, "one" }, { rsa }, { okp } } do
      local token = sign({ sub = "ann" }, { key = case[1], kid = case[2] })
      assert.same({ sub = "ann" }, (verify(token, { keys = set })))
    end
    for _, case in ipairs { { rsa, "two" }, { ec, "one" }, { ec, "three" }, { SECRET, "one" } } do
      assert.same({ nil, "no key has the token's kid and alg", "EACCES" },
        { verify(sign({}, { key = case[1], kid = case[2] }), { keys = set }) })
    end
    assert.same({ nil, "the token has no kid, and no key has its alg", "EACCES" },
      { verify(sign({}, { key = SECRET }), { keys = set }) })
    assert.same({ nil, "the key's algorithm is not allowed", "EACCES" },
      { verify(sign({}, { key = rsa }), { keys = set, algorithms = { "EdDSA" } }) })
    table.insert(set.keys, named(vectors.public(rsa), "four"))
    assert.same({ nil, "several keys fit the token, which its kid does not tell apart", "EACCES" },
      { verify(sign({}, { key = rsa }), { keys = set }) })
    assert.is_nil(verify(sign({}, { key = rsa }), { keys = { keys = {} } }))
  end)

  it("may be secrets and PEMs by their kid", function()
    local private, public = pems "-algorithm ED25519"
    local keys = { old = SECRET, new = SECRET .. "new", ed = public, keys = SECRET .. "keys" }
    local allowed = { keys = keys, algorithms = { "EdDSA", "HS256" } }
    for _, case in ipairs {
      { SECRET, "old" }, { SECRET .. "new", "new" }, { private, "ed" },
      { SECRET .. "keys", "keys" },
    } do
      assert.is_table(verify(sign({}, { key = case[1], kid = case[2] }), allowed))
    end
    for message, given in pairs {
      ["the token has no kid"] = { key = SECRET },
      ["no key has the token's kid"] = { key = SECRET, kid = "older" },
      ["the signature is not that of the key"] = { key = SECRET, kid = "new" },
      ["the token's alg is not that of the key"] = { key = SECRET, kid = "ed" },
    } do
      assert.same({ nil, message, "EACCES" }, { verify(sign({}, given), allowed) })
    end
    keys.bad = "short"
    blames("option 'keys': \"bad\": a secret needs at least 32 bytes", function()
      verify(sign({}, { key = SECRET, kid = "bad" }), allowed)
    end)
  end)

  it("are no secrets where HS256 is not asked for: they may be strings of any document", function()
    local text = "The requested resource could not be found on this server"
    for _, given in ipairs { {}, { algorithms = { "RS256" } } } do
      given.keys = { error = "not found", message = text }
      local token = sign({ sub = "root" }, { key = text, kid = "message" })
      blames("option 'keys': \"message\": it is no PEM; a secret among 'keys' counts where",
        function() verify(token, given) end)
    end
  end)

  it("are not one JSON Web Key, whose public members are strings", function()
    local jwk = vectors.public(vectors.rs256.key)
    local token = sign({ sub = "root" }, { key = jwk.n, kid = "n" })
    blames("option 'keys' is a single JSON Web Key: give it as 'key'", function()
      verify(token, { keys = jwk, algorithms = { "RS256", "HS256" } })
    end)
  end)

  it("are not found in what a table inherits", function()
    local keys = setmetatable({}, { __index = function() return SECRET end })
    assert.is_nil(verify(sign({}, { key = SECRET, kid = "x" }), { keys = keys }))
  end)

  it("can be more than are kept", function()
    for i = 1, 200 do
      local secret = ("%032d"):format(i)
      assert.is_table(verify(sign({}, { key = secret }), { key = secret }))
    end
  end)
end)
