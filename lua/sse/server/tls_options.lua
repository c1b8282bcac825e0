--- The option `tls` of `sse.server` and `server:listen`: checks it and makes of it the table that
-- the core takes.
-- @module sse.server.tls_options
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"

local tls_options = {}

-- The rules of one certificate; the values are paths of PEM files.
local identity_spec = options.spec("sse.server: tls.names", {
  cert = options.text, key = options.text, chain = options.text,
})

local spec = options.spec("sse.server: tls", {
  cert = options.text, key = options.text, chain = options.text,
  names = "table",
  min_version = "string",
  ciphers = options.text,
  client_ca = options.text,
})

-- Whether a value is a host name, or one whose first label is "*".
local function is_host(name)
  if type(name) ~= "string" then return false end
  local rest = name:gsub("^%*%.", "")
  return rest:find "^[%w_-]+[%w._-]*$" ~= nil and not rest:find("..", 1, true)
end

-- `where` is the function's name for messages.
local function to_identity(where, given, label, name, level)
  if not given.cert then
    error(("%s: %s needs 'cert', the path of a certificate"):format(where, label), level)
  end
  return { label = label, name = name, cert = given.cert, key = given.key, chain = given.chain }
end

-- Adds the identities of `names`, sorted by name, so that the first error is the same in every run.
local function add_names(where, list, names, level)
  local sorted = {}
  for name in pairs(names) do
    if not is_host(name) then
      local message = "%s: tls.names: expected 'b.example' or '*.b.example', got %s"
      error(message:format(where, options.show(name)), level)
    end
    sorted[#sorted + 1] = name
  end
  table.sort(sorted)
  for _, name in ipairs(sorted) do
    local label = ("tls.names[%q]"):format(name)
    local given = options.check(where .. ": " .. label, names[name], identity_spec, level + 1)
    list[#list + 1] = to_identity(where, given, label, name:lower(), level + 1)
  end
end

--- The page of an error of the core's about certificates or another option; "" of another error.
-- @tparam string message
-- @treturn string
function tls_options.page(message)
  if message:find "^option '" then return pages.at "options" end
  return message:find "^tls%." and pages.at "ecert" or ""
end

--- Checks the option; raises if it is wrong. The files are not read here.
-- @tparam table given `cert`, `key`, `chain`, `names`, `min_version`, `ciphers`, `client_ca`
-- @tparam string where the function's name for messages: "sse.server"
-- @tparam int level as of `error`, seen from this function
-- @treturn table for the core: a list `identities`, `min_version`, `ciphers`, `client_ca`
function tls_options.check(given, where, level)
  options.check(where .. ": tls", given, spec, level + 1)
  local list = { to_identity(where, given, "tls", nil, level + 1) }
  add_names(where, list, given.names or {}, level + 1)
  return {
    identities = list,
    min_version = given.min_version, ciphers = given.ciphers, client_ca = given.client_ca,
  }
end

return tls_options
