--- The server: routes, and requests handed to their handlers.
--
--    local server = sse.server { port = 9522 }
--    server:get("/clock/:zone", function(req, res)
--      local stream = res:event_stream()
--      while stream:send { data = os.date() } do sse.sleep(1000) end
--    end)
--    assert(server:listen())
--
-- A handler runs as a task, which may wait. It has answered through `res` when it returns; one that
-- returns without an answer is an error, and what it began by `res:write` is finished then. A
-- handler that means to answer after its return calls `res:detach()`. An event stream stays open.
--
-- An error in a handler is a 500, or breaks off what the handler had begun to send, and goes to
-- `server.on_error(message, req)`, without one to standard error.
--
-- Paths without a route are 404, methods without a handler 405 with Allow; HEAD is answered by
-- GET's handler without its body, OPTIONS with Allow.
-- @module sse.server
require "sse.shared.lua_version"

local core = require "sse.core"
local cors = require "sse.server.cors"
local files = require "sse.server.files"
local headers = require "sse.shared.headers"
local options = require "sse.shared.options"
local request = require "sse.server.request"
local spec = require "sse.server.options"
local response = require "sse.server.response"
local router = require "sse.server.router"
local task = require "sse.task"
local tls = require "sse.server.tls_options"

local server = {}

local metatable = {
  __name = "sse.server",
  __index = function(self, key)
    if key == "port" then return rawget(self, "core").port end
    if key == "on_error" then return rawget(self, "error_handler") end
    return server[key]
  end,
  __newindex = function(self, key, value)
    if key ~= "on_error" then options.unknown_field("a server", key, { on_error = true }) end
    options.callback("on_error", value)
    rawset(self, "error_handler", value)
  end,
}

local UNANSWERED = "the handler returned without an answer: call res:detach() to answer later"

--- Reports an error of a handler.
local function report(self, message, req)
  if self.on_error then
    local ok, err = xpcall(self.on_error, debug.traceback, message, req)
    if not ok then core.report(err) end
    return
  end
  local where = req.method .. " " .. req.path
  io.stderr:write(("lua-sse: error in handler %s: %s\n"):format(where, tostring(message)))
end

local function failed(self, req, res, message)
  response.fail(res)
  report(self, message, req)
end

-- What is left to do when a handler has returned: nothing where it answered, made an event stream
-- or detached the response.
local function returned(self, req, res)
  if res.detached then return end
  if res.begun then
    res:finish()
  elseif not res.answered and response.fail(res) then
    report(self, UNANSWERED, req)
  end
end

