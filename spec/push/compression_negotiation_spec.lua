--- Which streams are compressed: what the client accepts, what the options say, and what the
-- response's fields tell.
local decoding = require "spec.support.decoding"
local serving = require "spec.support.serving"

-- Accept-Encoding -> Content-Encoding (RFC 9110 section 12.5.3).
local wishes = {
  { "gzip", "gzip" }, { "GZip", "gzip" }, { "x-gzip", "gzip" }, { "deflate", "deflate" },
  { "gzip, deflate, br, zstd", "gzip" }, { "deflate, gzip", "gzip" },
  { "gzip;q=0.5, deflate", "deflate" }, { "gzip;q=0.5, deflate;q=0.4", "gzip" },
  { "gzip; q=0.5 ,\tdeflate ; q=0.501", "deflate" }, { "gzip;Q=0.001", "gzip" },
  { "gzip;q=0", nil }, { "gzip;q=0.000", nil }, { "gzip;q=0, deflate", "deflate" },
  { "*", "gzip" }, { "*;q=0", nil }, { "gzip;q=0, *", "deflate" }, { "br, *;q=0.1", "gzip" },
  { "identity;q=0", nil }, { "identity;q=0, gzip;q=0.1", "gzip" }, { "identity", nil },
  { "identity, gzip;q=0.5", nil }, { "identity, gzip", "gzip" },
  { "identity;q=0.5, gzip;q=0.5", "gzip" }, { "identity;q=0.2, deflate;q=0.1, gzip;q=0.3", "gzip" },
  { "br", nil }, { "", nil }, { ",, ,", nil }, { ", gzip,", "gzip" },
  -- A malformed coding is ignored.
  { "gzip;q=", nil }, { "gzip;q=2", nil }, { "gzip;q=1.1", nil }, { "gzip;q=0.5000", nil },
  { "gzip;q=-1", nil }, { "gzip;q=x, deflate", "deflate" }, { "gzip;q=.5", nil },
  { "gzipped", nil }, { "gzip deflate", nil }, { "gzip;level=9", "gzip" },
  { "gzip;level=9;q=0", nil },
}

local function routes(server)
  server:get("/", function(req, res)
    local options = { headers = {} }
    for name, value in pairs(req.query) do options.headers[name] = value end
    local compress = req:header "x-compress"
    if compress == "false" then options.compress = false
    elseif compress == "true" then options.compress = true
    else options.compress = compress end
    local stream = res:event_stream(options)
    stream:send "hello"
    stream:close()
  end)
end

local function coding_of(...)
  local stream = decoding.open(...)
  local clean, intact = stream:till_end()
  assert.is_true(clean and intact)
  assert.equal("data: hello\n\n", stream.text)
  return stream.coding, stream.head.headers
end

describe("negotiating compression", function()
  after_each(serving.stop)

  it("takes what the client prefers", function()
    serving.start(routes)
    for _, case in ipairs(wishes) do
      assert.equal(case[2], (coding_of("/", case[1])), ("Accept-Encoding: %q"):format(case[1]))
    end
    assert.equal("deflate", (coding_of("/", "deflate;q=0.5", "Accept-Encoding: gzip;q=0.4\r\n")))
  end)

  it("is not used for a client that does not ask for it", function()
    serving.start(routes)
    local response = serving.request("GET /")
    assert.is_nil(response.headers["content-encoding"])
    assert.equal("Accept-Encoding", response.headers.vary)
    assert.equal("data: hello\n\n", response.body)
  end)

  it("is named in Vary, and proxies are still forbidden to transform", function()
    serving.start(routes)
    local _, fields = coding_of("/", "gzip")
    assert.equal("Accept-Encoding", fields.vary)
    assert.equal("no-cache, no-transform", fields["cache-control"])
    _, fields = coding_of("/?Vary=Origin", "gzip")
    assert.equal("Origin, Accept-Encoding", fields.vary)
    for _, vary in ipairs { "origin,accept-encoding", "*" } do
      local _, others = coding_of("/?Vary=" .. vary, "gzip")
      assert.equal(vary, others.vary)
    end
  end)

  it("is on without any option", function()
    serving.start(function(server)
      server:get("/", function(_, res)
        local stream = res:event_stream()
        stream:send "hello"
        stream:close()
      end)
    end)
    local coding, fields = coding_of("/", "gzip")
    assert.equal("gzip", coding)
    assert.equal("Accept-Encoding", fields.vary)
  end)

  it("is left alone where the handler codes its stream itself", function()
    serving.start(routes)
    local coding, fields = coding_of("/?Content-Encoding=identity", "gzip")
    assert.equal("identity", coding)
    assert.is_nil(fields.vary)
  end)

  it("is off by an option of the stream or of the server", function()
    local off = "X-Compress: false\r\n"
    serving.start(routes)
    local coding, fields = coding_of("/", "gzip", off)
    assert.is_nil(coding)
    assert.is_nil(fields.vary)
    serving.stop()
    serving.start({ compress = false }, routes)
    coding, fields = coding_of("/", "gzip")
    assert.is_nil(coding)
    assert.is_nil(fields.vary)
    for _, mode in ipairs { "true", "shared", "window" } do
      assert.equal("gzip", (coding_of("/", "gzip", "X-Compress: " .. mode .. "\r\n")))
    end
  end)

  it("does nothing over HTTP/1.0", function()
    serving.start(routes)
    local client = serving.connect()
    client:send "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"
    local response = client:response()
    assert.is_nil(response.headers["content-encoding"])
    assert.equal("Accept-Encoding", response.headers.vary)
    assert.equal("data: hello\n\n", response.body)
  end)

  it("tells HEAD what GET would get, and sends nothing", function()
    local server = serving.start(routes)
    local client = serving.connect()
    local response = client:request("HEAD /", { ["Accept-Encoding"] = "gzip" })
    assert.equal("gzip", response.headers["content-encoding"])
    assert.equal("Accept-Encoding", response.headers.vary)
    assert.equal("", client:request("HEAD /", { ["Accept-Encoding"] = "gzip" }).body)
    assert.equal(0, server:stats().compression.streams)
  end)

  it("refuses options that mean nothing", function()
    serving.start(function(server)
      server:get("/", function(_, res) res:event_stream { compress = "gzip" } end)
    end)
    assert.equal(500, serving.request("GET /").status)
    assert.matches("option 'compress' must be true, false, \"shared\" or \"window\", got string " ..
      "\"gzip\"", serving.errors[1].message)
    assert.has_error(function() require "sse.server" { compress = 1 } end,
      "sse.server: option 'compress' must be true, false, \"shared\" or \"window\", got number 1 "
      .. "[docs/errors.md#options]")
  end)

  it("goes on with the next request of the connection", function()
    serving.start(routes)
    local client = serving.connect()
    for _ = 1, 3 do
      local response = client:request("GET /", { ["Accept-Encoding"] = "gzip" })
      assert.equal("gzip", response.headers["content-encoding"])
      local inflater = require("spec.inflater").new()
      assert.equal("data: hello\n\n", inflater:feed(response.body))
      assert.is_true(inflater:ended())
    end
  end)
end)
