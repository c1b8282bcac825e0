--- The part of a file that a request asks for by a Range field (RFC 9110 section 14). One range of
-- bytes is served; a request for several gets the whole file, as RFC 9110 section 14.2 allows.
-- @module sse.server.byte_range
local byte_range = {}

local MAX_DIGITS = 15 -- longer numbers are past the end of every file

local function number(digits)
  return #digits <= MAX_DIGITS and math.tointeger(tonumber(digits)) or math.maxinteger
end

--- Reads a Range field.
-- @tparam string|nil text the field's value
-- @treturn table|nil `first` and maybe `last`, positions of bytes; or `suffix`, a number of bytes
-- at the end; nil where the whole file is to be sent
function byte_range.parse(text)
  local pattern = "^[bB][yY][tT][eE][sS]=[ \t]*(%d*)%-(%d*)[ \t]*$"
  local first, last = (text or ""):match(pattern)
  if not first or first == "" and last == "" then return nil end
  if first == "" then return { suffix = number(last) } end
  local range = { first = number(first), last = last ~= "" and number(last) or nil }
  return not (range.last and range.last < range.first) and range or nil
end

--- Finds a range in a file.
-- @tparam table range of `byte_range.parse`
-- @tparam int size bytes of the file; not 0
-- @treturn int|nil the position of the first byte; nil if the file has nothing of the range
-- @treturn int how many bytes
function byte_range.locate(range, size)
  if range.suffix then
    local length = math.min(range.suffix, size)
    if length == 0 then return nil end
    return size - length, length
  end
  if range.first >= size then return nil end
  return range.first, math.min(range.last or size - 1, size - 1) - range.first + 1
end

return byte_range
