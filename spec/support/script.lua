--- Random scripts of channels and their clients, over real connections; each step is checked
-- against spec.support.model. A seed does the same in every run, except for the clock and the
-- kernel.
local choices = require "spec.support.choices"
local core = require "sse.core"
local following = require "spec.support.following"
local model = require "spec.support.model"
local new_channel = require("sse.channel").new
local window = require "sse.store.window"

local pick = choices.pick
local script = {}

local patience = tonumber(os.getenv("SSE_TEST_PATIENCE") or "") or 1
local LIMIT_MS = 5000 * patience
local pad = ("p"):rep(400)

local function turn()
  core.defer(function() end) -- a turn with a deferred call does not wait
  core.turn()
end

local Script = {}
Script.__index = Script

-- Turns the loop until fn() is true.
local function till(self, what, fn)
  local late = core.now() + LIMIT_MS
  while not fn() do
    if core.now() > late then error("waited for " .. what, 0) end
    turn()
    self:read()
  end
end

-- --- channels -----------------------------------------------------------------------------------

-- A new log. The one that a store keeps stays, unless it is lost.
function Script:begin_log(name)
  self.epochs[name] = (self.epochs[name] or 0) + 1
  local epoch, siblings = self.epochs[name], self.all[name]
  self.logs[name] = model.log(name, epoch, self.options[name], self.storing ~= nil, siblings)
  siblings[epoch] = self.logs[name]
end

function Script:begin(name)
  local options = { store = self.store }
  for key, value in pairs(self.options[name]) do options[key] = value end
  self.channels[name] = new_channel("model " .. name, options)
  if not self.store or not self.logs[name] then self:begin_log(name) end
  self.logs[name].channel = self.channels[name]
end

local function check_held(self, name)
  local limits, log = self.options[name], self.logs[name]
  if limits.max_age or limits.history == 0 or self.store then return end
  local stats = self.channels[name]:stats()
  assert(stats.history.events == log.next - log.first, "held")
  assert(stats.history.bytes == log.bytes, "held_bytes")
end

-- The event may come to clients before the publisher has its id.
local function publish_stored(self, name, event, time)
  local log = self.logs[name]
  local is_too_big = #"data: \n\n" + #event.data > log.options.history_bytes
  if not is_too_big then
    log.under_way = true
    log:add(event, "", time)
  end
  local id, message, code = self.channels[name]:publish(event)
  log.under_way = nil
  assert(is_too_big and code == "ETOOBIG" or id, message)
end

