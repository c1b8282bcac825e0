--- The revision 2026-07-28: no session and no handshake. Each POST says which revision and client
-- it is of; a connection that breaks is a call that is cancelled.
local call = require "examples.mcp.call"
local rpc = require "examples.mcp.rpc"

local modern = { VERSION = "2026-07-28" }

local META = "io.modelcontextprotocol/"
local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local FOREVER = 3600 * 1000 -- ms that a client may keep a list; a change is told to who listens

-- --- the request's own metadata -----------------------------------------------------------------

--- Whether the request claims to be of this revision or a later one.
function modern.is(req, message)
  return message.meta[META .. "protocolVersion"] ~= nil
    or req.headers["mcp-protocol-version"] == modern.VERSION
end

local function from_base64(text)
  local bits, count, bytes = 0, 0, {}
  for char in text:gmatch "[^=]" do
    local six = DIGITS:find(char, 1, true)
    if not six then return nil end
    bits, count = (bits << 6 | six - 1) & 0xffff, count + 6
    if count >= 8 then
      count = count - 8
      bytes[#bytes + 1] = string.char(bits >> count & 0xff)
    end
  end
  return table.concat(bytes)
end

-- The value of a header, which may be written as "=?base64?...?=".
local function decoded(value)
  local text = value:match "^=%?base64%?(.*)%?=$"
  if text then return from_base64(text) end
  return value
end

-- Headers repeat what the body says, so that proxies need not read it. Both must agree.
local function check_header(req, message, name, value)
  local given = req.headers[name:lower()]
  if given == nil then
    rpc.refuse(400, message.id, rpc.HEADER_MISMATCH, name .. " is missing")
  elseif decoded(given) ~= value then
    rpc.refuse(400, message.id, rpc.HEADER_MISMATCH, name .. " is not what the body says")
  end
end

local function check_metadata(req, message)
  local version = message.meta[META .. "protocolVersion"]
  if type(version) ~= "string" or type(message.meta[META .. "clientCapabilities"]) ~= "table" then
    rpc.refuse(400, message.id, rpc.INVALID_PARAMS,
      ("_meta must have '%sprotocolVersion' and '%sclientCapabilities'"):format(META, META))
  end
  check_header(req, message, "MCP-Protocol-Version", version)
  if version ~= modern.VERSION then
    rpc.refuse(400, message.id, rpc.UNSUPPORTED_VERSION, "unsupported protocol version",
      { supported = { modern.VERSION }, requested = version })
  end
  check_header(req, message, "Mcp-Method", message.method)
  if message.method == "tools/call" then
    check_header(req, message, "Mcp-Name", message.params.name)
  end
end

-- --- replies ------------------------------------------------------------------------------------

local Reply = {}
Reply.__index = Reply

-- If the client leaves before the end, the reply cancels its field `call`.
local function new_reply(res)
  local self = setmetatable({ res = res }, Reply)
  function self.on_close()
    if self.call and not self.done then self.call:cancel "the client has left" end
  end
  res.on_close = self.on_close
  return self
end

function Reply:open()
  if self.stream or self.res.closed then return end
  self.stream = self.res:event_stream { finish = true }
  self.stream.on_close = self.on_close
end

function Reply:send(text)
  self:open()
  if self.stream then self.stream:send(text) end
end

-- Sends the last message. Without one the client has left.
function Reply:finish(text)
  self.done = true
  if not text then return end
  if not self.stream then return self.res:reply(200, text, rpc.JSON) end
  self.stream:drain()
  self.stream:send(text)
  self.stream:close()
end

-- --- methods ------------------------------------------------------------------------------------

local methods = {}

-- The form of results in this revision.
local function completer(service)
  return function(result)
    local full = { resultType = "complete", _meta = { [META .. "serverInfo"] = service.info } }
    for name, value in pairs(result) do full[name] = value end
    return full
  end
end

local function reply_cacheable(service, message, res, result)
  result.ttlMs, result.cacheScope = FOREVER, "public"
  res:reply(200, rpc.result(message.id, completer(service)(result)), rpc.JSON)
end

methods["server/discover"] = function(service, message, res)
  reply_cacheable(service, message, res, {
    supportedVersions = { modern.VERSION }, capabilities = service.capabilities,
    instructions = service.instructions,
  })
end

methods["tools/list"] = function(service, message, res)
  reply_cacheable(service, message, res, { tools = service.definitions })
end

methods["tools/call"] = function(service, message, res)
  local tool, fault = service.tool_of(message)
  if not tool then return rpc.reply_error(res, message.id, rpc.INVALID_PARAMS, fault) end
  local reply = new_reply(res)
  reply.call = call.start {
    tool = tool, message = message, reply = reply, log = service.log,
    complete = completer(service), on_end = function() end,
  }
  res:detach()
end

-- A stream that stays open, for changes of the tools.
methods["subscriptions/listen"] = function(service, message, res)
  local asked = message.params.notifications
  local wanted = type(asked) == "table" and asked.toolsListChanged == true
  local granted = { toolsListChanged = wanted or nil }
  local meta = { [META .. "subscriptionId"] = message.id }
  local stream = res:event_stream()
  stream:send(rpc.notification("notifications/subscriptions/acknowledged",
    { _meta = meta, notifications = granted }))
  if not wanted then
    stream:send(rpc.result(message.id, { resultType = "complete", _meta = meta }))
    return stream:close()
  end
  service.listeners[stream] = rpc.notification("notifications/tools/list_changed", { _meta = meta })
  stream.on_close = function() service.listeners[stream] = nil end
end

-- --- HTTP ---------------------------------------------------------------------------------------

function modern.post(service, req, res, message)
  if not message.method then
    rpc.refuse(400, message.id, rpc.INVALID_REQUEST, "expected a request or a notification")
  elseif not message.id then
    return res:reply(202)
  end
  check_metadata(req, message)
  local method = methods[message.method]
  if not method then rpc.refuse(404, message.id, rpc.METHOD_NOT_FOUND, "unknown method") end
  method(service, message, res)
end

--- Tells all clients that listen that the tools are others.
function modern.tools_changed(service)
  for stream, text in pairs(service.listeners) do stream:send(text) end
end

return modern
