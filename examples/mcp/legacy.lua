--- The revision 2025-11-25, and 2025-06-18: `initialize` makes a session, whose id the client sends
-- with each request; messages of the server by GET; streams that are resumed; DELETE.
local call = require "examples.mcp.call"
local resumable = require "examples.mcp.resumable"
local rpc = require "examples.mcp.rpc"
local sse = require "sse"

local legacy = {
  VERSIONS = { "2025-11-25", "2025-06-18" },
  max_sessions = 1000,
  max_idle = 30 * 60 * 1000, -- ms after which a session ends that has no connection and no call
  ended_kept = 256, -- streams of all sessions that are kept after their end, for who comes back
}

local HEAD = "Mcp-Session-Id"
local UNKNOWN = "unknown method"

local function new_id()
  local file <close> = assert(io.open("/dev/urandom", "rb"))
  return (file:read(16):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function is_version(version)
  return version == legacy.VERSIONS[1] or version == legacy.VERSIONS[2]
end

-- --- sessions -----------------------------------------------------------------------------------

local function end_session(service, session, why)
  service.sessions[session.id] = nil
  service.session_count = service.session_count - 1
  for _, running in pairs(session.calls) do running:cancel "the session ends" end
  session.standalone:finish()
  session.log("ended: %s", why)
end

-- Ends the sessions that nobody has used for `max_idle`.
local function end_idle(service)
  for _, session in pairs(service.sessions) do
    local used = next(session.calls) or session.standalone.stream
    if not used and sse.now() - session.seen > legacy.max_idle then
      end_session(service, session, "idle")
    end
  end
end

local function new_session(service, client, version)
  end_idle(service)
  if service.session_count >= legacy.max_sessions then
    rpc.refuse(429, nil, rpc.INTERNAL_ERROR, "too many sessions", nil, { ["Retry-After"] = "60" })
  end
  service.sessions_made = service.sessions_made + 1
  service.session_count = service.session_count + 1
  local name = "session " .. service.sessions_made
  local session = {
    id = new_id(), calls = {}, streams = {}, made = 0, seen = sse.now(),
    log = function(format, ...) service.log(name .. ": " .. format, ...) end,
  }
  session.standalone = resumable("0", nil, session.log)
  session.streams["0"] = session.standalone
  service.sessions[session.id] = session
  session.log("begins, %s with %s", version, client)
  return session
end

-- The session that the request names. 404 tells a client to begin a new one.
local function session_of(service, req, id)
  local version = req.headers["mcp-protocol-version"]
  if version and not is_version(version) then
    rpc.refuse(400, id, rpc.UNSUPPORTED_VERSION, "unsupported protocol version",
      { supported = service.versions, requested = version })
  end
  local given = req.headers["mcp-session-id"]
  if not given then rpc.refuse(400, id, rpc.INVALID_REQUEST, HEAD .. " is missing") end
  local session = service.sessions[given]
  if not session then rpc.refuse(404, id, rpc.INVALID_REQUEST, "the session has ended") end
  session.seen = sse.now()
  return session
end

-- --- methods ------------------------------------------------------------------------------------

local methods = {}

function methods.ping() return {} end

methods["tools/list"] = function(service) return { tools = service.definitions } end

local function complete(result) return result end

-- Keeps the stream of a call that has ended, in place of the one that ended first. Of a response
-- that has become no stream nobody comes back for the rest.
local function keep_ended(service, session, stream)
  if stream.res then
    session.streams[stream.key] = nil
    return
  end
  table.insert(service.ended, { streams = session.streams, key = stream.key })
  if #service.ended > legacy.ended_kept then
    local oldest = table.remove(service.ended, 1)
    oldest.streams[oldest.key] = nil
  end
end

local function start_call(service, session, message, res)
  local tool, fault = service.tool_of(message)
  if not tool then return rpc.reply_error(res, message.id, rpc.INVALID_PARAMS, fault) end
  if session.calls[message.id] then
    rpc.refuse(400, message.id, rpc.INVALID_REQUEST, "a request with this id is running")
  end
  session.made = session.made + 1
  local stream = resumable(tostring(session.made), res, session.log)
  session.calls[message.id] = call.start {
    tool = tool, message = message, reply = stream, log = session.log, complete = complete,
    on_end = function()
      session.calls[message.id] = nil
      session.seen = sse.now()
      keep_ended(service, session, stream)
    end,
  }
  session.streams[stream.key] = stream
  res:detach()
end

local function initialize(service, message, res)
  local asked = message.params.protocolVersion
  if type(asked) ~= "string" then
    rpc.refuse(400, message.id, rpc.INVALID_PARAMS, "'protocolVersion' is missing")
  end
  local version = is_version(asked) and asked or legacy.VERSIONS[1]
  local client = message.params.clientInfo
  local name = type(client) == "table" and client.name or "a client without a name"
  local session = new_session(service, rpc.printable(name), version)
  res:reply(200, rpc.result(message.id, {
    protocolVersion = version, capabilities = service.capabilities, serverInfo = service.info,
    instructions = service.instructions,
  }), { ["Content-Type"] = "application/json", [HEAD] = session.id })
end

-- Whatever else clients tell (notifications/initialized, responses) needs nothing done.
local function take_notification(session, message)
  local id = message.method == "notifications/cancelled" and message.params.requestId
  local running = rpc.is_id(id) and session.calls[id]
  if running then running:cancel "by the client" end
end

-- --- HTTP ---------------------------------------------------------------------------------------

function legacy.post(service, req, res, message)
  if message.method == "initialize" and message.id then
    return initialize(service, message, res)
  end
  local session = session_of(service, req, message.id)
  if not message.id or not message.method then
    take_notification(session, message)
    return res:reply(202)
  elseif message.method == "tools/call" then
    return start_call(service, session, message, res)
  end
  local method = methods[message.method]
  if not method then return rpc.reply_error(res, message.id, rpc.METHOD_NOT_FOUND, UNKNOWN) end
  res:reply(200, rpc.result(message.id, method(service)), rpc.JSON)
end

--- The server's own messages; with Last-Event-ID the rest of the stream that the event was of.
function legacy.get(service, req, res)
  local session = session_of(service, req)
  local given = req.last_event_id
  if not given then return session.standalone:attach(res) end
  local key, number = given:match "^(%d+)%-(%d+)$"
  local stream, after = session.streams[key], math.tointeger(number)
  if not stream or stream.res or not after or after > stream.last then
    rpc.refuse(400, nil, rpc.INVALID_REQUEST, "an event that is not held")
  end
  stream:attach(res, after)
end

function legacy.delete(service, req, res)
  end_session(service, session_of(service, req), "by the client")
  res:reply(204)
end

--- Tells all clients that listen that the tools are others.
function legacy.tools_changed(service)
  local text = rpc.notification "notifications/tools/list_changed"
  for _, session in pairs(service.sessions) do session.standalone:send(text) end
end

return legacy
