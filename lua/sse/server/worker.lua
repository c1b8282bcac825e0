--- What a process knows of being a worker (sse.workers). In any other process `worker.current` is
-- nil, and nothing here has an effect.
-- @module sse.server.worker
local core = require "sse.core"
local hints = require "sse.shared.hints"
local options = require "sse.shared.options"

local worker = {}

--- In a worker a table:
--
-- * `id`, from 1; `count`, how many workers there are;
-- * `control`, a descriptor that leads to the master; `told`, whether the master knows that the
--   worker is ready; `over`, whether it ends;
-- * `addresses`, a list of what the master listens on; `listens`, which of them its servers have
--   taken; `lent`, by id the sockets of other workers that it accepts from;
-- * `asks`, by id the descriptors by which workers ask each other (sse.server.other_workers), and
--   `answers`, the watch of their questions;
-- * `numbers`, which they and the master have in common (see worker.number); `beat`, how often, in
--   milliseconds, the worker says that its loop turns, or nil.
--
-- An address has `text`, for messages; `host`, `port` (as the options say) and `actual` (the port
-- that it is); or `unix`; or `systemd`; and `fds`, its descriptors here, and `sockets`, the core's
-- object of them.
worker.current = nil

local NUMBERS = { starts = 1, crashes = 2, turns = 3 }

--- How many numbers there are of a worker.
worker.NUMBERS = 3

--- Where a number of a worker is in those that all have in common.
-- @tparam int id
-- @tparam string name "starts" and "crashes", which the master counts; "turns", how often the
-- worker has said that its loop turns
-- @treturn int
function worker.number(id, name) return (id - 1) * worker.NUMBERS + NUMBERS[name] end

-- --- the object of the program -------------------------------------------------------------------

local fields = { id = true, count = true }

local metatable = {
  __name = "sse.worker",
  __index = function(_, key) hints.raise_missing("worker", "a worker", key, fields) end,
  __newindex = function(_, key) options.raise_unknown_field("worker", "a worker", key, {}) end,
}

--- Makes what a program gets of the worker that runs it.
-- @tparam int id
-- @tparam int count
function worker.object(id, count)
  return setmetatable({ id = id, count = count }, metatable)
end

--- What messages of a worker begin with: "worker 2: "; elsewhere "".
-- @treturn string
function worker.prefix()
  return worker.current and ("worker %d: "):format(worker.current.id) or ""
end

-- --- servers -------------------------------------------------------------------------------------

-- The servers of the process by the order in which they were made: the n-th of one worker is the
-- n-th of all, since they run the same program.
local ordinals, made = setmetatable({}, { __mode = "k" }), 0

--- A server was made.
-- @tparam table state of sse.server.server_object
function worker.add_server(state)
  made = made + 1
  ordinals[state] = made
end

--- The number of a server.
-- @tparam table state
-- @treturn int
function worker.ordinal(state) return ordinals[state] end

--- The server with a number.
-- @tparam int ordinal
-- @treturn table|nil its state
function worker.server(ordinal)
  for state, number in pairs(ordinals) do
    if number == ordinal then return state end
  end
end

--- Closes all servers and their connections at once. A program that is in no `server:run`, which
-- would return, gets SIGTERM.
function worker.end_at_once()
  local runs = false
  for state in pairs(ordinals) do
    runs = runs or state.runs
    state.core:close()
  end
  if not runs then core.kill(core.process_id(), "SIGTERM") end
end

-- --- listening -----------------------------------------------------------------------------------

local DEFAULT_HOST = "127.0.0.1"

-- Whether a server of the worker listens on an address. (It may have taken it, and was closed.)
local function is_in_use(address)
  for _, listens in ipairs(worker.current.listens) do
    if listens.state.core.listening then
      for _, taken in ipairs(listens.addresses) do
        if taken == address then return true end
      end
    end
  end
  return false
end

-- Whether an address is the one that server:listen's options name, or else the server's.
local function is_meant(address, state, given)
  if given.unix then return address.unix == given.unix end
  if given.systemd then return address.systemd == given.systemd end
  if not address.port then return false end
  local host = given.host or state.host or DEFAULT_HOST
  local port = given.port or state.port or 0
  return address.host == host and (port == address.port or port == address.actual)
