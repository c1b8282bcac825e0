--- One HTTP exchange of the client: a request, the redirects it is led through, a response.
-- Redirects are followed here rather than by libcurl, so that what may go to another origin is
-- decided in one place: past the first foreign origin neither credentials nor secrets are sent any
-- more, also not on the way back.
-- @module sse.client.request
local core = require "sse.core"
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"

local request = {}

local MAX_REDIRECTS = 20
local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

local exchange = { hops = 0, received = 0 }
exchange.__index = exchange

local on_head, on_data, on_done -- what a transfer calls, its exchange first

local function transfer_options(self)
  local o = self.options
  local tls = o.tls or {}
  return {
    url = self.url.request, method = self.method, headers = self.headers, body = self.body,
    user = self.user, password = self.password,
    cookies = o.withCredentials, cookie_file = o.withCredentials and o.cookies or nil,
    connect_timeout = o.connectTimeout, max_head = o.maxHeadSize, max_fields = o.maxHeadFields,
    http2 = o.http2,
    proxy = o.proxy, no_proxy = o.noProxy,
    unix_socket = self.unix_socket,
    ca = tls.ca, insecure = tls.verify == false and not self.foreign,
    insecure_proxy = tls.verify == false,
    cert = not self.foreign and tls.cert or nil, key = not self.foreign and tls.key or nil,
    owner = self, on_head = on_head, on_data = on_data, on_done = on_done,
  }
end

-- Nothing is reported before the caller has the exchange in hand.
local function refuse(self, message, code)
  core.defer(function()
    if not self.cancelled then self:finish(failure.new(message, code)) end
  end)
end

local function send(self)
  if self.url.scheme ~= "http" and self.url.scheme ~= "https" then
    return refuse(self, ("URL scheme '%s' is not supported"):format(self.url.scheme), "ESCHEME")
  end
  local transfer, message, code = core.transfer(transfer_options(self))
  if not transfer then return refuse(self, message, code) end
  self.transfer = transfer
end

--- Starts an exchange.
-- @tparam table o url (from core.url), method, headers (a list), body, options (withCredentials,
-- cookies, connectTimeout, proxy, noProxy, tls, http2, unixSocket, redirect), owner: its methods
-- on_head(response), on_data(bytes), on_done(failure or nil) are called. A response has status,
-- headers, url (from core.url), redirected, protocol, tls.
-- @return the exchange: cancel(), pause(), resume(), feed(parser), bytes(), active(), silent()
function request.start(o)
  local self = setmetatable({
    url = o.url, method = o.method, headers = o.headers, body = o.body, options = o.options,
    owner = o.owner, unix_socket = o.options.unixSocket,
  }, exchange)
  if o.options.withCredentials then self.user, self.password = o.url.user, o.url.password end
  send(self)
  return self
end

-- The Location of a response's fields: nil where there is none, false where two differ.
local function location_of(list)
  local location
  for i = 1, #list, 2 do
    if list[i]:lower() == "location" then
      if location and location ~= list[i + 1] then return false end
      location = list[i + 1]
    end
  end
  return location
end

-- Where a redirect leads, or nil, message.
local function target(self, location)
  if not location then return nil, "a redirect with two Location fields" end
  if location == "" then return nil, "a redirect with an empty Location" end
  if self.hops >= MAX_REDIRECTS then
    return nil, ("more than %d redirects"):format(MAX_REDIRECTS)
  end
  local url, message = core.url(location, self.url.request)
  if not url then return nil, ("a redirect to an invalid URL: %s"):format(message) end
  if url.scheme ~= "http" and url.scheme ~= "https" then
    return nil, ("a redirect to the scheme '%.20s'"):format(url.scheme)
  end
  return url
end

-- Fetch 4.4 step 12: what becomes a GET.
local function rewrite(self, status)
  local method = self.method or (self.body and "POST" or "GET")
  local becomes_get = status == 303 and method ~= "GET" and method ~= "HEAD"
    or (status == 301 or status == 302) and method == "POST"
  if not becomes_get then return end
  self.method, self.body = "GET", nil
  for _, part in ipairs { "Type", "Encoding", "Language", "Location" } do
    headers.remove(self.headers, "Content-" .. part)
  end
end

local function go_foreign(self)
  self.foreign = true
  self.user, self.password, self.unix_socket = nil, nil, nil
  self.headers = headers.harmless(self.headers)
end

local function follow(self, status, location)
  local url, message = target(self, location)
  self.received = self.received + self.transfer.bytes
  self.transfer:cancel()
  self.transfer = nil -- its bytes are counted
  if not url then return self:finish(failure.new(message, "EREDIRECT", { status = status })) end
  self.hops = self.hops + 1
  rewrite(self, status)
  if url.origin ~= self.url.origin then go_foreign(self) end
  self.url = url
  send(self)
end

function on_head(self, status, list)
  local fields = headers.response(list)
  local mode = self.options.redirect or "follow"
  if redirects[status] and fields.location and mode ~= "manual" then
    if mode == "follow" then return follow(self, status, location_of(list)) end
    self.transfer:cancel()
    return self:finish(failure.new("a redirect", "EREDIRECT",
      { status = status, headers = fields }))
  end
  self.headers, self.body = nil, nil -- no more requests
  self.owner:on_head {
    status = status, headers = fields, url = self.url, redirected = self.hops > 0,
    protocol = self.transfer.protocol, tls = self.transfer.tls,
  }
end

function on_data(self, bytes)
  self.owner:on_data(bytes)
end

-- The message may show what a server wrote, such as a certificate's name.
function on_done(self, message, code)
  self:finish(message and failure.new((message:gsub("%c", "?")), code) or nil)
end

function exchange:finish(why)
  self.owner:on_done(why)
end

--- Gives up: no callback comes any more.
function exchange:cancel()
  self.cancelled = true
  if self.transfer then self.transfer:cancel() end
end

function exchange:pause()
  self.paused = true
  if self.transfer then self.transfer:pause() end
end

function exchange:resume()
  if self.paused then self.resumed = core.now() end
  self.paused = false
  if self.transfer then self.transfer:resume() end
end

--- From now on the body goes into the parser.
function exchange:feed(parser)
  self.transfer:feed(parser)
end

--- Bytes of body received.
function exchange:bytes()
  return self.received + (self.transfer and self.transfer.bytes or 0)
end

--- When the last byte came, on core.now's clock.
function exchange:active()
  return self.transfer and self.transfer.active or core.now()
end

--- For how long nothing came though somebody would have read it.
function exchange:silent()
  if self.paused then return 0 end
  return core.now() - math.max(self:active(), self.resumed or 0)
end

return request
