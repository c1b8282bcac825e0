--- Texts of clients and programs as UTF-8.
-- @module sse.server.utf8_text

--- Replaces what is not UTF-8 in a text.
-- @tparam string text
-- @tparam function replace called with each byte that is not UTF-8, a string; returns what stands
-- for it
-- @treturn string
return function(text, replace)
  local pieces, at = {}, 1
  while at <= #text do
    local _, bad = utf8.len(text, at)
    pieces[#pieces + 1] = text:sub(at, (bad or #text + 1) - 1)
    if bad then pieces[#pieces + 1] = replace(text:sub(bad, bad)) end
    at = (bad or #text) + 1
  end
  return table.concat(pieces)
end