function Script:publish(name, own, key)
  local log = self.logs[name]
  local data = ("%s:%d:%d:%s"):format(name, log.epoch, log.next, pad:sub(1, self.rnd(400)))
  own = own and ("own %s %d %d"):format(name, log.epoch, log.next) or nil
  local event, time = { data = data, id = own, key = key }, core.now()
  if self.store then return publish_stored(self, name, event, time) end
  local id, _, code = self.channels[name]:publish(event)
  if not id then
    assert(code == "ETOOBIG" and #data + 20 > log.options.history_bytes // 2, code)
    return
  end
  log:add(event, id, time)
  check_held(self, name)
end

-- --- clients ------------------------------------------------------------------------------------

function Script:add_client()
  local rnd = self.rnd
  local client = model.client {
    names = pick(rnd, { { "a" }, { "a" }, { "b" }, { "a", "b" }, { "b", "a" } }),
    from = pick(rnd, { "newest", "newest", "oldest", 0, 1, 3 }), only = rnd(4) == 1,
    narrow = rnd(3) == 1, number = #self.clients + 1,
  }
  self.clients[client.number] = client
  self:connect(client)
end

function Script:connect(client)
  self.serial = self.serial + 1
  local conn = { serial = self.serial, client = client }
  self.conns[conn.serial] = conn
  conn.peer = following.peer(client.narrow and self.narrow or self.wide, client.narrow)
  conn.peer.parser = client:parser(conn)
  local accept = ({ "identity", "gzip", "deflate" })[client.number % 3 + 1]
  conn.peer:request(client.id, { target = "/?n=" .. conn.serial, accept = accept })
  client.conn = conn
end

local function filter(client)
  return client.only and function(event)
    return client:wants(tonumber(event.data:match "^%a:%d+:(%d+)"))
  end or nil
end

-- The handler of both servers.
function Script:handle(req, res)
  local conn = self.conns[tonumber(req.query.n)]
  local client = conn.client
  local stream, list = res:event_stream(), {}
  stream.on_close = function(reason) conn.reason = reason end
  conn.stream = stream
  assert(req.last_event_id == client.id or client.conn ~= conn)
  if client.conn == conn then client:follows(conn, self.logs) end
  for i, name in ipairs(client.names) do list[i] = self.channels[name] end
  list[#list + 1] = { from = client.from, where = filter(client) }
  stream:follow(table.unpack(list))
end

function Script:disconnect(client, reset)
  if not client.conn then return end
  if reset then client.conn.peer.raw:reset() else client.conn.peer:close() end
  client.conn = nil
end

-- Reads for all clients that read, and notes which were ended by the server.
function Script:read()
  for _, client in ipairs(self.clients) do
    local conn = client.conn
    if conn and not conn.paused then
      conn.peer:poll()
      if conn.peer.ended or conn.peer.raw.eof then
        local why = conn.reason
        if not conn.peer.ended then
          error(("an unclean end of client %d, told as %s, behind %q"):format(client.number, why,
            conn.peer.raw.buffer), 0)
        end
        local may_be_slow = client.narrow or self.store
        assert(why == nil or why == "server" or why == "slow" and may_be_slow, why)
        self:disconnect(client)
      end
    end
  end
end

-- --- steps ---------------------------------------------------------------------------------------

local acts = {}

function acts.publish(self, name) self:publish(name) end
function acts.own(self, name) self:publish(name, true) end
function acts.keyed(self, name) self:publish(name, false, "key " .. self.rnd(3)) end

function acts.burst(self, name)
  local keys = self.rnd(2) == 1
  for _ = 1, self.rnd(30) do
    self:publish(name, self.rnd(9) == 1, keys and "key " .. self.rnd(4) or nil)
  end
end

function acts.subscribe(self) if #self.clients < 6 then self:add_client() end end
function acts.disconnect(self, _, client) self:disconnect(client, self.rnd(2) == 1) end

function acts.reconnect(self, _, client)
  self:disconnect(client, self.rnd(2) == 1)
  self:connect(client)
end

function acts.pause(_, _, client)
  if client.conn and client.narrow then client.conn.paused = true end
end

function acts.resume(_, _, client)
  if client.conn then client.conn.paused = nil end
end

function acts.unfollow(self, name, client)
  local conn = client.conn
  if not conn or not conn.at or #client.names == 1 then return end
  if not conn.left[name] and conn.stream:unfollow(self.channels[name]) then
    conn.left[name] = true
  elseif conn.left[name] and conn.at[name].channel == self.channels[name]
      and conn.stream:follow(self.channels[name], { where = filter(client) }) then
    client:follows_again(conn, self.logs[name])
  end
end

function acts.restart(self, name)
  if self.rnd(3) > 1 then return end
  self.channels[name]:close()
  self:begin(name)
end

-- The store loses a log, and tells those who watch it.
function acts.lose(self, name)
  if not self.store or self.rnd(2) > 1 then return end
  local channel = self.channels[name]
  local epoch = self.storing.lose(self.store, "model " .. name)
  self:begin_log(name)
  self.logs[name].channel = channel
  till(self, "the loss to be noticed", function()
    local its = window.of(channel)
    return not its.watching or core.window_state(channel) == epoch
  end)
end

function acts.age(self, name)
  if not self.options[name].max_age or self.rnd(3) > 1 then return end
  till(self, "the events to age", function()
    return self.channels[name]:stats().history.events == 0
  end)
end

function acts.turn(self)
  for _ = 1, self.rnd(4) do turn() end
  self:read()
end

local weights = { "publish", "publish", "publish", "publish", "burst", "burst", "own", "keyed",
  "subscribe", "subscribe", "disconnect", "reconnect", "reconnect", "pause", "resume", "unfollow",
  "restart", "lose", "age", "turn", "turn", "turn", "turn", "turn", "turn" }

-- --- a script ------------------------------------------------------------------------------------

-- All clients read, those that were ended come back, and all receive everything.
local function receive_all(self)
  till(self, "everybody to have everything", function()
    local done = true
    for _, client in ipairs(self.clients) do
      if not client.conn then self:connect(client) end
      client.conn.paused = nil
      done = client:complete(client.conn, self.logs) and done
    end
    return done
  end)
end

local function run(self)
  for name in ("ab"):gmatch "%w" do
    self.options[name] = choices.options_of(self.rnd)
    self:begin(name)
  end
  self:add_client()
  for _ = 1, 10 + self.rnd(30) do
    local act = pick(self.rnd, weights)
    self.log[#self.log + 1] = act
    acts[act](self, pick(self.rnd, { "a", "b" }), pick(self.rnd, self.clients))
  end
  receive_all(self)
  for _, client in ipairs(self.clients) do acts.reconnect(self, nil, client) end
  receive_all(self)
  for name in ("ab"):gmatch "%w" do self:publish(name) end
  receive_all(self)
  for _, client in ipairs(self.clients) do self:disconnect(client) end
  for name in ("ab"):gmatch "%w" do self.channels[name]:close() end
  till(self, "everybody to leave", function()
    return self.channels.a.followers + self.channels.b.followers == 0
  end)
end

--- Runs the script of a seed; raises an error with the seed and the steps if anything is wrong.
-- @tparam int seed
-- @param wide a server
-- @param narrow a server whose connections have small buffers
-- @tparam[opt] table storing how channels' logs are kept: `make(rnd)` -> store, `lose(store,
-- name)` -> the new epoch, and perhaps `finish(store)`
function script.run(seed, wide, narrow, storing)
  local self = setmetatable({ rnd = choices.generator(seed), options = {}, channels = {}, logs = {},
    epochs = {}, clients = {}, conns = {}, serial = 0, log = {}, all = { a = {}, b = {} },
    wide = wide, narrow = narrow, storing = storing }, Script)
  if storing then self.store = storing.make(self.rnd) end
  script.current = self
  local ok, message = xpcall(run, function(e)
    return type(e) == "string" and e or debug.traceback(tostring(e))
  end, self)
  if storing and storing.finish then storing.finish(self.store) end
  if not ok then
    error(("script %d: %s\ndone: %s\n%s"):format(seed, message, table.concat(self.log, " "),
      choices.describe(self)), 0)
  end
end

--- The handler of both servers.
function script.handle(req, res) script.current:handle(req, res) end

return script
