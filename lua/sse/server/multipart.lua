--- Bodies of the type multipart/form-data (RFC 7578), which forms with files are sent as.
-- @module sse.server.multipart
local parameters = require "sse.server.parameters"

local multipart = {}

local MAX_HEAD <const> = 8 * 1024 -- bytes of the head of a part
local NO_END <const> = "the form ends within a part"

-- What browsers write in place of a quote and a line end (WHATWG HTML 4.10.21.8).
local ESCAPED = { ["%22"] = '"', ["%0D"] = "\r", ["%0A"] = "\n" }

local function unescape(text) return text and (text:gsub("%%[02][2DA]", ESCAPED)) end

-- Finds the delimiter, at the beginning of a line from a position on: "--" and the boundary, behind
-- which are blanks and a line end, or "--" at the end of all. Returns the positions before the line
-- end that belongs to it and behind it, and whether it is the last; nil if there is none.
local function find_delimiter(body, delimiter, from)
  while true do
    local first, last = body:find(delimiter, from, true)
    if not first then return nil end
    if body:find("^%-%-", last + 1) then return first - 1, last + 3, true end
    local stop = body:match("^[ \t]*\r\n()", last + 1)
    if stop then return first - 1, stop, false end
    from = last + 1
  end
end

-- Reads the head of a part: the fields that count, by lower-case name; nil if it is malformed. Each
-- byte is passed over once: lines are found by their ends, and patterns match from a line's
-- beginning.
local function read_fields(head)
  local fields, at = {}, 1
  while at <= #head do
    local stop = head:find("\r\n", at, true) or #head + 1
    local name, value = head:sub(at, stop - 1):match "^([%w-]+):[ \t]*([^\r\n]*)$"
    if not name or fields[name:lower()] then return nil end
    fields[name:lower()], at = value, stop + 2
  end
  return fields
end

-- The name of a file without folders before it, which a client may send and nobody should use.
local function base_name(filename)
  return (unescape(filename):gsub("^.*[/\\]", "")) -- the longest such beginning, found in one pass
end

-- Reads the part that begins at a position. Returns the part without its body, and the position of
-- that; nil and what is wrong with it.
local function read_head(body, from)
  local head = body:sub(from, from + MAX_HEAD + 3)
  local stop = head:find("\r\n\r\n", 1, true)
  if not stop then return nil, #head <= MAX_HEAD and NO_END or "the head of a part is too long" end
  local fields = read_fields(head:sub(1, stop - 1))
  local disposition, values = parameters.parse(fields and fields["content-disposition"] or "")
  if disposition ~= "form-data" or not values.name then return nil, "a part has no name" end
  return {
    name = unescape(values.name), content_type = fields["content-type"],
    filename = values.filename and base_name(values.filename),
  }, from + stop + 3
end

--- Splits a body into its parts.
-- @tparam string body
-- @tparam string boundary as the type has it
-- @tparam int most how many parts it may have
-- @treturn {table,...} the parts: `name`, `filename` and `content_type` (nil: it has none), `body`;
-- or nil, message, code
function multipart.parse(body, boundary, most)
  if not boundary:find "^[%w'()+_,./:=? -]+$" or #boundary > 70 then
    return nil, "the form has no valid boundary", "EINVAL"
  end
  local parts, delimiter = {}, "\r\n--" .. boundary
  -- The first delimiter may be the first line, which has no line end before it.
  local text = "\r\n" .. body
  local _, at, is_last = find_delimiter(text, delimiter, 1)
  if not at then return nil, "the form has no parts", "EINVAL" end
  while not is_last do
    if #parts == most then
      return nil, ("the form has more than %d parts"):format(most), "ETOOBIG"
    end
    local part, from = read_head(text, at)
    if not part then return nil, from, "EINVAL" end
    local last
    last, at, is_last = find_delimiter(text, delimiter, from)
    if not last then return nil, NO_END, "EINVAL" end
    part.body = text:sub(from, last)
    parts[#parts + 1] = part
  end
  return parts
end

return multipart
