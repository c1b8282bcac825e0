--- Conditional requests and ranges (RFC 9110 sections 13 and 14): whether a client's copy is
-- current, and what a whole response becomes by them.
-- @module sse.server.conditions
local byte_range = require "sse.server.byte_range"
local headers = require "sse.shared.headers"

local conditions = {}

--- Whether the client's copy is current (RFC 9110 13.1): by If-None-Match, or without that field by
-- If-Modified-Since, which must repeat the date as it was sent.
-- @param req
-- @tparam string|nil tag the entity tag of what would be sent
-- @tparam string|nil modified its date
-- @treturn boolean
function conditions.is_current(req, tag, modified)
  local tags = req:header "if-none-match"
  if not tags then return modified ~= nil and req:header "if-modified-since" == modified end
  if tags:match("^%s*%*%s*$") then return true end
  for quoted in tags:gmatch('"[^"]*"') do
    if quoted == tostring(tag):match('"[^"]*"$') then return true end
  end
  return false
end

-- The list without the fields that belong to a body.
local function without_body(list)
  local rest = {}
  for i = 1, #list, 2 do
    if list[i]:lower() ~= "content-type" then table.move(list, i, i + 1, #rest + 1, rest) end
  end
  return rest
end

-- The part of a body that a GET asks for. If-Range counts with a strong tag alone: what a date is
-- of is not known here.
local function part_of(req, list, body, tag)
  local range = req.method == "GET" and byte_range.parse(req:header "range")
  local condition = range and req:header "if-range"
  if not range or body == "" then return 200, list, body end
  if condition and (condition ~= tag or condition:sub(1, 1) ~= '"') then return 200, list, body end
  local at, length = byte_range.locate(range, #body)
  local fields = table.move(list, 1, #list, 1, {})
  fields[#fields + 1] = "Content-Range"
  if not at then
    fields[#fields + 1] = "bytes */" .. #body
    return 416, fields, ""
  end
  fields[#fields + 1] = ("bytes %d-%d/%d"):format(at, at + length - 1, #body)
  return 206, fields, body:sub(at + 1, at + length)
end

--- What a whole response of status 200 becomes for a request: itself; a 304, if its ETag or
-- Last-Modified says that the client's copy is current; or, if its Accept-Ranges is "bytes", the
-- part that the client asks for.
-- @param req
-- @tparam {string,...} list its header fields: name, value ...; not changed
-- @tparam string body
-- @treturn int the status
-- @treturn {string,...} the header fields
-- @treturn string the body
function conditions.apply(req, list, body)
  local tag, modified = headers.get(list, "ETag"), headers.get(list, "Last-Modified")
  local is_read = req.method == "GET" or req.method == "HEAD"
  if (tag or modified) and is_read and conditions.is_current(req, tag, modified) then
    return 304, without_body(list), ""
  end
  if headers.get(list, "Accept-Ranges") == "bytes" then return part_of(req, list, body, tag) end
  return 200, list, body
end

return conditions
