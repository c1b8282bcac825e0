--- One HTTP exchange of the client: a request, the redirects that it meets, and the response.
-- Redirects are followed here and not by libcurl, so that one place decides what another origin may
-- get: from the first redirect to another origin on, no credentials and no header that could hold
-- a secret are sent, not even if a later redirect leads back.
-- @module sse.client.request
local core = require "sse.core"
local failure = require "sse.client.failure"
local headers = require "sse.shared.headers"
local proxy = require "sse.client.proxy"

local request = {}

local MAX_REDIRECTS = 20
local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- `redirect_count` is the number of redirects followed, `earlier_bytes` the bytes of body that the
-- transfers before the present one received.
local exchange = { redirect_count = 0, earlier_bytes = 0 }
exchange.__index = exchange

-- A number without a fraction of zeros: "500", not "500.0".
local function show_ms(ms) return tostring(math.tointeger(ms) or ms) end

-- The transfer's callbacks; the exchange is their first argument.
local on_head, on_data, on_done

local function transfer_options(self)
  local o = self.options
  local tls = o.tls or {}
  return {
    url = self.url.request, method = self.method, headers = self.headers, body = self.body,
    user = self.user, password = self.password,
    cookies = o.withCredentials, cookie_file = o.withCredentials and o.cookieFile or nil,
    connect_timeout = o.connectTimeout, max_head_size = o.maxHeadSize, max_fields = o.maxHeadFields,
    version = o.httpVersion == "1.1" and "1.1" or o.httpVersion and "2" or nil,
    proxy = proxy.to_ascii(o.proxy), no_proxy = proxy.hosts_to_ascii(o.noProxy),
    unix_socket = self.unix_socket,
    ca = tls.ca, insecure = tls.verify == false and not self.cross_origin,
    insecure_proxy = tls.verify == false,
    cert = not self.cross_origin and tls.cert or nil,
    key = not self.cross_origin and tls.key or nil,
    owner = self, on_head = on_head, on_data = on_data, on_done = on_done,
  }
end

-- Fails the exchange where the head of its response has not come in time.
local function start_timer(self, ms)
  self.timer = core.timer(ms, function()
    self:cancel()
    local message = ("no response within %s ms (option 'timeout')"):format(show_ms(ms))
    self:finish(failure.new(message, "ETIMEDOUT"))
  end)
end

local function stop_timer(self)
  if self.timer then self.timer:stop() end
  self.timer = nil
end

-- Fails at the end of the loop's turn: `request.start` returns the exchange before its owner hears
-- of a failure.
local function fail_later(self, message, code)
  core.defer(function()
    if not self.cancelled then self:finish(failure.new(message, code)) end
  end)
end

local function start_transfer(self)
  if self.url.scheme ~= "http" and self.url.scheme ~= "https" then
    return fail_later(self, ("URL scheme '%s' is not supported"):format(self.url.scheme), "ESCHEME")
  end
  local transfer, message, code = core.transfer(transfer_options(self))
  if not transfer then return fail_later(self, message, code) end
  self.transfer = transfer
end

--- Starts an exchange.
-- @tparam table o `url` (of core.url); `method`; `headers`, a list (name, value, name, value ...);
-- `body`; `options`: the user's withCredentials, cookies, connectTimeout, timeout (redirects
-- included), maxHeadSize, maxHeadFields, proxy, noProxy, tls, httpVersion, unixSocket and redirect;
-- `owner`, an object whose methods are called: `on_head(response)` and `on_data(bytes)`, and at the
-- end `on_done(failure or nil)`, once. A response has status, headers (by lower-case name), url (of
-- core.url), redirected (boolean), protocol and tls.
-- @treturn table the exchange: cancel(), pause(), resume(), feed(parser), bytes(), active(),
-- silence()
function request.start(o)
  local self = setmetatable({
    url = o.url, method = o.method, headers = o.headers, body = o.body, options = o.options,
    owner = o.owner, unix_socket = o.options.unixSocket,
  }, exchange)
  if o.options.withCredentials then self.user, self.password = o.url.user, o.url.password end
  start_transfer(self)
  if o.options.timeout then start_timer(self, o.options.timeout) end
  return self
end

-- The Location in a list of fields: nil if there is none, false if two differ.
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

-- The URL to which a redirect leads; or nil and why it is not followed.
local function redirect_target(self, location)
  if not location then return nil, "a redirect with two Location fields" end
  if location == "" then return nil, "a redirect with an empty Location" end
  if self.redirect_count >= MAX_REDIRECTS then
    return nil, ("more than %d redirects"):format(MAX_REDIRECTS)
  end
  local url, message = core.url(location, self.url.request)
  if not url then return nil, ("a redirect to an invalid URL: %s"):format(message) end
  if url.scheme ~= "http" and url.scheme ~= "https" then
    return nil, ("a redirect to the scheme '%.20s'"):format(url.scheme)
  end
  if url.scheme == "http" and self.options.httpVersion == "2" then
    return nil, "a redirect to http, which httpVersion \"2\" can't follow"
  end
  return url