local function preflight(self, req, res, methods)
  local list = self.cors:preflight(methods, req:header "access-control-request-headers")
  res.base = table.move(list, 1, #list, #res.base + 1, res.base)
  res:reply(204)
end

local function answer_options(self, req, res, methods, allowed)
  if allowed and req:header "access-control-request-method" then
    return preflight(self, req, res, methods)
  end
  res:reply(204, nil, { Allow = table.concat(methods, ", ") })
end

local function answer(self, req, res)
  local allowed = false
  if self.cors then
    local origin = req:header "origin"
    res.base, allowed = self.cors:fields(origin, req)
    allowed = allowed and origin ~= nil
  end
  local asks = req.method == "OPTIONS" and req:header "access-control-request-method"
  local handler, params = self.router:find(req.method, req.raw_path)
  local methods = (not handler or asks) and self.router:methods(req.raw_path)
  if req.method == "OPTIONS" and methods and (not handler or asks and allowed) then
    return answer_options(self, req, res, methods, allowed)
  elseif handler then
    req.params = params
    handler(req, res)
    returned(self, req, res)
  elseif methods then
    res:reply(405, "Method Not Allowed\n", { Allow = table.concat(methods, ", ") })
  else
    res:reply(404, "Not Found\n")
  end
end

local function on_request(self, exchange)
  local req = request.new(exchange)
  local res = response.new(exchange, req, self.compress)
  task.start(function(message) failed(self, req, res, message) end, answer, self, req, res)
end

local function drained(self)
  local waiting = self.draining
  self.draining = {}
  for _, resume in ipairs(waiting) do resume(true) end
end

-- What the core raises is the caller's fault.
local function make_core(inner)
  local ok, made = pcall(core.server, inner)
  if not ok then error("sse.server: " .. made, 3) end
  return made
end

--- Makes a server; it listens after `server:listen()`.
-- @function sse.server
-- @tparam[opt] table given options: `host` ("127.0.0.1"), `port` (0, the system's choice), `cors`
-- (see `sse.cors`), `backlog`, `max_connections`, `max_connections_per_address`,
-- `max_concurrent_streams` (requests at a time on an HTTP/2 connection), `max_head` and `max_body`
-- (bytes), `max_bodies` (bytes of all requests together), `max_pending` (bytes one client of a
-- stream may be behind) and `max_buffered` (of all together), `head_timeout`, `body_timeout`,
-- `idle_timeout` and `keep_alive` (ms; `keep_alive` may be false), `compress` (of its event
-- streams, true; see `res:event_stream`), `on_error` (function(message, req)), `tls`
--
-- `tls = { cert, key, chain, names, min_version, ciphers, client_ca }` makes it speak HTTPS. The
-- first three are paths of PEM files; `key` may be left out where `cert` holds it too, `chain` adds
-- certificates to those behind the one in `cert`. `names` has further ones by host name:
-- `{ ["b.example"] = { cert, key, chain }, ["*.c.example"] = ... }`. `min_version` is "1.2" or
-- "1.3", `ciphers` a list as OpenSSL has it. With `client_ca` clients must show a certificate that
-- those in this file signed. What can't be used raises.
-- @return the server; `port` is the one it listens on
local function new(given)
  given = options.check("sse.server", given, spec)
  local self = {
    router = router.new(), error_handler = given.on_error,
    draining = {}, -- those who wait for the end
  }
  self.compress = given.compress
  self.cors = given.cors and cors.new(given.cors, 3) or false
  local inner = {
    on_request = function(exchange) on_request(self, exchange) end,
    on_idle = function() drained(self) end,
  }
  for name, value in pairs(given) do
    if name ~= "cors" and name ~= "compress" and name ~= "on_error" then inner[name] = value end
  end
  inner.tls = given.tls and tls.check(given.tls, 3)
  self.core = make_core(inner)
  return setmetatable(self, metatable)
end

-- Raises in the name of whoever called the function that calls this one.
local function add_route(self, method, pattern, handler)
  if not headers.is_token(method) then
    error(("'%s' is not a method"):format(tostring(method)), 3)
  elseif type(handler) ~= "function" then
    local route = method .. " " .. tostring(pattern)
    error(("the handler of %s must be a function, got %s"):format(route, type(handler)), 3)
  end
  self.router:add(method:upper(), pattern, handler, 3)
end

--- Adds a handler for a method and a pattern (see `sse.router`).
-- @tparam string method "GET", in any case; "*" for any
-- @tparam string pattern "/clock/:zone"
-- @tparam function handler function(req, res)
-- @return the server
function server:route(method, pattern, handler)
  options.method(self, metatable, "server:route")
  add_route(self, method, pattern, handler)
  return self
end

for _, method in ipairs { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
  local name = method:lower()
  server[name] = function(self, pattern, handler)
    options.method(self, metatable, "server:" .. name)
    add_route(self, method, pattern, handler)
    return self
  end
end

--- Adds a handler for any method.
function server:all(pattern, handler)
  options.method(self, metatable, "server:all")
  add_route(self, "*", pattern, handler)
  return self
end

--- Serves the files of a folder below a prefix; no hidden file, and nothing outside of the folder,
-- to which a symbolic link in it leads.
-- @tparam string prefix "/assets"
-- @tparam string folder raises where it is none
-- @tparam[opt] table given `follow_links` (false): such links are served, too
-- @return the server
function server:static(prefix, folder, given)
  options.method(self, metatable, "server:static")
  self.router:add_prefix(prefix, files.folder(folder, given, 2), 2)
  return self
end

--- Binds and listens.
-- @return true; or nil, message, code ("EADDRINUSE", "EACCES" ...)
function server:listen(...)
  options.method(self, metatable, "server:listen")
  if select("#", ...) > 0 then
    error("server:listen takes nothing: host and port are options of sse.server", 2)
  end
  return self.core:listen()
end

local DAY = 24 * 3600 * 1000

local drain_options = {
  within = options.number(0, DAY, "milliseconds"),
  grace = options.number(0, DAY, "milliseconds"),
  retry = options.number(0, DAY, "milliseconds"),
}

--- Ends in peace: listens no more, closes idle connections, lets what is being answered finish
-- (with `Connection: close`), and ends each open event stream, spread evenly over `within`, with a
-- `retry:` before its clean end, so that its client comes back by itself, and not together with
-- all others. A request that still arrives is answered; a stream opened then is ended likewise.
-- What is left `grace` after that is closed at once. Called again meanwhile, it closes all at
-- once. Waits: a task yields, outside of one the loop is pumped.
-- @tparam[opt] table given `within` (ms, 5000), `grace` (ms, 5000), `retry` (ms, 2000: clients come
-- back between it and half as much more)
-- @treturn boolean true, once no connection is left
function server:drain(given)
  options.method(self, metatable, "server:drain")
  given = options.check("server:drain", given, drain_options)
  return task.await(function(resume)
    local waiting = self.draining
    waiting[#waiting + 1] = resume
    if #waiting > 1 then
      self:close()
    else
      self.core:drain(given.within or 5000, given.retry or 2000, given.grace or 5000)
    end
    if not self.core.active then drained(self) end
  end, "server:drain")
end

--- Stops listening and closes every connection at once. `server:stop` is the same.
function server:close()
  options.method(self, metatable, "server:close")
  self.core:close()
end

--- Reads the files of the option `tls` again. Connections that are open stay as they are, sessions
-- can still be resumed.
-- @return true; or nil, message, code ("ECERT"), and all stays as it was
function server:reload_tls()
  options.method(self, metatable, "server:reload_tls")
  return options.told(pcall(self.core.reload_tls, self.core))
end

server.stop = server.close

--- Numbers. Now: `connections`, `streams`, `pending` (bytes that wait for clients), `buffered`
-- (bytes held for them, a shared event once), `bodies` (bytes that requests hold). Since the start:
-- `accepted`, `refused` (one too many) and `unaccepted` (times accepting had to pause) connections,
-- `requests`, `rejected` (by status, what the core refuses itself), `streams_opened`, `bytes_in`,
-- `bytes_out`; sends refused: `full` (`max_pending`, `max_buffered`) and `oversized`; `overflowed`,
-- connections and HTTP/2 streams ended past `max_buffered`; `closed` (connections) and
-- `streams_ended`, both by reason; over TLS `handshakes` that were done, how many of them were
-- `resumed`, and `handshake_failures`, connections that ended before theirs was done. `bytes_in`
-- and `bytes_out` count before encryption. Over HTTP/2 `http2_connections` and `http2_streams` open
-- now; connections ended because their client knew no measure: `http2_resets`, `http2_floods`,
-- `http2_header_floods`; and streams ended because its window stayed closed: `http2_starved`. Of
-- compressed streams: `compressed` and `windows` open now, `uncompressed_bytes` and what they came
-- to, `compressed_bytes`. See `sse.metrics`.
function server:stats()
  options.method(self, metatable, "server:stats")
  return self.core:stats()
end

return new