end

--- The addresses of the master that a call of server:listen takes. Where any port will do it is one
-- that no server of the worker has.
-- @tparam table state of sse.server.server_object
-- @tparam table given the options of server:listen
-- @treturn {table,...}|nil nil: none
-- @treturn ?string message where a server of the worker listens there already
-- @treturn ?string code
function worker.find(state, given)
  local current, found, used = worker.current, {}, nil
  if not current or given.fd or current.over then return nil end
  local any_port = not given.unix and not given.systemd and (given.port or state.port or 0) == 0
  for _, address in ipairs(current.addresses) do
    local meant = is_meant(address, state, given)
    if meant and not given.systemd and is_in_use(address) then
      used = address
    elseif meant and not (any_port and found[1]) then
      found[#found + 1] = address
    end
  end
  if found[1] then return found end
  if not used or any_port then return nil end
  local message = "address %s is already in use by a server of this worker"
  return nil, message:format(used.text), "EADDRINUSE"
end

--- The sockets of addresses.
-- @tparam {table,...} addresses
-- @treturn {int,...} descriptors
function worker.sockets(addresses)
  local fds = {}
  for _, address in ipairs(addresses) do
    table.move(address.fds, 1, #address.fds, #fds + 1, fds)
  end
  return fds
end

--- The addresses that no server of the worker listens on yet, as text.
-- @treturn string|nil
function worker.missing()
  local texts = {}
  for _, address in ipairs(worker.current.addresses) do
    if not address.taken then texts[#texts + 1] = address.text end
  end
  return texts[1] and table.concat(texts, ", ")
end

--- Tells the master that the worker is ready, once its servers listen on all addresses and the loop
-- turns.
function worker.tell_ready()
  local current = worker.current
  if current.told or worker.missing() then return end
  core.defer(function()
    if current.told then return end
    current.told = true
    core.pair_write(current.control, "r")
  end)
end

--- A server listens on addresses.
-- @tparam table state of sse.server.server_object
-- @tparam {table,...} addresses
function worker.took(state, addresses)
  local listens = worker.current.listens
  for i = #listens, 1, -1 do -- the server was closed, and listens again
    local is_same = listens[i].state == state and listens[i].addresses[1] == addresses[1]
    if is_same then table.remove(listens, i) end
  end
  listens[#listens + 1] = { state = state, addresses = addresses }
  for _, address in ipairs(addresses) do address.taken = true end
  worker.tell_ready()
end

-- Listens on the sockets that another worker has for what a server here listens on. Where both
-- accept from the same socket there is nothing to do. Where no descriptor is left, they wait for
-- the worker.
local function borrow(listens, id, lent)
  local core_server = listens.state.core
  if not core_server.listening then return end
  for _, address in ipairs(listens.addresses) do
    for i, fd in ipairs(address.sockets:of(id)) do
      if fd ~= address.fds[i] and core_server:listen_like(address.fds[i], { fds = { fd } }) then
        lent[#lent + 1] = { server = core_server, fd = fd }
      end
    end
  end
end

--- Accepts, beside its own, from the sockets of a worker whose place is empty.
-- @tparam int id
function worker.borrow(id)
  local current, lent = worker.current, {}
  if current.over or current.lent[id] then return end
  current.lent[id] = lent
  for _, listens in ipairs(current.listens) do borrow(listens, id, lent) end
end

--- Leaves these sockets to the worker again.
-- @tparam int id
function worker.give_back(id)
  local current = worker.current
  for _, one in ipairs(current.lent[id] or {}) do one.server:stop_copies(one.fd) end
  current.lent[id] = nil
end

--- The worker ends: it closes its sockets, so that nobody waits in them once the others have closed
-- theirs.
function worker.stop_listening()
  local current = worker.current
  if not current or current.over then return end
  current.over = true
  current.answers:stop() -- the one that takes this one's place answers
  for _, address in ipairs(current.addresses) do
    address.sockets:close()
  end
end

return worker
