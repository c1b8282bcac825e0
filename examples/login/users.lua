-- Who may log in to examples/login.lua. Only hashes of passwords are kept; a new one:
-- lua5.4 -e 'print(require("sse").crypto.hash_password "secret")'
local sse = require "sse"

local users = {}

users.hashes = { -- of "correct horse" and "battery staple"
  ann = "$scrypt$ln=15,r=8,p=3$7a/vaZPxxM9gJISFeOBTCw$cVqwsMva7HLi3jF7Xtq/fXFP23zPf0yc+TRQk3xCBjY",
  bob = "$scrypt$ln=15,r=8,p=3$o0fu4YT4FKzCQyyt1NHvkg$H3K2li70FObgszsBYyKqxqnp2niXIA5FOtF/oTkX/Uo",
}

-- The hash of a password that nobody has: checking a name that is not there takes as long.
local NOBODY =
  "$scrypt$ln=15,r=8,p=3$56C77M7yGMiuLkPdHpDPuw$XV5AwlZQqsYZ+DD3i8Df1OmNQ8ZOTuFH6/Auon64IYU"

function users.exists(name) return users.hashes[name] ~= nil end

--- Says whether that is the password of the user of that name. Waits.
-- @treturn boolean; or nil, message, code where too many passwords wait to be checked
function users.check(name, password)
  local hash = users.hashes[name or ""]
  local is_right, message, code = sse.crypto.check_password(password or "", hash or NOBODY)
  if is_right == nil then return nil, message, code end
  return is_right and hash ~= nil
end

return users
