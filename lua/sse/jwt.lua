--- JSON Web Tokens (RFC 7519), signed by HS256, RS256, ES256 or EdDSA. The key decides by which of
-- them, never the token.
-- @module sse.jwt
require "sse.shared.lua_version"

local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local signing_keys = require "sse.shared.signing_keys"

local jwt = hints.close_fields({}, "sse.jwt", "sse.jwt")

-- The rule for a key. Its value is never shown: it may be a secret.
local key_rule = {
  expected = "a PEM, a secret, or a JSON Web Key",
  check = function(v) return type(v) == "string" or type(v) == "table" end,
  show = type,
}

local function is_list_of(value, check)
  if type(value) ~= "table" or #value == 0 then return false end
  for _, one in ipairs(value) do
    if not check(one) then return false end
  end
  return true
end

local function is_text(value) return type(value) == "string" end

local algorithm = options.one_of("HS256", "RS256", "ES256", "EdDSA")

local verify_options = options.spec("sse.jwt.verify", {
  key = key_rule,
  keys = {
    expected = "a JWK Set, or keys by their kid",
    check = function(v) return type(v) == "table" and rawget(v, 1) == nil end,
    show = type,
  },
  algorithms = {
    expected = "a list of " .. algorithm.expected,
    check = function(v) return is_list_of(v, algorithm.check) end,
  },
  audience = {
    expected = "a string, a list of strings, or false",
    check = function(v) return v == false or is_text(v) or is_list_of(v, is_text) end,
  },
  issuer = {
    expected = "a string or a list of strings",
    check = function(v) return is_text(v) or is_list_of(v, is_text) end,
  },
  leeway = options.ms(),
  now = options.number(0, nil, "seconds"),
})

local sign_options = options.spec("sse.jwt.sign", {
  key = key_rule, kid = "string", typ = "string",
})

local ARGUMENTS, OPTIONS = pages.at "arguments", pages.at "options"

-- Raises at the line of the program, with the page of the mistake.
local function misuse(where, message, page)
  error(("%s: %s%s"):format(where, message, page or OPTIONS), options.caller_level())
end

-- The key that the option `key` is.
local function key_of(where, given, operation)
  if given == nil then misuse(where, "a key is missing: { key = ... }") end
  local key, message = signing_keys.new(given, operation)
  if not key then misuse(where, "option 'key': " .. message) end
  return key
end

-- Whether a value, or one of a list, is in what is expected: a value or a list.
local function meets(value, expected)
  if type(value) == "table" then
    for _, one in ipairs(value) do
      if meets(one, expected) then return true end
    end
    return false
  elseif type(expected) == "table" then
    return meets(expected, value)
  end
  return value == expected
end

local where = "sse.jwt.verify"

-- The key that the options have, or nil where they have several. What is wrong with a key is the
-- program's mistake, so the key is looked at before the token.
local function single_key(given)
  if given.keys and given.key then misuse(where, "give either 'key' or 'keys'") end
  if given.keys and rawget(given.keys, "kty") ~= nil then
    misuse(where, "option 'keys' is a single JSON Web Key: give it as 'key'")
  end
  if given.keys then return nil end
  if not given.key then misuse(where, "give 'key' or 'keys'") end
  local key, allowed = key_of(where, given.key, "verify"), given.algorithms
  if allowed and not meets(key.algorithm, allowed) then
    misuse(where, ("'algorithms' do not have that of the key, %s"):format(key.algorithm))
  end
  return key
end

-- The key for a token; or nil, message, code.
local function find_key(given, single, alg, kid)
  if single then
    local own = type(given.key) == "table" and given.key.kid
    if own and kid and own ~= kid then return nil, "the key has another kid", "EACCES" end
    return single
  end
  local allows_secrets = given.algorithms ~= nil and meets("HS256", given.algorithms)
  local key, message, is_misuse = signing_keys.find(given.keys, alg, kid, allows_secrets)
  if is_misuse then misuse(where, "option 'keys': " .. message) end
  if not key then return nil, message, "EACCES" end
  if given.algorithms and not meets(key.algorithm, given.algorithms) then
    return nil, "the key's algorithm is not allowed", "EACCES"
  end
  return key
end

