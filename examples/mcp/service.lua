--- One MCP endpoint: takes POST, GET and DELETE of a path, checks where requests come from, and
-- hands them to the revision that they are of.
local legacy = require "examples.mcp.legacy"
local modern = require "examples.mcp.modern"
local rpc = require "examples.mcp.rpc"
local sse = require "sse"

local service = {}

-- --- tools --------------------------------------------------------------------------------------

local function check_tool(tool)
  assert(tool.name and tool.run and tool.inputSchema, "a tool needs name, run and inputSchema")
  local mirrored = sse.json.encode(tool.inputSchema):find('"x-mcp-header"', 1, true)
  assert(not mirrored, "x-mcp-header: this server does not check such headers")
end

-- Sets the tools: what clients see of them, and the tools by name.
local function set_tools(self, tools)
  local definitions, by_name = sse.json.array(), {}
  for i, tool in ipairs(tools) do
    check_tool(tool)
    local definition = {}
    for name, value in pairs(tool) do definition[name] = name ~= "run" and value or nil end
    definitions[i], by_name[tool.name] = definition, tool
  end
  self.definitions, self.tools = definitions, by_name
end

-- The tool that a message names; nil, what is wrong.
local function tool_of(self, message)
  local params = message.params
  if type(params.name) ~= "string" then return nil, "'name' must be a string" end
  local tool = self.tools[params.name]
  if not tool then
    return nil, "unknown tool: " .. rpc.printable(params.name)
  elseif params.arguments ~= nil and type(params.arguments) ~= "table" then
    return nil, "'arguments' must be an object"
  end
  return tool
end

-- --- who may ask, and for what ------------------------------------------------------------------

-- A page of another site whose name has been made to lead here (DNS rebinding) sends its own name.
local function check_source(hosts, req)
  local host, origin = req.headers.host, req.headers.origin
  if not service.is_of(hosts, host) or origin and not service.is_of(hosts, origin) then
    rpc.refuse(403, nil, rpc.INVALID_REQUEST, "requests from there are not served")
  end
end

--- The name of the host in a value of Origin or Host, without scheme and port.
function service.host_of(value)
  return (value:lower():gsub("^https?://", ""):gsub(":%d+$", ""))
end

--- Whether the value of Origin or Host names one of the hosts, at any port.
function service.is_of(hosts, value)
  local name = service.host_of(value or "")
  for _, host in ipairs(hosts) do
    if host == name then return true end
  end
  return false
end

local function accepts(req, wanted)
  for range in (req.headers.accept or "*/*"):lower():gmatch "[^,;%s]+" do
    if range == wanted or range == "*/*" then return true end
  end
  return false
end

local function check_media(req, ...)
  for _, media_type in ipairs { ... } do
    if not accepts(req, media_type) then
      rpc.refuse(406, nil, rpc.INVALID_REQUEST, "Accept must have " .. media_type)
    end
  end
  local sent = (req.headers["content-type"] or ""):lower():match "^[^;%s]*"
  if req.method == "POST" and sent ~= "application/json" then
    rpc.refuse(415, nil, rpc.INVALID_REQUEST, "Content-Type must be application/json")
  end
end

-- GET and DELETE are of the revisions before 2026-07-28 alone; HEAD is of none.
local function check_revision(req)
  if req.method == "HEAD" or req.headers["mcp-protocol-version"] == modern.VERSION then
    rpc.refuse(405, nil, rpc.INVALID_REQUEST, "this revision has only POST", nil,
      { Allow = "POST" })
  end
end

-- --- the endpoint -------------------------------------------------------------------------------

--- Serves the tools at `path`. Options: `tools`, `info` (name and version), `instructions`,
-- `hosts` (the names that Host and Origin may have), `log(format, ...)`. Returns a function that
-- takes other tools.
function service.mount(server, path, options)
  local self = {
    log = options.log, info = options.info, instructions = options.instructions,
    capabilities = { tools = { listChanged = true } },
    versions = { modern.VERSION, table.unpack(legacy.VERSIONS) },
    sessions = {}, session_count = 0, sessions_made = 0, ended = {}, listeners = {},
  }
  self.tool_of = function(message) return tool_of(self, message) end
  set_tools(self, options.tools)
  server:post(path, function(req, res)
    check_source(options.hosts, req)
    check_media(req, "application/json", "text/event-stream")
    local message = rpc.parse(req:text())
    local revision = modern.is(req, message) and modern or legacy
    revision.post(self, req, res, message)
  end)
  server:get(path, function(req, res)
    check_source(options.hosts, req)
    check_revision(req)
    check_media(req, "text/event-stream")
    legacy.get(self, req, res)
  end)
  server:delete(path, function(req, res)
    check_source(options.hosts, req)
    check_revision(req)
    legacy.delete(self, req, res)
  end)
  return function(tools)
    set_tools(self, tools)
    legacy.tools_changed(self)
    modern.tools_changed(self)
  end
end

return service
