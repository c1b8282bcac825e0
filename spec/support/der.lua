--- Certificates that the openssl program does not make: written byte by byte in DER (X.690, RFC
-- 5280), and signed by an authority of spec.support.certs.
local certs = require "spec.support.certs"

local der = {}

-- A value with its tag and length before it.
local function wrap(tag, content)
  local len = #content
  if len < 128 then return string.char(tag, len) .. content end
  local bytes = ""
  while len > 0 do
    bytes = string.char(len & 255) .. bytes
    len = len >> 8
  end
  return string.char(tag, 128 + #bytes) .. bytes .. content
end

local function sequence(...) return wrap(0x30, table.concat { ... }) end

local OIDS = { CN = "\6\3\x55\4\3", O = "\6\3\x55\4\x0a" }
local ECDSA_SHA256 = sequence "\6\8\x2a\x86\x48\xce\x3d\4\3\2"

--- The tags of strings.
der.UTF8, der.BMP, der.T61 = 0x0c, 0x1e, 0x14

-- A name of a list of { type, value, tag }; the tag is UTF8 by default.
local function name_of(parts)
  local sets = {}
  for i, part in ipairs(parts) do
    sets[i] = wrap(0x31, sequence(OIDS[part[1]], wrap(part[3] or der.UTF8, part[2])))
  end
  return sequence(table.unpack(sets))
end

local function generalized(text) return wrap(0x18, text) end

-- The public key of NAME.key, as a certificate holds it.
local function public_key(name)
  certs.openssl("pkey -in %s.key -pubout -outform DER -out %s.pub", name, name)
  return certs.read(name .. ".pub")
end

local function pem(bytes)
  local path = certs.write("raw.der", bytes)
  certs.openssl("x509 -inform DER -in %s -out raw.pem", path)
  return certs.read "raw.pem"
end

--- Makes NAME.pem and NAME.key, signed by an authority.
-- @tparam string name
-- @tparam string by the authority
-- @tparam table fields `subject`, a list of { "CN" or "O", value, tag }; `serial`, the bytes of the
-- number; `not_after`, "20991231235959Z"
function der.sign(name, by, fields)
  certs.openssl("ecparam -name prime256v1 -genkey -noout -out %s.key", name)
  local body = sequence(
    "\xa0\3\2\1\2", -- version 3
    wrap(2, fields.serial or "\1"), ECDSA_SHA256, name_of { { "CN", by } },
    sequence(generalized "20200101000000Z", generalized(fields.not_after or "20991231235959Z")),
    name_of(fields.subject or { { "CN", name } }), public_key(name))
  certs.write("body.der", body)
  certs.openssl("dgst -sha256 -sign %s.key -out signature.der body.der", by)
  local signature = wrap(3, "\0" .. certs.read "signature.der")
  certs.write(name .. ".pem", pem(sequence(body, ECDSA_SHA256, signature)))
end

return der