-- Returns nothing where the claims hold; else a message and a code.
local function fault_of(claims, given)
  local now, leeway = given.now or os.time(), (given.leeway or 0) / 1000
  local issuer, audience, aud = given.issuer, given.audience, claims.aud
  if claims.exp and now >= claims.exp + leeway then return "the token has expired", "EEXPIRED" end
  if claims.nbf and now < claims.nbf - leeway then return "the token is not valid yet", "EACCES" end
  if issuer and not meets(claims.iss, issuer) then
    return "the token is of another issuer", "EACCES"
  end
  if audience == false then return nil end
  if audience == nil then
    if aud == nil then return nil end
    return "the token is for an audience, and 'audience' names none", "EACCES"
  elseif not meets(aud, audience) then
    return "the token is for another audience", "EACCES"
  end
end

--- Verifies a token, and its claims `exp`, `nbf`, `iss` and `aud`. Raises where the options are
-- wrong, also where the key is none: a program's own mistake. The token may be anything.
-- @function sse.jwt.verify
-- @tparam string|nil token
-- @tparam table given `key`: a public or private key in PEM, a secret of 32 bytes or more, or a
-- JSON Web Key (a table); or `keys`: a JWK Set (`{ keys = { ... } }`, as `res:json()` gives it), or
-- keys by their kid, PEMs and JSON Web Keys, and secrets if `algorithms` has HS256. `algorithms`, a
-- list of those that are allowed, by default what the key is for; `audience` and `issuer`, a string
-- or a list of strings, one of which the token must have (`audience = false`: whatever it has; by
-- default it may have none); `leeway` (0), milliseconds that `exp` and `nbf` may be off; `now`,
-- instead of `os.time()`
-- @treturn table claims, without those that are null; and the header, another table. Or nil,
-- message, code: "EINVAL", it is no token; "ETOOBIG", it has more than 64 KiB; "EACCES", the
-- signature or a claim does not hold; "EEXPIRED"
function jwt.verify(token, given, ...)
  options.check_count("sse.jwt.verify(token, options)", ...)
  given = options.check("sse.jwt.verify", given, verify_options)
  local single = single_key(given)
  if token == nil then return nil, "there is no token", "EINVAL" end
  if type(token) ~= "string" then
    error(("sse.jwt.verify: expected a token, got %s%s"):format(type(token), ARGUMENTS), 2)
  end
  local header, alg, kid = core.token_header(token)
  if not header then return nil, alg, kid end
  local key, message, code = find_key(given, single, alg, kid)
  if not key then return nil, message, code end
  local payload
  payload, message, code = core.token_payload(token, key)
  if not payload then return nil, message, code end
  local ok
  ok, message, code = core.check_claims(payload)
  if not ok then return nil, "claims: " .. message, code end
  local claims = core.json_decode(payload)
  message, code = fault_of(claims, given)
  if message then return nil, message, code end
  return claims, (core.json_decode(header))
end

--- Signs claims. Raises where the options or the claims are wrong.
-- @function sse.jwt.sign
-- @tparam table claims whatever JSON has; `exp` and `nbf` in seconds, as of `os.time()`
-- @tparam table given `key`, as of `verify`, but no public one; `kid` for the header, by default
-- that of a JSON Web Key; `typ` ("JWT")
-- @treturn string the token
-- @usage local token = sse.jwt.sign({ sub = "ann", exp = os.time() + 3600 }, { key = secret })
function jwt.sign(claims, given, ...)
  options.check_count("sse.jwt.sign(claims, options)", ...)
  given = options.check("sse.jwt.sign", given, sign_options)
  if type(claims) ~= "table" then
    local message = "sse.jwt.sign: expected a table of claims, got %s%s"
    error(message:format(type(claims), ARGUMENTS), 2)
  end
  local key = key_of("sse.jwt.sign", given.key, "sign")
  if not key.can_sign then misuse("sse.jwt.sign", "option 'key': a public key can't sign") end
  local encoded, payload = pcall(core.json_encode, claims)
  if not encoded then misuse("sse.jwt.sign", payload, "") end -- it names its page itself
  local ok, message = core.check_claims(payload)
  if not ok then misuse("sse.jwt.sign", message, ARGUMENTS) end
  local header = {
    alg = key.algorithm, typ = given.typ or "JWT",
    kid = given.kid or type(given.key) == "table" and given.key.kid or nil,
  }
  return core.token(core.json_encode(header, { sort = true }), payload, key)
end

return jwt
