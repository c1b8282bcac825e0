--- Channels and their followers over real sockets, for one test; `stop` checks that nothing is
-- left.
local json = require "sse.json"
local inflater = require "spec.inflater"
local new_channel = require("sse.channel").new
local new_parser = require "sse.parser"
local lfs = require "lfs"
local raw = require "spec.support.raw"
local socket = require "socket"
local serving = require "spec.support.serving"
local wait = require "spec.support.wait"

local following = {}
local client = {}
client.__index = client

local made, number = {}, 0

local WINDOW = 4096 -- bytes of a socket buffer that fills quickly

--- Makes a channel with a new name.
function following.channel(options)
  number = number + 1
  local channel = new_channel("channel " .. number, options or {})
  made[#made + 1] = channel
  return channel
end

--- Starts a server with a channel that GET / follows; returns the channel, the list of streams, the
-- server.
-- @tparam[opt] table options the channel's
-- @tparam[opt] table follow the followers'
function following.serve(options, follow)
  local channel, streams = following.channel(options), {}
  local server = following.handle(function(req, res)
    local stream = res:event_stream()
    streams[#streams + 1] = stream
    stream.on_close = function(reason) streams[reason] = (streams[reason] or 0) + 1 end
    stream:follow(channel, follow and follow(req) or {})
  end)
  return channel, streams, server
end

local listening -- the port

--- Gives connections that are accepted at that port from now on a small send buffer: an accepted
-- socket has the buffer size of the listening socket.
function following.shrink_buffers(port)
  for name in lfs.dir "/dev/fd" do
    local s = tonumber(name) and socket.tcp()
    if s then
      s:setfd(tonumber(name))
      local _, own = s:getsockname()
      if tonumber(own) == port and not s:getpeername() then
        assert(s:setoption("send-buffer-size", WINDOW))
      end
      s:setfd(-1)
    end
  end
end

--- Starts a server whose GET / is that handler.
function following.handle(handler, options)
  local server = serving.start(options or {}, function(s) s:get("/", handler) end)
  listening = server.port
  return server
end

--- The id of a position in the channel's log, made of an `id` of the same log.
function following.id(id, position)
  return (id:gsub("%d+$", ("%d"):format(position)))
end

--- Publishes the whole numbers from first to last as data; returns their ids.
function following.count(channel, first, last, template)
  local ids = {}
  for n = first, last do
    local event = { data = n }
    for name, value in pairs(template or {}) do event[name] = value end
    ids[n] = assert(channel:publish(event))
  end
  return ids
end

--- Connects a client to that port, for `request`. is_narrow: with a small receive buffer.
function following.peer(port, is_narrow)
  return setmetatable({ events = {}, raw = raw.connect(port, is_narrow and WINDOW) }, client)
end

--- Connects, without sending anything yet.
-- @tparam table given `slow`: the client reads only when told to, and its connection and later
-- ones have small buffers
function following.connect(given)
  local self = setmetatable({ events = {} }, client)
  if given.slow then following.shrink_buffers(listening) end
  self.raw = serving.connect(given.slow and WINDOW)
  self.parser = new_parser {
    on_event = function(data, kind, last)
      table.insert(self.events, { data = data, type = kind, id = last })
    end,
    on_retry = function(ms) self.retry = ms end,
  }
  return self
end

--- Sends the client's request; parameters as for `open`.
function client:request(id, given)
  self.raw:send(("%s %s HTTP/%s\r\nHost: a\r\nAccept-Encoding: %s\r\n%s\r\n"):format(
    given.method or "GET", given.target or "/", given.version or "1.1", given.accept or "identity",
    id and "Last-Event-ID: " .. id .. "\r\n" or ""))
end

--- Opens a stream.
-- @tparam[opt] string id Last-Event-ID
-- @tparam[opt] table given `target` ("/"), `version` ("1.1"), `method`, `accept` (a content
-- coding), `slow` (see `connect`)
function following.open(id, given)
  given = given or {}
  local self = following.connect(given)
  self:request(id, given)
  if not given.slow then self:head() end
  return self
end

--- Reads the response's head.
function client:head()
  local head = self.raw:head()
  assert(head.status == 200, head.text)
  self.chunked = head.headers["transfer-encoding"] == "chunked"
  self.inflater = head.headers["content-encoding"] and inflater.new()
  self.open = true
  return self
end

-- Removes a whole chunk from the buffer and returns its data, or nil.
local function take_chunk(self)
  local size, at = self.raw.buffer:match("^(%x+)\r\n()")
  local stop = size and at + tonumber(size, 16)
  if not size or #self.raw.buffer < stop + 1 then return nil end
  assert(self.raw.buffer:sub(stop, stop + 1) == "\r\n", "no line end behind a chunk")
  local chunk = self.raw.buffer:sub(at, stop - 1)
  self.raw.buffer = self.raw.buffer:sub(stop + 2)
  return chunk
end

local function plain(self, chunk)
  return self.inflater and self.inflater:feed(chunk) or chunk
end

-- Feeds the parser with the decoded bytes that have come.
local function parse(self)
  if not self.chunked then
    self.parser:feed(self.raw.buffer)
    self.raw.buffer = ""
    return
  end
  for chunk in take_chunk, self do
    assert(not self.ended, "a chunk behind the last")
    self.ended = chunk == ""
    if not self.ended then self.parser:feed(plain(self, chunk)) end
  end
  assert(not self.ended or not self.inflater or self.inflater:ended(), "no trailer")
end

--- Reads what has come, without waiting.
function client:poll()
  self.raw:take()
  local stop = not self.open and select(2, self.raw.buffer:find("\r\n\r\n", 1, true))
  if stop then
    assert(self.raw.buffer:find "^HTTP/1.1 200 ")
    if self.raw.buffer:sub(1, stop):find "\r\nContent%-Encoding: " then
      self.inflater = inflater.new()
    end
    self.raw.buffer = self.raw.buffer:sub(stop + 1)
    self.open, self.chunked = true, true
  end
  if self.open then parse(self) end
end

--- Reads what has come. Sets `ended` if the stream ended cleanly; `raw.eof` is set once the
-- connection has ended.
function client:take()
  if not self.open then self:head() end
  self.raw:take()
  parse(self)
end

local function show(event)
  if event.type ~= "sse-gap" then return event.data end
  return "gap:" .. json.decode(event.data).reason
end

--- The data of the client's events, and "gap:reason" for gaps, separated by spaces.
function client:text()
  local words = {}
  for i, event in ipairs(self.events) do words[i] = show(event) end
  return table.concat(words, " ")
end

--- Reads until fn(client) is true.
function client:till(fn, what)
  local function done()
    self:take()
    return fn(self)
  end
  local ok, message = pcall(raw.pump, done, what or "events")
  if ok then return self end
  error(("%s; there are %d: %s"):format(message, #self.events, self:text():sub(-300)), 2)
end

--- Reads until the last event has that data.
function client:till_data(data)
  data = tostring(data)
  return self:till(function()
    return self.events[1] and self.events[#self.events].data == data
  end, "the event " .. data)
end

--- Publishes a last event and reads up to it; returns the text of the events before it.
function client:all(channel)
  assert(channel:publish "end")
  self:till_data "end"
  table.remove(self.events)
  return self:text()
end

--- Reads until the stream has ended cleanly, or the connection has.
function client:till_end()
  return self:till(function() return self.ended or self.raw.eof end, "the stream's end")
end

--- The id that the client would send as Last-Event-ID.
function client:last_id()
  local last = self.events[#self.events]
  return last and last.id
end

function client:close() self.raw:close() end

--- Pumps the loop until the channel has that many followers.
function following.followers(channel, n)
  raw.pump(function() return channel.followers == n end, n .. " followers")
end

--- Publishes until the stream of a client that does not read is behind by more than the client's
-- sockets could still take; returns the number of events.
-- @param channel
-- @param stream
-- @tparam[opt] int size of each event's data
function following.fill(channel, stream, size)
  local data, n = ("x"):rep(size or 60000), 0
  -- What waits may only be what this turn had no time to send.
  local function is_full()
    if stream.pending == 0 and not stream.closed then return false end
    wait.unchanged(function() return stream.pending end)
    return stream.pending > 0 or stream.closed
  end
  repeat
    raw.pump(function()
      if stream.pending > 0 or stream.closed then return true end
      assert(channel:publish(data))
      n = n + 1
    end, "a full socket")
  until is_full()
  return n
end

--- The text "1 2 3" from first to last.
function following.numbers(first, last)
  local words = {}
  for n = first, last do words[#words + 1] = tostring(n) end
  return table.concat(words, " ")
end

--- Drops this module's references to the channels made so far.
function following.drop_references() made = {} end

--- For after_each: closes everything, and checks that nothing is left and no handler failed.
function following.stop()
  serving.stop()
  for _, channel in ipairs(made) do
    assert(channel.followers == 0, channel.name .. " has followers still")
    channel:close()
  end
  made = {}
  local first = serving.errors[1]
  assert(not first, first and first.message)
end

return following
