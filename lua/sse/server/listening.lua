--- Where a server listens: `server:listen`.
-- @module sse.server.listening
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local server_object = require "sse.server.server_object"
local server_options = require "sse.server.options"
local systemd = require "sse.server.systemd"
local tls_options = require "sse.server.tls_options"
local worker = require "sse.server.worker"

local listening = {}

local OPTIONS = pages.at "options"
local methods, metatable = server_object.methods, server_object.metatable
local state_of = server_object.state

local spec = options.spec("server:listen", {
  host = server_options.host,
  port = server_options.port,
  tls = {
    expected = "a table such as { cert = 'cert.pem', key = 'key.pem' }, or false",
    check = function(v) return v == false or type(v) == "table" end,
  },
  unix = {
    expected = "the path of a Unix socket",
    check = function(v) return options.text.check(v) and v ~= "" end,
  },
  mode = {
    expected = 'permissions such as "0660"',
    check = function(v) return type(v) == "string" and v:find "^0?[0-7][0-7][0-7]$" ~= nil end,
  },
  fd = options.integer(0, 2 ^ 31 - 1),
  systemd = {
    expected = "true, or the name of sockets",
    check = function(v) return type(v) == "boolean" or type(v) == "string" end,
  },
  port_reuse = server_options.port_reuse,
  proxy_protocol = server_options.proxy_protocol,
})

-- Of these ways to say where, one can be given, else it is a host; and options that go with one.
local PLACES = { "unix", "fd", "systemd" }
local WITH = {
  { "mode", "unix" }, { "host", "host" }, { "port", "host" }, { "port_reuse", "host" },
}

--- Raises if the options that say where to listen contradict. `false` counts as not given.
-- @tparam string where the function's name for messages
-- @tparam table given
-- @tparam int level as of `error`, seen from this function
function listening.check_place(where, given, level)
  local place = "host"
  for _, name in ipairs(PLACES) do
    if given[name] and place ~= "host" then
      error(("%s: give '%s' or '%s', not both%s"):format(where, place, name, OPTIONS), level)
    end
    if given[name] then place = name end
  end
  for _, pair in ipairs(WITH) do
    local name, with = pair[1], pair[2]
    if given[name] and with ~= place then
      local needs = with == "unix" and "needs 'unix'" or ("means nothing beside '%s'"):format(place)
      error(("%s: '%s' %s%s"):format(where, name, needs, OPTIONS), level)
    end
  end
end

-- An option of the call, or else of the server.
local function choose(state, given, name)
  if given[name] ~= nil then return given[name] end
  return state[name]
end

-- The descriptors that are listened on: those of a worker's master, given, or passed by systemd;
-- nil where there are none, or nil, message, code. Then the addresses of the worker's master.
local function descriptors(state, given)
  local inherited, message, code = worker.find(state, given)
  if inherited then return worker.sockets(inherited), nil, nil, inherited end
  if message then return nil, message, code end
  if given.systemd then return systemd.sockets(given.systemd) end
  return given.fd and { math.tointeger(given.fd) }
end

-- Calls the core's listen. Raises at `level`, as of `error`, seen from this function.
local function open(state, given, level)
  local inner = state.core
  local fds, why, kind, inherited = descriptors(state, given)
  if why then return nil, pages.add(why, kind), kind end
  local places = {
    host = given.host, port = given.port and math.tointeger(given.port),
    unix = given.unix, mode = given.mode and tonumber(given.mode, 8), fds = fds,
    listening = inherited ~= nil, -- the master has said how many may wait
    tls = given.tls and tls_options.check(given.tls, "server:listen", level + 1) or given.tls,
    port_reuse = choose(state, given, "port_reuse"),
    proxy_protocol = choose(state, given, "proxy_protocol"),
  }
  local ok, listens, message, code = pcall(inner.listen, inner, places)
  if not ok then
    error(("server:listen: %s%s"):format(listens, tls_options.page(listens)), level)
  end
  if not listens then return nil, pages.add(message, code), code end
  if inherited then
    worker.took(state, inherited)
  elseif given.systemd then
    systemd.ready(state)
  end
  return true
end

--- Listens as the options of the server say.
-- @tparam table state of sse.server.server_object
-- @return true; or nil, message, code
function listening.begin(state) return open(state, {}, 2) end

--- Raises where connections are to begin with a PROXY header, and no proxy is trusted.
-- @tparam boolean|nil proxy_protocol the option
-- @tparam table|nil trusted_proxies the option
-- @tparam string where the function's name for messages
-- @tparam int level as of `error`, seen from this function
function listening.check_proxies(proxy_protocol, trusted_proxies, where, level)
  if not proxy_protocol or (trusted_proxies and trusted_proxies[1]) then return end
  local message = "%s: 'proxy_protocol' needs 'trusted_proxies', the addresses of the proxies"
  error(message:format(where) .. OPTIONS, level)
end

--- Binds and listens. Each further call adds a listener, with the same routes and limits.
--
--    server:listen()                                      -- as the options of sse.server say
--    server:listen(9523)                                  -- another port
--    server:listen { host = "::1", port = 9524, tls = false }
--    server:listen { unix = "/run/app/app.sock", mode = "0660" }
--    server:listen { fd = 3 }                             -- a socket that listens already
--    server:listen { systemd = true }                     -- those that systemd passes
-- @tparam[opt] int|table given a port; or `host`, `port`, `port_reuse`; or `unix`, a path, whose
-- file is replaced if nobody listens on it, and `mode`, its permissions; or `fd`, a descriptor, of
-- which the server uses a copy; or `systemd`, true or the name of sockets, which also tells systemd
-- when the service is ready and stops, and that it lives. With any of them `tls`: certificates for
-- this listener alone, or false for plain HTTP; and `proxy_protocol`. What is not given is as the
-- server's options say.
-- @return true; or nil, message, code ("EADDRINUSE", "EACCES", "ECERT" ...), and the other
-- listeners stay as they were
function methods:listen(given, ...)
  options.check_self(self, metatable, "server:listen(options)", ...)
  if type(given) == "number" then
    given = options.check("server:listen", { port = given }, spec)
  end
  given = options.check("server:listen", given, spec)
  listening.check_place("server:listen", given, 3)
  local state = state_of(self)
  listening.check_proxies(choose(state, given, "proxy_protocol"), state.trusted_proxies,
    "server:listen", 3)
  return open(state, given, 2)
end

return listening
