-- What a response does that has become an event stream.
local misuse = require "spec.support.misuse"
local serving = require "spec.support.serving"

local blames, handle = misuse.blames, misuse.handle

describe("a response that is an event stream", function()
  after_each(serving.stop)

  it("raises where it is written to or finished", function()
    handle(function(_, res)
      local stream <close> = res:event_stream()
      local told = "the response is an event stream, which has 'send' and 'close'"
      blames("write: " .. told, function() res:write "x" end)
      blames("finish: " .. told, function() res:finish() end)
      blames("finish: " .. told, function() res:finish "x" end)
      assert.is_true(res:drain())
      assert.is_false(stream.closed)
    end)
  end)

  it("shares on_close with the stream, set before or after it is opened", function()
    local told = {}
    local function note(name) return function(why) told[#told + 1] = name .. why end end
    serving.start(function(server)
      server:get("/before", function(_, res)
        res.on_close = note "before "
        local stream = res:event_stream()
        assert.equal(res.on_close, stream.on_close)
        stream:close()
      end)
      server:get("/after", function(_, res)
        local stream = res:event_stream()
        res.on_close = note "after "
        assert.equal(res.on_close, stream.on_close)
        stream:close()
      end)
    end)
    serving.request("GET /before")
    serving.request("GET /after")
    assert.same({}, serving.errors)
    assert.same({ "before server", "after server" }, told)
  end)
end)
