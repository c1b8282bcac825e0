--- What a master listens on: the option `listen` of `sse.workers`.
-- @module sse.workers.addresses
local core = require "sse.core"
local listening = require "sse.server.listening"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local systemd = require "sse.server.systemd"

local addresses = {}

local WHERE = "sse.workers: listen"
local rules = options.specs["server:listen"]
local spec = options.spec(WHERE, {
  host = rules.host, port = rules.port, port_reuse = rules.port_reuse, unix = rules.unix,
  mode = rules.mode, systemd = rules.systemd,
})

--- The rule of the option.
addresses.rule = {
  expected = "a port, an address such as { port = 9522 }, or a list of addresses",
  check = function(v)
    return type(v) == "table" or spec.port.check(v)
  end,
}

-- An address as messages name it.
local function text_of(given, port)
  if given.unix then return given.unix end
  if given.systemd then
    return given.systemd == true and "systemd's sockets"
      or ("systemd's sockets '%s'"):format(given.systemd)
  end
  local host = given.host or "127.0.0.1"
  return (host:find ":" and "[%s]:%d" or "%s:%d"):format(host, port)
end

--- Checks the option.
-- @tparam int|table|nil given
-- @tparam int level as of `error`, seen from this function
-- @treturn {table,...} a list of addresses
function addresses.check(given, level)
  if given == nil then return {} end
  if type(given) == "number" then return { { port = given } } end
  local list = {}
  for i, one in ipairs(given[1] ~= nil and given or { given }) do
    if type(one) == "number" then one = { port = one } end
    list[i] = options.check(WHERE, one, spec, level + 1)
    listening.check_place(WHERE, one, level + 1)
  end
  for key in pairs(given[1] ~= nil and given or list) do
    if not list[key] then
      local message = "%s: a list of addresses has no '%s' [docs/errors.md#options]"
      error(message:format(WHERE, tostring(key)), level)
    end
  end
  return list
end

-- Opens the sockets of one address.
local function open(given, count, backlog)
  local fds, message, code
  if given.systemd then
    fds, message, code = systemd.sockets(given.systemd)
    if not fds then return nil, message, code end
  end
  local is_host = not given.systemd and not given.unix
  local port = math.tointeger(given.port or 0)
  local sockets
  sockets, message, code = core.worker_sockets({
    host = is_host and (given.host or "127.0.0.1") or nil, port = is_host and port or nil,
    unix = given.unix, mode = given.mode and tonumber(given.mode, 8), fds = fds,
    port_reuse = given.port_reuse,
  }, count, backlog)
  if not sockets then return nil, message, code end
  return {
    sockets = sockets, text = text_of(given, sockets.port), unix = given.unix,
    systemd = given.systemd, host = is_host and (given.host or "127.0.0.1") or nil,
    port = is_host and port or nil, actual = is_host and sockets.port or nil,
  }
end

--- Closes the sockets of a list in this process.
-- @tparam {table,...} list of `open`
function addresses.close(list)
  for _, address in ipairs(list) do address.sockets:close() end
end

--- Opens the sockets of all addresses, or none.
-- @tparam {table,...} given of `check`
-- @tparam int count of workers
-- @tparam int backlog
-- @treturn {table,...}|nil by address `sockets`, and what sse.server.worker says of one but `fds`
-- @treturn ?string message
-- @treturn ?string code
function addresses.open(given, count, backlog)
  local list = {}
  for i, one in ipairs(given) do
    local address, message, code = open(one, count, backlog)
    if not address then
      addresses.close(list)
      return nil, pages.add(message, code), code
    end
    list[i] = address
  end
  return list
end

--- In a worker: the addresses with its own sockets. It has those of the others, too.
-- @tparam {table,...} list of `open`
-- @tparam int id
-- @treturn {table,...} as sse.server.worker has them
function addresses.of_worker(list, id)
  local own = {}
  for i, address in ipairs(list) do
    own[i] = {
      text = address.text, unix = address.unix, systemd = address.systemd, host = address.host,
      port = address.port, actual = address.actual, fds = address.sockets:of(id),
      sockets = address.sockets,
    }
  end
  return own
end

return addresses
