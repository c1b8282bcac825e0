--- The parts of a request target (RFC 9112 3.2): path, percent-encoding (RFC 3986 2.1) and query
-- string.
-- @module sse.server.url
local percent = require "sse.shared.percent"

local url = { decode = percent.decode, encode = percent.encode }

--- Splits a request target, whose form may be origin-form, absolute-form or "*".
-- @tparam string target
-- @treturn string the path, still encoded
-- @treturn string the query, still encoded; "" if there is none
function url.split(target)
  if not target:find("^[/*]") then
    target = target:gsub("^%a[%w+.-]*://[^/?]*", "", 1)
    if target:sub(1, 1) ~= "/" then target = "/" .. target end
  end
  local mark = target:find("?", 1, true)
  if not mark then return target, "" end
  return target:sub(1, mark - 1), target:sub(mark + 1)
end

--- Splits an encoded path into decoded segments: "/a%2Fb/" into { "a/b", "" }.
-- @tparam string path
-- @treturn {string,...}
function url.segments(path)
  local list, count, encoded = {}, 0, path:find("%", 1, true)
  local slash = path:find("/", 1, true)
  while slash do
    local stop = path:find("/", slash + 1, true)
    local segment = path:sub(slash + 1, (stop or 0) - 1)
    count = count + 1
    list[count] = encoded and url.decode(segment) or segment
    slash = stop
  end
  return list
end

--- Calls fn(name, value) for each pair of a query string, decoded and in order, until it returns
-- true.
-- @tparam string text
-- @tparam function fn
function url.each_pair(text, fn)
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=(.*)$")
    name = url.decode(((name or pair):gsub("+", " ")))
    if fn(name, value and url.decode((value:gsub("+", " "))) or "") then return end
  end
end

--- Decodes a query string. "+" is a space; of a name that comes several times the last value
-- counts.
-- @tparam string text
-- @treturn table name to value
function url.query(text)
  local values = {}
  url.each_pair(text, function(name, value) values[name] = value end)
  return values
end

return url
