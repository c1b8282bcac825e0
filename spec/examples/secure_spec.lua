-- examples/secure.lua: its server and its client.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local examples = require "spec.support.examples"
local fetch = require "sse.fetch"
local json = require "sse.json"

describe("example secure", function()
  after_each(function()
    child.stop()
    examples.stop()
    os.remove(certs.path "localhost.pem")
    os.remove(certs.path "localhost.key")
  end)

  it("makes a certificate, and its client trusts it", function()
    local secure, url, log = examples.serve("secure", { interval = 5, folder = certs.path "" })
    local source = secure.client(url)
    log.till "client open TLSv1.3"
    local told = json.decode((log.till('{'):gsub("^client ", "")))
    assert.is_true(told.secure)
    assert.equal(1, told.handshakes)
    source:close()
  end)

  it("reads new files on SIGHUP, and its streams go on", function()
    local folder = certs.path ""
    local server = child.start("examples/secure.lua 0", "SECURE_FOLDER=" .. folder)
    local url = server:till "(https://[%d.:]+)/events"
    local function get(ca)
      return fetch(url .. "/events", { httpVersion = "1.1", tls = { ca = certs.path(ca) } })
    end
    local res = assert(get "localhost.pem")
    certs.server()
    certs.write("localhost.pem", certs.read "good.pem")
    server:kill "HUP"
    server:till "tls.key: '.*' holds no key of the certificate"
    certs.write("localhost.key", certs.read "good.key")
    server:kill "HUP"
    server:till "certificates read again"
    local events = 0
    for _ in res:events() do
      events = events + 1
      if events == 3 then break end
    end
    assert.equal(3, events)
    get("ca.pem"):close()
    server:kill "TERM"
    assert.equal(0, server:wait())
  end)
end)
