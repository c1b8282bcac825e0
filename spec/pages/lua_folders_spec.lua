-- scripts/lint/lua_folders.lua: which module of lua/sse may lie where, and may require which.
local lua_folders = dofile "scripts/lint/lua_folders.lua"

-- What the lint says about modules, given as name -> list of the modules that it requires.
local function complaints(modules)
  local edges, found = {}, {}
  for name, targets in pairs(modules) do
    edges[name] = {}
    for _, target in ipairs(targets) do edges[name][target] = true end
  end
  lua_folders.check(edges, function(module, what) found[#found + 1] = module .. ": " .. what end)
  return found
end

describe("The lint of lua/sse's folders", function()
  it("allows requires within a side, and of shared modules by both", function()
    assert.same({}, complaints {
      ["sse"] = { "sse.fetch", "sse.server" },
      ["sse.fetch"] = { "sse.client.request", "sse.task" },
      ["sse.client.request"] = { "sse.shared.headers", "sse.abort" },
      ["sse.abort"] = {},
      ["sse.server"] = { "sse.server.router" },
      ["sse.server.router"] = { "sse.shared.headers", "sse.stream" },
      ["sse.stream"] = { "sse.task" },
      ["sse.shared.headers"] = {},
      ["sse.task"] = { "sse.shared.headers" },
    })
  end)

  it("wants a module in a folder, unless it is public", function()
    local why = "not in lua/sse/{client,server,shared}, nor public by lua_folders.lua"
    assert.same({ "sse.helper: " .. why, "sse.odd.thing: " .. why }, complaints {
      ["sse.helper"] = {}, ["sse.odd.thing"] = {}, ["sse.channel"] = {},
    })
  end)

  it("keeps client and server apart, also by way of others", function()
    assert.same({
      "sse.channel: server, but requires sse.client.queue of the client",
      "sse.client.queue: client, but requires sse.server.url of the server",
      "sse.fetch: client, but requires sse.server.url of the server",
    }, complaints {
      ["sse.channel"] = { "sse.client.queue" },
      ["sse.client.queue"] = { "sse.server.url" },
      ["sse.fetch"] = { "sse.client.queue" },
      ["sse.server.url"] = {},
    })
  end)

  it("keeps shared modules off both", function()
    assert.same({
      "sse.event: shared, but requires sse.client.failure of the client",
      "sse.shared.headers: shared, but requires sse.server.cors of the server",
    }, complaints {
      ["sse.event"] = { "sse.client.failure" },
      ["sse.client.failure"] = {},
      ["sse.shared.headers"] = { "sse.server.cors" },
      ["sse.server.cors"] = {},
    })
  end)
end)
