--- Certificates made with the openssl program, once a process, in a folder that is removed when the
-- process ends.
local lfs = require "lfs"

local certs = {}

local EC = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
local folder, made = nil, {}

local function remove(path)
  for name in lfs.dir(path) do
    if name ~= "." and name ~= ".." then os.remove(path .. "/" .. name) end
  end
  lfs.rmdir(path)
end

local function make_folder()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  -- Collected when the Lua state closes.
  certs.keeper = setmetatable({}, { __gc = function() remove(folder) end })
end

--- The path of a file in the folder.
function certs.path(name)
  if not folder then make_folder() end
  return folder .. "/" .. name
end

--- Writes a file into the folder and gives its path.
function certs.write(name, text)
  local file <close> = assert(io.open(certs.path(name), "wb"))
  file:write(text)
  return certs.path(name)
end

function certs.read(name)
  local file <close> = assert(io.open(certs.path(name), "rb"))
  return file:read "a"
end

--- Runs the openssl program in the folder.
function certs.openssl(...)
  local command = ("cd '%s' && openssl %s </dev/null >openssl.log 2>&1"):format(
    certs.path "" , string.format(...))
  if not os.execute(command) then error(certs.read "openssl.log", 2) end
end

--- An authority: NAME.pem, NAME.key.
function certs.authority(name)
  if made[name] then return end
  made[name] = true
  certs.openssl("req -x509 %s -days 2 -subj '/CN=%s' -keyout %s.key -out %s.pem", EC, name, name,
    name)
end

--- A certificate signed by an authority: NAME.pem, NAME.key. Each call makes a new one.
-- @tparam string name
-- @tparam string san "DNS:localhost,IP:127.0.0.1"
-- @tparam[opt] string by the authority, "ca"
-- @tparam[opt] string subject
function certs.sign(name, san, by, subject)
  by = by or "ca"
  certs.authority(by)
  certs.write(name .. ".ext", "subjectAltName=" .. san .. "\n")
  certs.openssl("req -utf8 %s -subj '%s' -keyout %s.key -out %s.csr", EC,
    subject or "/CN=" .. name, name, name)
  certs.openssl("x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -days 2 "
    .. "-extfile %s.ext -out %s.pem", name, by, by, name, name)
end

--- The `tls` option of a server with a certificate for this machine's own address.
-- @tparam[opt] table more further fields
function certs.server(more)
  if not made.good then
    made.good = true
    certs.sign("good", "DNS:localhost,IP:127.0.0.1")
  end
  local tls = { cert = certs.path "good.pem", key = certs.path "good.key" }
  for name, value in pairs(more or {}) do tls[name] = value end
  return tls
end

--- The `tls` option of a client that trusts that server.
function certs.client(more)
  certs.authority "ca"
  local tls = { ca = certs.path "ca.pem" }
  for name, value in pairs(more or {}) do tls[name] = value end
  return tls
end

return certs