end

-- Turns the request into a GET without a body, where the redirect's status asks for that (Fetch
-- 4.4, HTTP-redirect fetch, step 12).
local function rewrite_method(self, status)
  local method = self.method or (self.body and "POST" or "GET")
  local becomes_get = status == 303 and method ~= "GET" and method ~= "HEAD"
    or (status == 301 or status == 302) and method == "POST"
  if not becomes_get then return end
  self.method, self.body = "GET", nil
  for _, part in ipairs { "Type", "Encoding", "Language", "Location" } do
    headers.remove(self.headers, "Content-" .. part)
  end
end

-- Drops from the request all that only the first origin may get.
local function drop_credentials(self)
  self.cross_origin = true
  self.user, self.password, self.unix_socket = nil, nil, nil
  self.headers = headers.without_secrets(self.headers)
end

local function follow_redirect(self, status, location)
  local url, message = redirect_target(self, location)
  self.earlier_bytes = self.earlier_bytes + self.transfer.bytes
  self.transfer:cancel()
  self.transfer = nil -- else `bytes` would count its bytes again
  if not url then return self:finish(failure.new(message, "EREDIRECT", { status = status })) end
  self.redirect_count = self.redirect_count + 1
  rewrite_method(self, status)
  if url.origin ~= self.url.origin then drop_credentials(self) end
  self.url = url
  start_transfer(self)
end

function on_head(self, status, list)
  local fields = headers.response(list)
  local mode = self.options.redirect or "follow"
  if redirects[status] and fields.location and mode ~= "manual" then
    if mode == "follow" then return follow_redirect(self, status, location_of(list)) end
    self.transfer:cancel()
    return self:finish(failure.new("a redirect", "EREDIRECT",
      { status = status, headers = fields }))
  end
  self.headers, self.body = nil, nil -- no redirect can need them any more
  stop_timer(self)
  self.owner:on_head {
    status = status, headers = fields, url = self.url, redirected = self.redirect_count > 0,
    protocol = self.transfer.protocol, tls = self.transfer.tls,
  }
end

function on_data(self, bytes)
  self.owner:on_data(bytes)
end

-- Whether libcurl's message "Failed to connect to HOST port N after ..." is about the proxy's port.
-- It is not where 'noProxy' names the host.
local function is_about_proxy(message, proxy_url)
  local port = message:match " port (%d+)"
  return port and proxy_url and proxy_url:find(":" .. port .. "%f[%D]")
end

-- What a message of libcurl's leaves to be guessed: the option that matters, or the usual cause.
local function advice(self, message, code)
  if code == "ECERT" and (message:find "self%-?signed" or message:find "local issuer") then
    return " ('tls' = { ca = path } names an authority of your own)"
  elseif code == "ETLS" and message:find "wrong version number" then
    return " (what answers does not speak TLS: http://, or another port?)"
  elseif code == "ECONNREFUSED" and is_about_proxy(message, self.options.proxy) then
    return " (option 'proxy')"
  end
  return ""
end

-- The message may quote what a server sent, such as a certificate's name: control characters are
-- replaced.
function on_done(self, message, code)
  if not message then return self:finish() end
  message = message:gsub("%c", "?")
  self:finish(failure.new(message .. advice(self, message, code), code))
end

function exchange:finish(why)
  stop_timer(self)
  self.owner:on_done(why)
end

--- Aborts the exchange. None of the owner's callbacks is called any more.
function exchange:cancel()
  self.cancelled = true
  stop_timer(self)
  if self.transfer then self.transfer:cancel() end
end

--- Stops receiving until `resume`.
function exchange:pause()
  self.paused = true
  if self.transfer then self.transfer:pause() end
end

--- Receives again after `pause`.
function exchange:resume()
  if self.paused then self.resumed_at = core.now() end
  self.paused = false
  if self.transfer then self.transfer:resume() end
end

--- Sends the rest of the body into a parser, without `on_data`.
-- @param parser of core.parser
function exchange:feed(parser)
  self.transfer:feed(parser)
end

--- The bytes of body received so far, those of redirects included.
-- @treturn int
function exchange:bytes()
  return self.earlier_bytes + (self.transfer and self.transfer.bytes or 0)
end

--- When the last byte was received, in milliseconds on core.now's clock.
-- @treturn number
function exchange:active()
  return self.transfer and self.transfer.active or core.now()
end

--- For how many milliseconds nothing has been received, as a timer's call may judge it: up to the
-- time until which the loop has read what came. Time in which the exchange was paused does not
-- count.
-- @treturn number
function exchange:silence()
  if self.paused then return 0 end
  return core.seen() - math.max(self:active(), self.resumed_at or 0)
end

return request
