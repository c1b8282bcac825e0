--- The options `proxy` and `noProxy`, as libcurl takes them. Where libcurl meets a host that is not
-- ASCII, it goes by the locale; here hosts are converted as those of URLs are.
-- @module sse.client.proxy
local core = require "sse.core"
local options = require "sse.shared.options"

local proxy = {}

local schemes = {
  http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true,
}

-- The scheme with its "://", "" where there is none, and the rest.
local function split(text)
  local scheme, rest = text:match("^(%a[%w+.-]*://)(.*)$")
  return scheme or "", rest or text
end

--- Whether a value is a proxy as libcurl takes it: a URL, which may lack its scheme, or "". libcurl
-- parses the text itself, so characters that it reads otherwise than the web does are refused.
function proxy.is_valid(value)
  if not options.text.check(value) then return false end
  local scheme, rest = split(value)
  if scheme ~= "" and not schemes[scheme:sub(1, -4):lower()] then return false end
  if value == "" then return true end
  return not rest:find("[%c \\]") and rest:sub(1, 1) ~= "/" and core.url("http://" .. rest) ~= nil
end

-- A host in ASCII; as it is where that can't be.
local function host_to_ascii(host)
  local url = host:find("[\x80-\xFF]") and core.url("http://" .. host .. "/")
  return url and url.host or host
end

--- A valid proxy with its host in ASCII.
-- @tparam string|nil text
function proxy.to_ascii(text)
  if not text or not text:find("[\x80-\xFF]") then return text end
  local scheme, rest = split(text)
  local authority = rest:match("^[^/?#]*")
  local user = authority:match("^.*@") or ""
  local host = authority:sub(#user + 1):gsub(":%d*$", "")
  return scheme .. user .. host_to_ascii(host) .. rest:sub(#user + #host + 1)
end

--- A list of hosts, separated by commas or spaces, in ASCII. A dot before a host stays.
-- @tparam string|nil text
function proxy.hosts_to_ascii(text)
  return text and (text:gsub("[^%s,.][^%s,]*", host_to_ascii))
end

return proxy
