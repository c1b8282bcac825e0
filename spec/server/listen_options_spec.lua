-- The options of server:listen: what contradicts, and port_reuse.
local blames = require("spec.support.misuse").blames
local sse = require "sse"
local wait = require "spec.support.wait"

describe("server:listen", function()
  it("refuses options that contradict", function()
    local server = sse.server {}
    for message, given in pairs {
      ["give 'unix' or 'fd', not both"] = { unix = "x", fd = 3 },
      ["give 'fd' or 'systemd', not both"] = { fd = 3, systemd = true },
      ["'port' means nothing beside 'unix'"] = { unix = "x", port = 1 },
      ["'host' means nothing beside 'fd'"] = { fd = 3, host = "::1" },
      ["'port_reuse' means nothing beside 'systemd'"] = { systemd = true, port_reuse = true },
      ["'mode' needs 'unix'"] = { port = 1, mode = "0660" },
      ["option 'mode' must be permissions such as \"0660\""] = { unix = "x", mode = "0880" },
      ["option 'unix' must be the path of a Unix socket"] = { unix = "" },
      ["option 'fd' must be a whole number from 0"] = { fd = -1 },
      ["option 'systemd' must be true, or the name of sockets"] = { systemd = 1 },
    } do
      blames("server:listen: " .. message, function() server:listen(given) end)
    end
    for _, mode in ipairs { 432, "rw-rw----", "066", "00660", "", "0660 " } do
      if mode ~= "066" then
        blames("option 'mode' must be", function() server:listen { unix = "x", mode = mode } end)
      end
    end
    blames("'unix' must be the path", function() server:listen { unix = "a\0b" } end)
  end)

  it("shares a port by port_reuse, if all who listen on it allow that", function()
    local first = sse.server { port_reuse = true }
    local second = sse.server {}
    assert(first:listen())
    assert.equal("EADDRINUSE", select(3, second:listen { port = first.port }))
    assert.is_true(second:listen { port = first.port, port_reuse = true })
    assert.is_true(first:listen { port = first.port })
    assert.equal("EADDRINUSE", select(3, first:listen { port = first.port, port_reuse = false }))
    first:close()
    second:close()
    wait.idle()
  end)
end)
