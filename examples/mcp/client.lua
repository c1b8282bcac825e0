--- A client of the revision 2026-07-28: one POST calls a tool.
local sse = require "sse"

local client = {}

local VERSION, META = "2026-07-28", "io.modelcontextprotocol/"

-- Prints a message of the server: progress, or the response.
local function show(message)
  local result, params = message.result, message.params
  if params then
    print(("%s of %s: %s"):format(params.progress, params.total or "?", params.message or ""))
  elseif result then
    for _, part in ipairs(result.content) do print(part.text or part.type) end
  else
    print("error", message.error.code, message.error.message)
  end
end

--- Calls the tool with arguments (JSON), and prints its progress and its result.
function client.call(url, name, arguments)
  local meta = {
    progressToken = 1, [META .. "protocolVersion"] = VERSION, [META .. "clientCapabilities"] = {},
  }
  local res = assert(sse.fetch(url, {
    headers = {
      Accept = "application/json, text/event-stream", ["MCP-Protocol-Version"] = VERSION,
      ["Mcp-Method"] = "tools/call", ["Mcp-Name"] = name,
    },
    body = { jsonrpc = "2.0", id = 1, method = "tools/call",
      params = { name = name, arguments = sse.json.decode(arguments or "{}"), _meta = meta } },
  }))
  if not res.headers["content-type"]:find("event-stream", 1, true) then return show(res:json()) end
  for ev in res:events() do show(ev:json()) end
  if res.failure then print("error", res.failure.message) end
end

return client
