--- The server: its options, its routes, listening and shutting down. sse.server.dispatch calls the
-- handlers.
--
--    local server = sse.server { port = 9522 }
--    server:get("/clock/:zone", function(req, res)
--      local stream = res:event_stream()
--      while stream:send { data = os.date() } do sse.sleep(1000) end
--    end)
--    assert(server:run())
--
-- A handler runs in a task, and may wait. When it returns, a response that it began by `res:write`
-- is finished; an event stream stays open. If it has sent nothing, that is an error. A handler that
-- answers after its return calls `res:detach()`.
--
-- An error in a handler is answered with a 500, or breaks off the response if a part of it was
-- sent. The error is passed to `server.on_error(err, context)`; without that function it is written
-- to standard error. `err` is the text with its traceback, or the table that was raised; `context`
-- is a table with `what`, "handler", and `req`. So are errors in other functions that belong to a
-- request or a stream: `what` is "before", "cors", "on_close", "on_drain", "where", "channel:on",
-- "on_response" or "access_log" then, and the table has the `stream` and the `channel` that the
-- error belongs to. A raised table such as `{ status = 404, message = "no such user" }` is the
-- response instead, with a status from 400 to 599, and the header fields in `headers` if it has
-- them; below 500 it is not reported.
--
-- Functions that `server:before` adds run before the handler, and so do limits (`server:limit`). A
-- path without a route goes to `server:fallback`, or is answered with 404, a method without a
-- handler with 405 and Allow. HEAD is answered by GET's handler, without the body; OPTIONS with
-- Allow.
-- @module sse.server
require "sse.shared.lua_version"

local access_log = require "sse.server.access_log"
local core = require "sse.core"
local cors = require "sse.server.cors"
local dispatch = require "sse.server.dispatch"
local ended = require "sse.server.ended"
local files = require "sse.server.files"
local headers = require "sse.shared.headers"
local heartbeat = require "sse.server.heartbeat"
local listening = require "sse.server.listening"
local options = require "sse.shared.options"
local router = require "sse.server.router"
local running = require "sse.server.running"
local server_object = require "sse.server.server_object"
local server_options = require "sse.server.options"
local tls_options = require "sse.server.tls_options"
local worker = require "sse.server.worker"

require "sse.server.limit"
require "sse.server.metrics" -- stats, metrics
require "sse.server.streams"

local methods, metatable = server_object.methods, server_object.metatable
local state_of = server_object.state

-- The options that the core does not know.
local OF_LUA = {
  access_log = true, compress = true, cors = true, on_error = true, on_response = true,
  port_reuse = true, proxy_protocol = true, request_id = true,
}

-- Makes the core's server; raises its errors at the line of sse.server's caller.
local function make_core(inner)
  local ok, made = pcall(core.server, inner)
  if not ok then error(("sse.server: %s%s"):format(made, tls_options.page(made)), 3) end
  return made
end

--- Makes a server; it listens after `server:listen()`. Raises on wrong options, and if a file of
-- `tls` cannot be used.
-- @function sse.server
-- @tparam[opt] table given docs/reference/server.md describes them
-- @return the server. Its field `port` is the port that it listens on; `on_error` and
-- `on_response` can be set.
local function new(given, ...)
  options.check_dot("sse.server", given)
  options.check_count("sse.server(options)", ...)
  given = options.check("sse.server", given, server_options)
  listening.check_proxies(given.proxy_protocol, given.trusted_proxies, "sse.server", 3)
  local state = {
    router = router.new(), on_error = given.on_error, compress = given.compress,
    cors = given.cors and cors.new(given.cors, 3) or false,
    waiters = {}, runs = false, limits = {}, limited = { rate = 0, streams = 0 },
    trusted_proxies = given.trusted_proxies, proxy_protocol = given.proxy_protocol,
    port_reuse = given.port_reuse, request_id = given.request_id,
    on_response = given.on_response, host = given.host, port = given.port,
    access_log = given.access_log and access_log.new(given.access_log, 3),
  }
  local inner = {
    on_request = function(exchange) return dispatch.on_request(state, exchange) end,
    on_idle = function() running.wake_waiters(state) end,
    owner = state, -- for sse.server.errors
    cross_origin = given.cors and true or false,
  }
  for name, value in pairs(given) do
    if not OF_LUA[name] then inner[name] = value end
  end
  inner.heartbeat, inner.heartbeat_event = heartbeat.split(given.heartbeat)
  inner.max_life = given.max_life or nil
  inner.tls = given.tls and tls_options.check(given.tls, "sse.server", 3)
  state.core = make_core(inner)
  ended.update(state)
  worker.add_server(state)
  return server_object.new(state)
