-- Says what went wrong with a model's answer, in a line for a person.
local plain = require "examples.models.plain"

local MEANINGS = {
  [400] = "the service does not understand the request",
  [401] = "the key is not accepted", [403] = "the key is not allowed to do this",
  [404] = "no such model, or a wrong address", [429] = "too many requests",
  [529] = "the service is overloaded",
  error = "the model failed",
  ECONNREFUSED = "nobody answers there", ENOTFOUND = "no such host",
  ECONNRESET = "the connection was lost", EUNFINISHED = "the answer was cut off",
  ETIMEDOUT = "the service fell silent", ETYPE = "this is no stream of a model",
}

-- What another request may get past, as long as nothing of the answer has come.
local PASSING = {
  [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true, [529] = true,
  error = true, ECONNRESET = true, EUNFINISHED = true, ETIMEDOUT = true,
}

--- @tparam string message the service's own words, or a page of HTML
-- @param code a status, a code of the library's, or "error" for what a stream says itself
-- @treturn string the line
-- @treturn boolean whether asking again makes sense
return function(message, code)
  local is_status = type(code) == "number"
  local meaning = MEANINGS[code] or is_status and code >= 500 and "the service is in trouble"
    or "that did not work"
  -- What a message says to programmers: a page, and the name of an option.
  message = message:gsub(" %[docs/errors%.md#%w+%]$", ""):gsub(" %(option '%w+'%)$", "")
  local words = plain(message:gsub("<[^>]*>", " "):gsub("[%s%c]+", " "))
  words = words:match "^ ?(.-) ?$":sub(1, 200)
  local number = is_status and (" (%d)"):format(code) or ""
  return ("%s%s: %s"):format(meaning, number, words), PASSING[code] or false
end
