--- Keys for signatures: what a program has (a PEM, a secret, a JSON Web Key) becomes a key of the
-- core's. The keys used last are kept, since reading one takes longer than verifying with it.
-- @module sse.shared.signing_keys
local core = require "sse.core"

local signing_keys = {}

local MAX_KEPT = 64
local kept, count = {}, 0 -- text -> key

-- Returns the key that is kept by that text, or what make(what) returns.
local function remember(text, make, what)
  local key = kept[text]
  if key then return key end
  local message, code
  key, message, code = make(what)
  if not key then return nil, message, code end
  if count == MAX_KEPT then kept, count = {}, 0 end
  kept[text], count = key, count + 1
  return key
end

local function of_text(text)
  if core.is_pem(text) then return core.key_of_pem(text) end
  return core.key_of_secret(text)
end

-- The members of a JSON Web Key on which the core's key depends.
local MEMBERS = { "kty", "crv", "k", "n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y" }

-- A text that only JSON Web Keys of the same members have.
local function text_of_jwk(jwk)
  local parts = {}
  for i, name in ipairs(MEMBERS) do
    local value = rawget(jwk, name)
    parts[i] = type(value) == "string" and value or ""
  end
  return "jwk\0" .. table.concat(parts, "\0")
end

-- Whether a JSON Web Key says that it is for something else (RFC 7517 sections 4.2 to 4.4).
local function is_for_else(jwk, key, operation)
  local use, list, alg = jwk.use, jwk.key_ops, jwk.alg
  if use ~= nil and use ~= "sig" then return "it is not for signatures, by its use" end
  if alg ~= nil and alg ~= key.algorithm then return "its alg is not that of such a key" end
  if list == nil then return nil end
  if type(list) == "table" then
    for _, name in ipairs(list) do
      if name == operation then return nil end
    end
  end
  return ("its key_ops do not have %s"):format(operation)
end

local function of_jwk(jwk, operation)
  if rawget(jwk, "oth") ~= nil then
    return nil, "an RSA key of more than two primes is not supported", "EINVAL"
  end
  local key, message, code = remember(text_of_jwk(jwk), core.key_of_jwk, jwk)
  if not key then return nil, message, code end
  local why = is_for_else(jwk, key, operation)
  if why then return nil, why, "EINVAL" end
  return key
end

--- Makes a key of a PEM or a secret, or of a JSON Web Key.
-- @tparam string|table given
-- @tparam string operation "sign" or "verify"
-- @return the core's key: `algorithm`, `can_sign`; or nil, message, code
function signing_keys.new(given, operation)
  if type(given) == "table" then return of_jwk(given, operation) end
  return remember("text\0" .. given, of_text, given)
end

--- Makes a key of a secret; a PEM is refused.
-- @tparam string secret
-- @return as of `new`
function signing_keys.of_secret(secret)
  return remember("secret\0" .. secret, core.key_of_secret, secret)
end

-- The one key of a JWK Set (RFC 7517 section 5) for an algorithm, and for a kid if there is one.
-- Entries that can't be used here are passed over.
local function find_in_set(list, algorithm, kid)
  local found
  for _, jwk in ipairs(list) do
    local is_named = type(jwk) == "table" and (kid == nil or jwk.kid == kid)
    local key = is_named and signing_keys.new(jwk, "verify")
    if key and key.algorithm == algorithm then
      if found then return nil, "several keys fit the token, which its kid does not tell apart" end
      found = key
    end
  end
  if found then return found end
  return nil, kid and "no key has the token's kid and alg"
    or "the token has no kid, and no key has its alg"
end

-- What is wrong with a key among keys by their kid, or nil. A token's kid may choose any string of
-- the table, also a public one, where the table is another document than the program takes it for,
-- such as a server's answer to a failed request. So a program has to ask for secrets.
local function problem_of(given, allows_secrets)
  if type(given) == "string" and not allows_secrets and not core.is_pem(given) then
    return "it is no PEM; a secret among 'keys' counts where 'algorithms' has HS256"
  end
end

--- Finds the key for a token. The token's header only chooses among the keys.
-- @tparam table keys a JWK Set (`{ keys = { jwk, ... } }`), or keys by their kid
-- @tparam string algorithm what the token's header says
-- @tparam string|nil kid the same
-- @tparam boolean allows_secrets whether strings among keys by their kid may be secrets
-- @return the core's key; or nil and a message; or nil, a message and true if the program's key is
-- at fault
function signing_keys.find(keys, algorithm, kid, allows_secrets)
  local list = rawget(keys, "keys")
  if type(list) == "table" and rawget(list, "kty") == nil then
    return find_in_set(list, algorithm, kid)
  end
  if kid == nil then return nil, "the token has no kid" end
  local given = rawget(keys, kid)
  if type(given) ~= "string" and type(given) ~= "table" then
    return nil, "no key has the token's kid"
  end
  local key, message = nil, problem_of(given, allows_secrets)
  if not message then key, message = signing_keys.new(given, "verify") end
  if not key then return nil, ("%q: %s"):format(kid, message), true end
  return key
end

return signing_keys
