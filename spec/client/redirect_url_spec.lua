-- The URL that a Location leads to, by the web's rules, and what is not sent to another origin.
local certs = require "spec.support.certs"
local fixture = require "spec.support.fixture"
local new_server = require "sse.server"
local sse = require "sse"

local serve = fixture.serve

local function to(...)
  local fields = { ... }
  for i, location in ipairs(fields) do fields[i] = "Location: " .. location end
  return function(conn) conn:reply(302, "moved", table.unpack(fields)) end
end

-- Serves a redirect with these Location fields at "/a/b?q", and a response everywhere else.
local function leads(...)
  local move = to(...)
  return serve(function(conn, request)
    if request.target == "/a/b?q" then return move(conn) end
    conn:reply(200, request.target)
  end)
end

describe("a Location", function()
  after_each(fixture.finish)

  it("is relative by the web's rules", function()
    for location, expected in pairs {
      ["c"] = "/a/c", ["?x"] = "/a/b?x", ["?"] = "/a/b?", ["\\c\\d"] = "/c/d",
      ["http:c"] = "/a/c", ["http:/c"] = "/c", ["%2e%2e/c"] = "/c", ["c d"] = "/a/c%20d",
      ["/\t/127.0.0.1:1\\..\\/c"] = false, ["c\td"] = "/a/cd",
    } do
      local res, _, code = sse.fetch(leads(location):url "/a/b?q")
      if expected then assert.equal(expected, assert(res):text())
      else assert.equal("ECONNREFUSED", code) end
    end
  end)

  it("that is only a fragment keeps path and query", function()
    local server = serve(function(conn, request)
      assert.equal("/a/b?q", request.target)
      if #conn.server.requests == 1 then return to("#f")(conn) end
      conn:reply(200, "there")
    end)
    local res = assert(sse.fetch(server:url "/a/b?q"))
    assert.equal("there", res:text())
    assert.equal(server:url "/a/b?q#f", res.url)
  end)

  it("with a backslash leads to the host before it", function()
    local there = serve(function(conn, request) conn:reply(200, request.target) end)
    local here = leads(("http://127.0.0.1:%d\\@127.0.0.1:1/x"):format(there.port))
    assert.equal("/@127.0.0.1:1/x", assert(sse.fetch(here:url "/a/b?q")):text())
  end)

  it("that is no URL ends the request and names why", function()
    for location, why in pairs {
      ["http://[::1%25lo]/"] = "no zone", ["http://a b/"] = "character", ["//"] = "no host",
      ["http://127.0.0.1:99999/"] = "65535", ["/" .. ("ä"):rep(20000)] = "longer than 65536",
    } do
      local server = leads(location)
      local res, message, code = sse.fetch(server:url "/a/b?q")
      assert.same({ nil, "EREDIRECT" }, { res, code })
      assert.matches(why, message, 1, true)
      assert.equal(1, #server.requests)
    end
  end)

  it("that comes twice is followed where both say the same, and else refused", function()
    assert.equal("/c", assert(sse.fetch(leads("/c", "/c"):url "/a/b?q")):text())
    local server = leads("/c", "/d")
    local res, message, code = sse.fetch(server:url "/a/b?q")
    assert.same({ nil, "a redirect with two Location fields [docs/errors.md#eredirect]",
      "EREDIRECT" }, { res, message, code })
    assert.equal(1, #server.requests)
    res = assert(sse.fetch(server:url "/a/b?q", { redirect = "manual" }))
    assert.equal("/c, /d", res.headers.location)
  end)
end)

describe("tls.verify = false", function()
  local servers = {}

  local function start(location)
    local server = new_server { host = "127.0.0.1", port = 0, tls = certs.server() }
    server:get("/", function(_, res) res:reply(302, nil, { Location = location or "/there" }) end)
    server:get("/there", function(_, res) res:reply(200, "there") end)
    assert(server:listen())
    servers[#servers + 1] = server
    return server, ("https://127.0.0.1:%d/"):format(server.port)
  end

  after_each(function()
    for _, server in ipairs(servers) do server:close() end
    servers = {}
    fixture.finish()
  end)

  it("holds at its own origin and ends at a redirect to another", function()
    local other = start()
    local _, url = start(("https://127.0.0.1:%d/there"):format(other.port))
    local _, same = start()
    local unsafe = { tls = { verify = false } }
    assert.equal("there", assert(sse.fetch(same, unsafe)):text())
    local res, _, code = sse.fetch(url, unsafe)
    assert.same({ nil, "ECERT" }, { res, code })
    assert.equal(0, other:stats().requests.received)
    assert.equal("there", assert(sse.fetch(url, { tls = certs.client() })):text())
    assert.equal(1, other:stats().requests.received)
  end)
end)