end

-- Raises at the line of the caller's caller.
local function add_route(self, method, pattern, handler)
  if not headers.is_token(method) then
    local message = "'%s' is not a method (server:route(method, pattern, handler)) "
      .. "[docs/errors.md#routes]"
    error(message:format(tostring(method)), 3)
  elseif type(pattern) == "string" and type(handler) ~= "function" then
    local message = "the handler of %s %s must be a function, got %s%s [docs/errors.md#routes]"
    local is_channel = core.class_of(handler) == "sse.channel"
    local hint = is_channel and " (sse.follow(channel) makes a handler)" or ""
    error(message:format(method, pattern, type(handler), hint), 3)
  end
  state_of(self).router:add(method:upper(), pattern, handler, 3)
end

--- Adds a handler for a method and a pattern, as sse.server.router explains them. Raises if they
-- have one. `server:get`, `head`, `post`, `put`, `patch`, `delete` and `options` add one for their
-- method.
-- @tparam string method "GET", in upper or lower case; "*" for every method
-- @tparam string pattern "/clock/:zone"
-- @tparam function handler function(req, res)
-- @return the server
function methods:route(method, pattern, handler, ...)
  options.check_self(self, metatable, "server:route(method, pattern, handler)", ...)
  add_route(self, method, pattern, handler)
  return self
end

for _, method in ipairs { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
  local name = method:lower()
  local call = ("server:%s(pattern, handler)"):format(name)
  methods[name] = function(self, pattern, handler, ...)
    options.check_self(self, metatable, call, ...)
    add_route(self, method, pattern, handler)
    return self
  end
end

--- Adds a handler for every method.
-- @tparam string pattern
-- @tparam function handler function(req, res)
-- @return the server
function methods:all(pattern, handler, ...)
  options.check_self(self, metatable, "server:all(pattern, handler)", ...)
  add_route(self, "*", pattern, handler)
  return self
end

--- Sets the handler of requests whose path has no route, in place of a 404. Raises if there is one.
-- @tparam function handler function(req, res)
-- @return the server
function methods:fallback(handler, ...)
  options.check_self(self, metatable, "server:fallback(handler)", ...)
  local state = state_of(self)
  if type(handler) ~= "function" then
    local shown = options.show(handler)
    error(("server:fallback: expected a function, got %s [docs/errors.md#routes]"):format(shown), 2)
  elseif state.fallback then
    error("server:fallback: there is a fallback already [docs/errors.md#routes]", 2)
  end
  state.fallback = handler
  return self
end

--- Serves the files of a folder below a prefix, but no hidden ones, and none outside of the folder
-- to which a symbolic link leads. Raises if there is no such folder.
-- @tparam string prefix "/assets"
-- @tparam string folder its path
-- @tparam[opt] table given `follow_links` (false): links out of the folder and to hidden files are
-- followed
-- @return the server
function methods:static(prefix, folder, given, ...)
  options.check_self(self, metatable, "server:static(prefix, folder, options)", ...)
  state_of(self).router:add_prefix(prefix, files.folder(folder, given, 2), 2)
  return self
end

return new
