-- A server of the Model Context Protocol over Streamable HTTP: models call the Lua functions of
-- examples/mcp/tools.lua. It speaks the revision 2026-07-28 (POST alone) and, to clients that begin
-- with `initialize`, 2025-11-25 (sessions, GET, DELETE, streams that are resumed).
--
--    lua5.4 examples/mcp.lua [port]
--    lua5.4 examples/mcp.lua client http://127.0.0.1:9522/mcp count '{"to":3}'
--
-- Environment: MCP_TOOLS, a file of other tools, which SIGHUP reads again; MCP_HOSTS, the names
-- besides localhost that Host and Origin may have, by spaces.
local program = require "examples.program" -- finds the library in a clone
local client = require "examples.mcp.client"
local service = require "examples.mcp.service"
local sse = require "sse"

local mcp = {
  path = "/mcp", hosts = { "127.0.0.1", "localhost", "[::1]" },
  tools = os.getenv "MCP_TOOLS" or "examples/mcp/tools.lua",
}
for name in (os.getenv "MCP_HOSTS" or ""):gmatch "%S+" do
  table.insert(mcp.hosts, service.host_of(name))
end

-- Pages of these hosts may use the server, and read the id of their session.
mcp.cors = {
  origin = function(origin) return service.is_of(mcp.hosts, origin) end,
  expose = { "Mcp-Session-Id" },
}

local function log(...) mcp.log("server", string.format(...)) end

local set_tools, watcher

-- Reads the file of tools again, and tells the clients. A file with a mistake changes nothing.
function mcp.reload()
  local ok, fault = pcall(function() set_tools(dofile(mcp.tools)) end)
  log("tools: %s", ok and "read again" or fault)
end

function mcp.mount(server, prefix)
  set_tools = service.mount(server, prefix .. mcp.path, {
    tools = dofile(mcp.tools), hosts = mcp.hosts, log = log,
    info = { name = "lua-sse-example", version = sse._VERSION },
    instructions = "Tools that show what a server written in Lua can do.",
  })
  watcher = watcher or sse.signal("SIGHUP", mcp.reload)
end

mcp.client = client.call

return program(mcp, ...)
