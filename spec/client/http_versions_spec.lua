-- Requests of different HTTP versions to one server. libcurl keeps connections for later requests;
-- each request must use one of its own version.
local certs = require "spec.support.certs"
local core = require "sse.core"
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

-- By whether TLS is used: values of the option http2, and the version that the server must see.
local versions = {
  [true] = { { nil, "HTTP/2" }, { false, "HTTP/1.1" }, { true, "HTTP/2" } },
  [false] = { { nil, "HTTP/1.1" }, { false, "HTTP/1.1" }, { true, "HTTP/2" } },
}

-- Makes requests of two versions in turn, with or without an open stream of the first beside them.
local function mix(secure, first, second, streaming)
  local server = start { tls = secure and certs.server() or nil }
  local base = ("%s://127.0.0.1:%d"):format(secure and "https" or "http", server.port)
  local function options(version)
    return { tls = secure and certs.client() or nil, http2 = version[1] }
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
