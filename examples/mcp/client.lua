--- A client of the revision 2026-07-28: one POST calls a tool.
local plain = require "examples.models.plain"
local sse = require "sse"

local client = {}

local VERSION, META = "2026-07-28", "io.modelcontextprotocol/"

-- Prints a message of the server: progress, or the response.
local function show(message)
  local result, params = message.result, message.params
  if params then
    local line = ("%s of %s: %s"):format(params.progress, params.total or "?", params.message or "")
    print(plain(line))
  elseif result then
    for _, part in ipairs(result.content) do print(plain(part.text or part.type)) end
  else
    print("error", message.error.code, plain(message.error.message))
  end
end

--- Calls the tool with arguments (JSON), and prints its progress and its result.
function client.call(url, name, arguments)
  local meta = {
    progressToken = 1, [META .. "protocolVersion"] = VERSION, [META .. "clientCapabilities"] = {},
  }
  local given, problem = sse.json.decode(arguments or "{}")
  if given == nil then return print("error", "the arguments are no JSON: " .. problem) end
  local res, fault = sse.fetch(url, {
    headers = {
      Accept = "application/json, text/event-stream", ["MCP-Protocol-Version"] = VERSION,
      ["Mcp-Method"] = "tools/call", ["Mcp-Name"] = name,
    },
    body = { jsonrpc = "2.0", id = 1, method = "tools/call",
      params = { name = name, arguments = given, _meta = meta } },
  })
  if not res then return print("error", fault) end
  if not (res.headers["content-type"] or ""):find("event-stream", 1, true) then
    local message = res:json()
    if type(message) == "table" then return show(message) end
    return print("error", ("the server answers with status %d and no message"):format(res.status))
  end
  for ev in res:events() do show(ev:json()) end
  if res.failure then print("error", res.failure.message) end
end

return client
