-- Requests of different HTTP versions to one server. libcurl keeps connections for later requests;
-- each request must use one of its own version.
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local core = require "sse.core"
local misuse = require "spec.support.misuse"
local origin = require "spec.support.origin"
local sse = require "sse"

local function start(options)
  local server = sse.server(options)
  server:get("/protocol", function(req, res) res:reply(200, req.protocol) end)
  server:get("/stream", function(_, res)
    local stream = res:event_stream()
    stream:send "open"
    stream.on_close = function() end
  end)
  assert(server:listen())
  return server
end

local function fetch(url, options)
  local res, message = sse.fetch(url, options)
  assert.is_truthy(res, message)
  return res.protocol, (assert(res:text()))
end

-- By whether TLS is used: values of the option httpVersion, and the version that the server must
-- see.
local versions = {
  [true] = { { nil, "HTTP/2" }, { "1.1", "HTTP/1.1" }, { "2", "HTTP/2" },
    { "2-prior-knowledge", "HTTP/2" } },
  [false] = { { nil, "HTTP/1.1" }, { "1.1", "HTTP/1.1" }, { "2-prior-knowledge", "HTTP/2" } },
}

-- Makes requests of two versions in turn, with or without an open stream of the first beside them.
local function mix(secure, first, second, streaming)
  local server = start { tls = secure and certs.server() or nil }
  local base = ("%s://127.0.0.1:%d"):format(secure and "https" or "http", server.port)
  local function options(version)
    return { tls = secure and certs.client() or nil, httpVersion = version[1] }
  end
  local stream = streaming and assert(sse.fetch(base .. "/stream", options(first)))
  for _ = 1, 3 do
    for _, version in ipairs { first, second } do
      local protocol, told = fetch(base .. "/protocol", options(version))
      assert.equal(version[2], told)
      assert.equal(version[2], protocol)
    end
  end
  if stream then stream:close() end
  server:close()
  core.forget_connections()
end

describe("HTTP versions of one origin", function()
  for _, secure in ipairs { true, false } do
    for _, streaming in ipairs { true, false } do
      it(("get a connection each %s TLS, %s"):format(secure and "over" or "without",
         streaming and "beside a stream" or "one after the other"), function()
        for _, first in ipairs(versions[secure]) do
          for _, second in ipairs(versions[secure]) do mix(secure, first, second, streaming) end
        end
      end)
    end
  end
end)

describe("httpVersion", function()
  after_each(function()
    core.forget_connections()
    child.stop()
  end)

  -- Starts a TLS server that is not ours and speaks no HTTP/2; it prints what it receives.
  local function start_other(arguments)
    local tls = certs.server()
    local other = child.program(("openssl s_server -accept 0 -cert %s -key %s %s"):format(tls.cert,
      tls.key, arguments), true)
    return other, ("https://127.0.0.1:%s/"):format(other:till "ACCEPT [^\n]*:(%d+)")
  end

  for what, arguments in pairs { ["HTTP/1.1"] = "-alpn http/1.1", ["no ALPN"] = "" } do
    it("\"2\" fails before anything is sent where a server has " .. what, function()
      local other, url = start_other(arguments)
      for _, version in ipairs { "2", "2-prior-knowledge" } do
        local res, message, code = sse.fetch(url .. "first",
          { httpVersion = version, tls = certs.client(), method = "POST", body = "secret" })
        assert.same({ nil, "the server did not agree to HTTP/2 [docs/errors.md#eproto]", "EPROTO" },
          { res, message, code })
      end
      local signal = sse.AbortController()
      sse.spawn(function()
        sse.fetch(url .. "second", { tls = certs.client(), signal = signal.signal })
      end)
      assert.is_nil(other:till("GET /second HTTP/1.1") and other:output():find "secret")
      signal:abort()
    end)
  end

  it("nil falls back to HTTP/1.1 where a server has no HTTP/2", function()
    local _, url = start_other "-www"
    local res = assert(sse.fetch(url, { tls = certs.client() }))
    assert.equal(200, res.status)
    assert.not_equal("HTTP/2", res.protocol)
    assert(res:text())
  end)

  it("\"2\" needs https, of the URL and of a redirect", function()
    for _, name in ipairs { "fetch", "EventSource", "fetchEventSource" } do
      misuse.blames(('sse.%s: httpVersion "2" needs a URL with https (did you mean '
        .. '"2-prior-knowledge"?)'):format(name),
        function() local _ = sse[name]("http://127.0.0.1:1/", { httpVersion = "2" }) end)
    end
    local plain = origin.start(function(conn) conn:reply(200, "") end)
    local server = sse.server { tls = certs.server() }
    server:get("/", function(_, res) res:redirect(plain:url()) end)
    assert(server:listen())
    local url = ("https://127.0.0.1:%d/"):format(server.port)
    local _, message, code = sse.fetch(url, { httpVersion = "2", tls = certs.client() })
    assert.equal("EREDIRECT", code)
    assert.truthy(message:find("a redirect to http, which httpVersion \"2\" can't follow", 1, true))
    assert.same({}, plain.requests)
    assert(sse.fetch(url, { tls = certs.client() })):close()
    plain:stop()
    server:close()
  end)

  it("\"2-prior-knowledge\" goes through a proxy in a tunnel", function()
    local proxy = origin.start(function(conn) conn:reply(403, "") end)
    local res, _, code = sse.fetch("http://a.invalid/", {
      httpVersion = "2-prior-knowledge", proxy = proxy:url(), method = "POST", body = "x",
    })
    assert.same({ nil, "EPROXY" }, { res, code })
    assert.same({ "CONNECT", "a.invalid:80" },
      { proxy.requests[1].method, proxy.requests[1].target })
    proxy:stop()
  end)

  it("takes no other values, and http2 is hinted at it", function()
    local told = "option 'httpVersion' must be \"1.1\", \"2\" or \"2-prior-knowledge\", got "
    for given, shown in pairs { [true] = "boolean true", [2] = "number 2", ["3"] = 'string "3"' } do
      misuse.blames(told .. shown,
        function() local _ = sse.fetch("https://h/", { httpVersion = given }) end)
    end
    misuse.blames("unknown option 'http2' (did you mean 'httpVersion'?)",
      function() local _ = sse.fetch("https://h/", { http2 = true }) end)
  end)
end)
