-- Memory outside of Lua's heap, which the collector does not see by itself: it is freed when
-- nothing can use it any more, and garbage is collected in time. Each case is a program of its own,
-- whose peak memory is measured.
local child = require "spec.support.child"

local MIB = 1 << 20
-- MiB. A sanitizer keeps freed memory for a while, and valgrind makes all of it more.
local LIMIT = 400

-- `make stress` would collect all of it anyway.
local CALM = "-u SSE_STRESS_GC SSE_STRESS_ALLOC=1000000"

-- The peak memory of a program, in MiB.
local function peak(text, mode)
  local program = child.script(("collectgarbage %q\nlocal sse = require 'sse'\n%s\n" ..
    "print(require('spec.process').peak())"):format(mode, text), CALM)
  local status = program:wait()
  assert.equal(0, status, program:output())
  return program:output():match "(%d+)\n$" // MIB
end

local cases = {
  ["parsers that hold half an event"] = [[
    local piece = "data: " .. ("x"):rep(1 << 20)
    for _ = 1, 60 do
      local parser = sse.parser { on_event = print }
      for _ = 1, 15 do parser:feed(piece) end
    end
  ]],
  ["channels"] = [[
    local data = ("x"):rep(100000)
    for i = 1, 120 do
      local channel = sse.channel("channel " .. i, { idle = 0 })
      for _ = 1, 80 do channel:publish(data) end
    end
  ]],
}

describe("memory beside Lua's heap", function()
  after_each(child.stop)

  for name, text in pairs(cases) do
    for _, mode in ipairs { "generational", "incremental" } do
      it(("of %s is collected, %s"):format(name, mode), function()
        assert.is_true(peak(text, mode) < LIMIT)
      end)
    end
  end

  -- Responses that are all kept.
  local function bodies(read)
    return ([[
      local core = require "sse.core"
      local half, kept = "data: " .. ("x"):rep(15 << 20), {}
      local server = sse.server { port = 0, max_pending = 64 << 20 }
      server:get("/", function(_, res)
        res:write_head(200, { ["Content-Type"] = "text/event-stream" })
        res:write(half)
        res:finish()
      end)
      server:listen()
      sse.spawn(function()
        for i = 1, 40 do
          local res = assert(sse.fetch(("http://127.0.0.1:%%d/"):format(server.port)))
          %s
          kept[i] = res
        end
        server:close()
        core.forget_connections()
      end)
      sse.run()
    ]]):format(read)
  end

  it("of a body that broke off in an event goes with its end", function()
    assert.is_true(peak(bodies "for _ in res:events() do error 'an event' end", "generational")
      < LIMIT)
  end)

  it("of sources that wait to connect again goes with the connection", function()
    local text = [[
      local core = require "sse.core"
      local half, kept, lost = "data: " .. ("x"):rep(15 << 20), {}, 0
      local server = sse.server { port = 0, max_pending = 64 << 20 }
      server:get("/", function(_, res)
        res:write_head(200, { ["Content-Type"] = "text/event-stream" })
        res:write(half)
        res:finish()
      end)
      server:listen()
      local function open(i)
        kept[i] = sse.EventSource(("http://127.0.0.1:%d/"):format(server.port),
          { retryInterval = 1000000 })
        kept[i].onerror = function()
          if i < 40 then return open(i + 1) end
          for _, source in ipairs(kept) do source:close() end
          server:close()
          core.forget_connections()
        end
      end
      open(1)
      sse.run()
    ]]
    assert.is_true(peak(text, "generational") < LIMIT)
  end)
end)
