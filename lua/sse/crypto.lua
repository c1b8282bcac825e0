--- Randomness, and values that a client keeps and cannot change: signed cookies and links.
-- @module sse.crypto
require "sse.shared.lua_version"

local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local password = require "sse.shared.password"
local signing_keys = require "sse.shared.signing_keys"

local crypto = hints.close_fields({}, "sse.crypto", "sse.crypto")

local ARGUMENTS = pages.at "arguments"
local MAX_RANDOM = 1024
local count_rule = options.integer(1, MAX_RANDOM)

local function check_random(where, count)
  if not count_rule.check(count) then
    local message = "%s: expected %s, got %s%s"
    local shown = options.show(count)
    error(message:format(where, count_rule.expected, shown, ARGUMENTS), options.caller_level())
  end
  return core.random(math.tointeger(count))
end

--- Returns bytes that nobody can guess, from the system's random source.
-- @function sse.crypto.random
-- @tparam int count 1 to 1024
-- @treturn string that many bytes, of any value
function crypto.random(count, ...)
  options.check_count("sse.crypto.random(bytes)", ...)
  return check_random("sse.crypto.random", count)
end

--- Returns a text that nobody can guess, of letters, digits, "-" and "_": for session ids, links,
-- secrets.
-- @function sse.crypto.token
-- @tparam[opt=32] int count of random bytes, 1 to 1024, which become 4/3 as many characters
-- @treturn string
function crypto.token(count, ...)
  options.check_count("sse.crypto.token(bytes)", ...)
  return core.base64url(check_random("sse.crypto.token", count or 32))
end

local purpose = options.text

local sign_options = options.spec("sse.crypto.sign", {
  expires = options.number(0, 2 ^ 53, "seconds"), purpose = purpose,
})
local unsign_options = options.spec("sse.crypto.unsign", { purpose = purpose })

-- The key of a secret; raises at the line of the program.
local function key_of(where, secret)
  if type(secret) ~= "string" then
    local message = "%s: expected a secret, a string, got %s%s"
    error(message:format(where, type(secret), ARGUMENTS), options.caller_level())
  end
  local key, message = signing_keys.of_secret(secret)
  if not key then
    error(("%s: %s%s"):format(where, message, ARGUMENTS), options.caller_level())
  end
  return key
end

-- What is signed: a label, so that no signature of a token (sse.jwt) by the same secret fits; the
-- purpose, so that no value signed for something else fits; and what the signed text has.
local function signed_part(given, body)
  return ("sse.crypto.sign\0%s\0%s"):format(given.purpose or "", body)
end

--- Signs a value, so that a client can keep it and not change it. The client can read it. The text
-- has letters, digits, "-", "_" and ".": it fits into a cookie and into a URL.
-- @function sse.crypto.sign
-- @tparam string value any bytes
-- @tparam string secret at least 32 bytes, as `sse.crypto.token()` gives them; or a list of
-- secrets, of which the first signs
-- @tparam[opt] table given `expires`, a point in time in seconds, as of `os.time()`; `purpose`, a
-- name: `unsign` takes only values that were signed for the same
-- @treturn string
-- @usage
-- local given = { expires = os.time() + 3600, purpose = "reset" }
-- local link = "https://example.com/reset?" .. sse.crypto.sign(user, secret, given)
function crypto.sign(value, secret, given, ...)
  options.check_count("sse.crypto.sign(value, secret, options)", ...)
  given = options.check("sse.crypto.sign", given, sign_options)
  if type(value) ~= "string" then
    error(("sse.crypto.sign: expected a string, got %s%s"):format(type(value), ARGUMENTS), 2)
  end
  if type(secret) == "table" then secret = secret[1] end
  local key = key_of("sse.crypto.sign", secret)
  local expires = given.expires and ("%d"):format(math.floor(given.expires)) or ""
  local body = core.base64url(value) .. "." .. expires
  return body .. "." .. core.base64url(core.signature(key, signed_part(given, body)))
end

-- The keys of a secret, or of a list of secrets.
local function keys_of(secrets)
  local keys = {}
  for i, secret in ipairs(type(secrets) == "table" and secrets or { secrets }) do
    keys[i] = key_of("sse.crypto.unsign", secret)
  end
  if #keys == 0 then error("sse.crypto.unsign: expected a secret, got none" .. ARGUMENTS, 3) end
  return keys
end

-- Whether one of the keys has signed the body. Each comparison takes the same time, wherever the
-- signatures differ.
local function is_signed(body, mac, keys, given)
  local part, found = signed_part(given, body), false
  for _, key in ipairs(keys) do found = core.is_signature(key, part, mac) or found end
  return found
end

--- Gives back the value of a signed text, unless it was changed or has expired.
-- @function sse.crypto.unsign
-- @tparam string|nil text
-- @tparam string secret as of `sign`; of a list each secret counts, so that the first can be
-- replaced while values by the one before are about
-- @tparam[opt] table given `purpose`, as of `sign`
-- @treturn string the value; or nil, message, code: "EINVAL", it is no signed text; "EACCES", it
-- was signed otherwise, or changed; "EEXPIRED"
function crypto.unsign(text, secret, given, ...)
  options.check_count("sse.crypto.unsign(text, secret, options)", ...)
  given = options.check("sse.crypto.unsign", given, unsign_options)
  local keys = keys_of(secret)
  if text == nil then return nil, "there is no signed text", "EINVAL" end
  if type(text) ~= "string" then
    local message = "sse.crypto.unsign: expected a signed text, got %s%s"
    error(message:format(type(text), ARGUMENTS), 2)
  end
  local body, value, expires, mac = text:match "^(([%w_-]*)%.(%d*))%.([%w_-]*)$"
  local bytes, decoded = mac and core.base64url_decode(mac), value and core.base64url_decode(value)
  if not (bytes and decoded) then return nil, "it is no signed text", "EINVAL" end
  if not is_signed(body, bytes, keys, given) then
    return nil, "the signature is not by the secret, for that purpose", "EACCES"
  elseif expires ~= "" and os.time() >= tonumber(expires) then
    return nil, "the signed text has expired", "EEXPIRED"
  end
  return decoded
end

local function check_text(where, what, value)
  if type(value) == "string" then return end
  local message = "%s: expected %s, got %s%s"
  error(message:format(where, what, type(value), ARGUMENTS), options.caller_level())
end

--- Hashes a password, so that it need not be kept: by scrypt, with a new salt each time. Takes a
-- quarter of a second, in a thread, while the loop goes on; one hash is made at a time. Waits: in a
-- task by yielding, outside of one by pumping the loop.
-- @function sse.crypto.hash_password
-- @tparam string text
-- @treturn string "$scrypt$...", for `check_password`; or nil, message, code: "EFULL" where 64
-- others wait already
function crypto.hash_password(text, ...)
  options.check_count("sse.crypto.hash_password(password)", ...)
  check_text("sse.crypto.hash_password", "a password", text)
  return password.hash("sse.crypto.hash_password", text)
end

--- Says whether a password is that of a hash. Takes as long as `hash_password`, and waits as it.
-- @function sse.crypto.check_password
-- @tparam string text
-- @tparam string hash as `hash_password` gave it, or another library in the same form
-- @treturn boolean; or nil, message, code: "EINVAL", it is no hash; "EFULL"
function crypto.check_password(text, hash, ...)
  options.check_count("sse.crypto.check_password(password, hash)", ...)
  check_text("sse.crypto.check_password", "a password", text)
  check_text("sse.crypto.check_password", "a hash", hash)
  return password.check("sse.crypto.check_password", text, hash)
end

return crypto
