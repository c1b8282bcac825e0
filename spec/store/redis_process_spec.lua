-- sse.redis with several processes: one order for all, SIGKILL of a publisher, programs that end.
local child = require "spec.support.child"
local net = require "spec.support.net"
local redis = require "spec.support.redis"
local redis_stores = require "spec.support.redis_stores"
local wait = require "spec.support.wait"

local kills = net.stress and 1 or 4

describe("sse.redis", function()
  after_each(function()
    child.stop()
    redis_stores.stop()
    redis.stop()
  end)

  it("has one order for all processes", function()
    local server = redis.shared()
    local _, one, client, prefix = redis_stores.serve(server)
    local program = child.script(([[
      local sse = require "sse"
      local store = sse.redis(%q, { prefix = %q })
      local one = sse.channel(%q, { store = store, history = 10000 })
      io.stdout:setvbuf "line"
      local got = 0
      sse.run(function()
        sse.spawn(function()
          for event in one:events { from = "oldest" } do
            got = got + 1
            print("got " .. event.data)
          end
        end)
        one:publish "ready"
        for i = 1, 500 do assert(one:publish("child " .. i)) end
        while got < 1002 do sse.sleep(10) end
      end)
    ]]):format(server.url, prefix, one.name))
    client:till(function() return client.events[1] end, "the child")
    for i = 1, 500 do assert(one:publish("parent " .. i)) end
    client:till(function() return #client.events == 1001 end, "all events")
    local words = { "got first" }
    for _, event in ipairs(client.events) do words[#words + 1] = "got " .. event.data end
    local expected = table.concat(words, "\n") .. "\n"
    wait.till(function() return #program:output() >= #expected end, "the child's events")
    assert.equal(expected, program:output())
  end)

  it(("loses nothing that was acknowledged by SIGKILL of a publisher, %d times"):format(kills),
    function()
      local server = redis.shared()
      local _, one, client, prefix = redis_stores.serve(server)
      local acknowledged = {}
      for round = 1, kills do
        local program = child.script(([[
          local sse = require "sse"
          io.stdout:setvbuf "no"
          local store = sse.redis(%q, { prefix = %q })
          local one = sse.channel(%q, { store = store, history = 10000 })
          sse.run(function()
            for t = 1, 8 do
              sse.spawn(function()
                for i = 1, math.huge do
                  local data = ("%d.%%d.%%d"):format(t, i)
                  print(data .. " " .. assert(one:publish(data)))
                end
              end)
            end
          end)
        ]]):format(server.url, prefix, one.name, round))
        program:till "\n%d+%.%d+%.%d+ %S+\n"
        program:kill "KILL"
        program:wait()
        for data, id in program:output():gmatch "(%S+) (%S+)\n" do acknowledged[data] = id end
      end
      assert(one:publish "end")
      client:till_data "end"
      local seen = {}
      for _, event in ipairs(client.events) do
        assert.is_nil(seen[event.data], event.data)
        seen[event.data] = event.id
      end
      for data, id in pairs(acknowledged) do assert.equal(id, seen[data]) end
    end)

  it("serves a program that only publishes, without a word at its end", function()
    local server = redis.shared()
    local prefix = redis.prefix()
    local closes = { "", "store:close()", "sse.sleep(100) store:close()",
      "sse.channel('b', { store = store }) store:close()" }
    for i, close in ipairs(closes) do
      local program = child.script(([[
        local sse = require "sse"
        local store = sse.redis(%q, { prefix = %q })
        io.write(sse.channel("a", { store = store }):publish "x", "\n")
        %s
      ]]):format(server.url, prefix, close))
      assert.equal(0, program:wait())
      assert.truthy(program:output():find("^%w+%-" .. i .. "\n$"), program:output())
    end
  end)

  it("serves one whose server is away, without a word at its end", function()
    local program = child.script [[
      local sse = require "sse"
      local store = sse.redis "unix:///nobody/is/here"
      for _, name in ipairs { "a", "b" } do
        print(select(3, sse.channel(name, { store = store }):publish "x"))
      end]]
    assert.equal(0, program:wait())
    assert.equal("ESTORE\nESTORE\n", program:output())
  end)

  it("keeps sse.run no longer than something waits", function()
    local server, prefix = redis.shared(), redis.prefix()
    local program = child.script(([[
      local sse = require "sse"
      local one = sse.channel("a", { store = sse.redis(%q, { prefix = %q }) })
      local away = sse.channel("b", { store = sse.redis("unix:///nobody/is/here") })
      sse.run(function() print(one:publish "x", away:publish "y") end)
      local again = sse.redis(%q, { prefix = %q }):open("a")
      sse.run(function()
        sse.await(function(resume) again:read(0, 10, resume) end)
        print "read"
      end)
      print "over"
    ]]):format(server.url, prefix, server.url, prefix))
    program:till "%-1\tnil\tredis: /nobody/is/here: No such file.*read\nover\n"
    assert.equal(0, program:wait())
  end)
end)
