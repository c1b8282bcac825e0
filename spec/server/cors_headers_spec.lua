-- The fields that the option `cors` sets, in whichever way a handler answers: once, and not beside
-- a handler's own.
local files = require "sse.server.files"
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"

local ORIGIN = "https://a.example"
local ALLOW = "Access-Control-Allow-Origin"
local own = { [ALLOW] = "*" }

local raises = {
  reply = function(res) res:reply(200, "x", own) end,
  ["reply in lower case"] = function(res)
    res:reply(200, "x", { ["access-control-allow-origin"] = "*" })
  end,
  ["reply with credentials"] = function(res)
    res:reply(200, "x", { ["Access-Control-Allow-Credentials"] = "true" })
  end,
  write_head = function(res) res:write_head(200, own) end,
  event_stream = function(res) res:event_stream { headers = own } end,
  header = function(res) res:header(ALLOW, "*") end,
}

serving.each("the fields of cors", function()
  after_each(serving.stop)

  it("raise where a handler sets them, too, at its line, for any origin", function()
    local seen = {}
    serving.start({ cors = { origin = ORIGIN } }, function(server)
      for name, act in pairs(raises) do
        server:get("/" .. name:gsub(" ", "-"), function(_, res)
          seen[name] = misuse.blames("is set by the server's option cors", function() act(res) end)
            or true
          res:reply(200, "right")
        end)
      end
    end)
    for name in pairs(raises) do
      for _, origin in ipairs { ORIGIN, "https://other.example" } do
        seen[name] = nil
        local got = serving.ask("GET /" .. name:gsub(" ", "-"), { Origin = origin })
        assert.same({ 200, "right" }, { got.status, got.body }, name)
        assert.is_true(seen[name], name)
        local allowed = got.headers["access-control-allow-origin"]
        assert.equal(origin == ORIGIN and ORIGIN or nil, allowed)
      end
    end
  end)

  it("make a 500 of a file with its own, and on_error is told why", function()
    serving.start({ cors = true }, function(server)
      server:get("/", files.file("README.md", { headers = own }))
    end)
    local got = serving.ask("GET /", { Origin = ORIGIN })
    assert.same({ 500, "*" }, { got.status, got.headers["access-control-allow-origin"] })
    assert.equal(1, #serving.errors)
    local message = serving.errors[1].message
    assert.truthy(message:find("'Access-Control-Allow-Origin' is set by the server's option cors",
      1, true), message)
  end)

  it("leave lists to the handler, and all of them without the option", function()
    local function routes(server)
      server:get("/", function(_, res)
        res:header("Access-Control-Expose-Headers", "X-Mine")
        res:reply(200, "x", { Vary = "Accept" })
      end)
      server:get("/own", function(_, res) res:reply(200, "x", own) end)
    end
    serving.start({ cors = { origin = ORIGIN, expose = { "X-All" } } }, routes)
    local fields = serving.ask("GET /", { Origin = ORIGIN }).headers
    assert.same({ "X-All, X-Mine", "Origin, Accept", ORIGIN },
      { fields["access-control-expose-headers"], fields.vary,
        fields["access-control-allow-origin"] })
    serving.stop()
    serving.start(routes)
    fields = serving.ask("GET /own", { Origin = ORIGIN }).headers
    assert.equal("*", fields["access-control-allow-origin"])
  end)
end)
