--- Requests to examples/mcp.lua, in both revisions, and tools that wait until a spec lets them go.
local examples = require "spec.support.examples"
local serving = require "spec.support.serving"
local sse = require "sse"
local wait = require "spec.support.wait"

local mcp = { closed = 0 }

local META = "io.modelcontextprotocol/"
local EMPTY = { type = "object" }
local resumes

-- Waits until mcp.go(value) is called. mcp.closed counts the waits that are over.
local function gate()
  local function count() mcp.closed = mcp.closed + 1 end
  local _counted <close> = setmetatable({}, { __close = count })
  return sse.await(function(resume) table.insert(resumes, resume) end)
end

local TOOLS = {
  { name = "echo", description = "", inputSchema = EMPTY,
    run = function(arguments) return arguments end },
  { name = "wait", description = "", inputSchema = EMPTY, run = function() return gate() end },
  { name = "steps", description = "", inputSchema = EMPTY, run = function(_, call)
    local step = 0
    repeat
      step = step + 1
      call:progress(step)
      local value = gate()
    until value ~= "step"
    return "the end"
  end },
  { name = "give", description = "", inputSchema = EMPTY, run = function() return mcp.give() end },
}

--- Serves the example with these tools. Returns what examples.serve does.
function mcp.serve()
  mcp.tools, resumes, mcp.closed = TOOLS, {}, 0
  return examples.serve("mcp", { tools = "spec/support/mcp_tools.lua" })
end

--- Waits until `count` tools wait.
function mcp.till_waiting(count)
  wait.till(function() return #resumes == count end, count .. " tools that wait")
end

--- Lets the tool go on that has waited longest.
function mcp.go(value)
  wait.till(function() return resumes[1] end, "a tool that waits")
  table.remove(resumes, 1)(value)
end

function mcp.message(method, params, id)
  return { jsonrpc = "2.0", id = id or 1, method = method, params = params }
end

local function headers(more)
  local fields = {
    ["Content-Type"] = "application/json", Accept = "application/json, text/event-stream",
  }
  for name, value in pairs(more or {}) do fields[name] = value or nil end
  return fields
end

--- Sends a message (a table, or text) and returns the response, unread.
function mcp.post(message, more)
  local body = type(message) == "table" and sse.json.encode(message) or message
  return assert(serving.send("POST /mcp", headers(more), body))
end

--- The response's status, and its value where it is JSON.
function mcp.ask(message, more)
  local res = mcp.post(message, more)
  local text = assert(res:text())
  return { status = res.status, headers = res.headers, text = text, json = sse.json.decode(text) }
end

--- Opens a session; returns the header that names it.
function mcp.session(version)
  local params = {
    protocolVersion = version or "2025-11-25", capabilities = {}, clientInfo = { name = "spec" },
  }
  local got = mcp.ask(mcp.message("initialize", params))
  return { ["Mcp-Session-Id"] = got.headers["mcp-session-id"] }, got
end

--- The message and headers of a request of the revision 2026-07-28.
function mcp.modern(method, params, id)
  local full = { _meta = {
    progressToken = "p", [META .. "protocolVersion"] = "2026-07-28",
    [META .. "clientCapabilities"] = {},
  } }
  for name, value in pairs(params or {}) do full[name] = value end
  return mcp.message(method, full, id), {
    ["MCP-Protocol-Version"] = "2026-07-28", ["Mcp-Method"] = method, ["Mcp-Name"] = full.name,
  }
end

--- A call of a tool in a session; with a token for progress.
function mcp.call(name, arguments, id)
  local params = { name = name, arguments = arguments, _meta = { progressToken = "p" } }
  return mcp.message("tools/call", params, id)
end

--- Opens the GET of a session.
function mcp.get(session, last)
  return assert(serving.send("GET /mcp", {
    Accept = "text/event-stream", ["Last-Event-ID"] = last,
    ["Mcp-Session-Id"] = session["Mcp-Session-Id"],
  }))
end

--- The status of a GET of a session that gives no stream.
function mcp.get_status(session, last)
  local res = mcp.get(session, last)
  res:close()
  return res.status
end

--- An event in a few words: its id, and what its message is.
function mcp.brief(ev)
  local message = ev.data ~= "" and ev:json() or nil
  local text = "-"
  if message and message.method then
    text = message.method:match "[^/]*$" .. " " .. tostring(message.params and
      message.params.progress or "")
  elseif message then
    text = message.result.content[1].text
  end
  return ev.lastEventId .. " " .. text
end

--- All events of a response's body up to its end, in a few words each.
function mcp.rest(res)
  local lines = {}
  for ev in res:events() do lines[#lines + 1] = mcp.brief(ev) end
  return lines
end

return mcp
