-- The errors for a `tls` option that can't be used.
local certs = require "spec.support.certs"
local sse = require "sse"

describe("server tls option", function()
  setup(function()
    certs.server()
    certs.sign("other", "DNS:other.example")
    certs.write("junk.pem", "no certificate\n")
    certs.openssl("ec -in good.key -aes128 -passout pass:x -out locked.key")
  end)

  local good = certs.path "good.pem"
  local cut = good .. "\0.old" -- C would read only up to the NUL: the good path
  for name, case in pairs {
    ["a certificate with NUL"] = { { cert = cut, key = certs.path "good.key" },
      "option 'cert' must be a string without NUL" },
    ["a key with NUL"] = { { cert = good, key = certs.path "good.key" .. "\0" },
      "option 'key' must be a string without NUL" },
    ["a chain with NUL"] = { { chain = cut }, "option 'chain' must be a string without NUL" },
    ["authorities with NUL"] = { { client_ca = cut },
      "option 'client_ca' must be a string without NUL" },
    ["a name's certificate with NUL"] = { { names = { ["b.example"] = { cert = cut } } },
      'tls.names["b.example"]: option \'cert\' must be a string without NUL' },
    ["no certificate"] = { { key = "x" }, "tls needs 'cert'" },
    ["a certificate that isn't there"] = { { cert = "/nowhere/c.pem" },
      "tls.cert: cannot read '/nowhere/c.pem': No such file or directory" },
    ["a certificate that is none"] = { { cert = certs.path "junk.pem" },
      "tls.cert: no certificate that can be used in '" .. certs.path "junk.pem" .. "'" },
    ["a key that isn't there"] = { { cert = good, key = "/nowhere/k.pem" },
      "tls.key: cannot read '/nowhere/k.pem'" },
    ["no key in the certificate's file"] = { { cert = good }, "holds no key of the certificate" },
    ["another's key"] = { { cert = good, key = certs.path "other.key" }, "mismatch" },
    ["a key under a passphrase"] = { { cert = good, key = certs.path "locked.key" },
      "protected by a passphrase" },
    ["a chain that is none"] = { { chain = certs.path "junk.pem" }, "tls.chain: no certificates" },
    ["a version"] = { { min_version = "1.1" },
      "tls.min_version: expected \"1.2\" or \"1.3\", got '1.1'" },
    ["a version that is no string"] = { { min_version = 1.2 }, "'min_version' must be string" },
    ["ciphers"] = { { ciphers = "NONSENSE" }, "tls.ciphers: 'NONSENSE': no cipher match" },
    ["suites"] = { { ciphers = "TLS_NONSENSE" }, "tls.ciphers: 'TLS_NONSENSE'" },
    ["an empty list of ciphers"] = { { ciphers = ":" }, "tls.ciphers: the list is empty" },
    ["authorities"] = { { client_ca = certs.path "junk.pem" }, "tls.client_ca: no certificates" },
    ["a misspelled field"] = { { cart = "x" }, "did you mean 'cert'?" },
    ["a name"] = { { names = { ["b example"] = {} } }, "expected 'b.example' or '*.b.example'" },
    ["a name's certificate"] = { { names = { ["b.example"] = { cert = "/nowhere/c.pem" } } },
      'tls.names["b.example"].cert: cannot read' },
    ["a name without certificate"] = { { names = { ["b.example"] = {} } },
      'tls.names["b.example"] needs \'cert\'' },
  } do
    it("raises on " .. name .. " that can't be used", function()
      local tls = case[1]
      if not tls.cert and not tls.key then tls = certs.server(tls) end
      local ok, err = pcall(function() sse.server { tls = tls } end)
      assert.is_false(ok)
      assert.truthy(err:find(case[2], 1, true), err)
      assert.truthy(err:find("^spec/server/tls_option_spec.lua:%d+: sse.server: "), err)
    end)
  end
end)
