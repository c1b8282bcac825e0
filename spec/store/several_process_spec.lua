-- Streams that follow several channels, which go on in another process.
local child = require "spec.support.child"
local databases = require "spec.support.databases"

-- Follows three channels, of which the last has no store, after the id that the program gets, and
-- publishes to each; prints what comes, then the last id.
local PROGRAM = [[
  local sse = require "sse"
  local store = sse.sqlite(%q)
  local list = { sse.channel("a", { store = store }), sse.channel("b", { store = store }),
    sse.channel("c", { history = 10 }) }
  local server = sse.server()
  server:get("/", function(_, res)
    list[%d + 1] = { from = "oldest" }
    res:event_stream():follow(table.unpack(list))
  end)
  assert(server:listen())
  sse.spawn(function()
    for i = 1, %d do assert(list[i]:publish(list[i].name .. " early %s")) end
    local source = sse.EventSource(("http://127.0.0.1:%%d/"):format(server.port),
      { lastEventId = %q })
    source.onopen = function()
      sse.spawn(function()
        for i = 1, %d do
          assert(list[i]:publish(list[i].name .. " late %s"))
          assert(list[i]:publish "end")
        end
      end)
    end
    local last, ends = nil, 0
    for ev in source:events() do
      last = ev.lastEventId
      if ev.data == "end" then ends = ends + 1 else print(ev.type, ev.data) end
      if ends == %d then break end
    end
    print("last " .. last)
    os.exit()
  end)
  sse.run()
]]

describe("a stream of several channels", function()
  after_each(function()
    child.stop()
    databases.close()
  end)

  -- What comes in a process of its own, sorted; and the last id.
  local function run(path, count, id, name)
    local text = PROGRAM:format(path, count, count, name, id, count, name, count)
    local program = child.script(text)
    local lines = {}
    for line in program:till "^(.*)last [^\n]+\n":gmatch "[^\n]+" do lines[#lines + 1] = line end
    table.sort(lines)
    return lines, program:output():match "last ([^\n]+)\n"
  end

  it("goes on in another process where all have a store", function()
    local path = databases.path()
    local lines, id = run(path, 2, "", "1")
    assert.same({ "message\ta early 1", "message\ta late 1", "message\tb early 1",
      "message\tb late 1" }, lines)
    assert.same({ "message\ta early 2", "message\ta late 2", "message\tb early 2",
      "message\tb late 2" }, run(path, 2, id, "2"))
  end)

  it("is told of a gap where one has none, and misses nothing of the others", function()
    local path = databases.path()
    local _, id = run(path, 3, "", "1")
    local lines = run(path, 3, id, "2")
    assert.truthy(lines[#lines]:find('^sse%-gap\t.*"unknown"'), lines[#lines])
    assert.equal(7, #lines)
    for _, text in ipairs { "a early 2", "a late 2", "b early 2", "b late 2", "c early 2",
      "c late 2" } do
      assert.truthy(table.concat(lines, "\n"):find("message\t" .. text, 1, true), text)
    end
  end)
end)
