--- Where an error is explained. A message that somebody may meet in the first hour ends in
-- ` [docs/errors.md#anchor]`, which names a heading of that page: a family of mistakes
-- (`#options`), or the failure's code in lower case (`#econnrefused`).
-- spec/pages/mistakes_spec.lua checks that each of these headings exists.
-- @module sse.shared.pages
local pages = {}

-- Codes whose failures a change of the program or of its surroundings mends. The others say what
-- happens to every program some day (a lost connection), or what the program did itself (an abort).
pages.codes = {
  EACCES = true, EADDRINUSE = true, EADDRNOTAVAIL = true, ECERT = true, ECONNREFUSED = true,
  ECORRUPT = true, EEXIST = true, EHTTP = true, EISDIR = true, EMFILE = true, ENOSPC = true,
  ENOTFOUND = true, EPROTO = true, EPROXY = true, EREDIRECT = true, EROFS = true, ESCHEME = true,
  ESTART = true, ESTORE = true, ETIMEDOUT = true, ETLS = true, ETOOBIG = true, ETYPE = true,
  EUNFINISHED = true, EVERSION = true,
}

--- What a message ends in, for a family of mistakes.
-- @tparam string anchor "options"
-- @treturn string with a space before it
function pages.at(anchor) return (" [docs/errors.md#%s]"):format(anchor) end

local of_code = {}
for code in pairs(pages.codes) do of_code[code] = pages.at(code:lower()) end

--- A message with the page of its code, once.
-- @tparam string message
-- @tparam string code
-- @treturn string the message alone if its code has no page
function pages.add(message, code)
  local page = of_code[code]
  if not page or message:sub(-#page) == page then return message end
  return message .. page
end

return pages
