--- Passwords: hashed by scrypt, one after the other, in a thread that leaves the loop alone.
--
-- The text of a hash is that of other libraries (Python's passlib, PHC): `$scrypt$ln=15,r=8,p=3$`,
-- salt and hash in base64.
-- @module sse.shared.password
local core = require "sse.core"
local ordered_set = require "sse.shared.ordered_set"
local task = require "sse.task"

local password = {}

-- 32 MiB, and about a quarter of a second: one of the settings that OWASP recommends.
local LOG_COST, BLOCK_SIZE, PARALLELIZATION = 15, 8, 3
local SALT_BYTES, HASH_BYTES = 16, 32
local MAX_LOG_COST = 30 -- the core bounds the memory, too

local MAX_WAITING = 64
local busy, waiting, count = false, {}, 0 -- `waiting`: an ordered set of `count` functions

-- The end of a turn: the one who waits longest is next.
local turn_metatable = {
  __close = function()
    busy = false
    local first = ordered_set.members(waiting)[1]
    if first then first() end
  end,
}

local function wait_for_turn(what)
  task.await(function(resume)
    local wake
    local function stop()
      if waiting[wake] then count = count - 1 end
      waiting[wake] = nil
    end
    wake = function()
      stop()
      resume()
    end
    ordered_set.add(waiting, wake)
    count = count + 1
    return stop
  end, what)
end

-- Returns a variable to be closed when the hash is made; nil where too many wait.
local function take_turn(what)
  task.check_can_wait(what, 4)
  while busy do
    if count >= MAX_WAITING then return nil end
    wait_for_turn(what)
  end
  busy = true
  return setmetatable({}, turn_metatable)
end

local function derive(what, secret, salt, ...)
  local turn <close> = take_turn(what)
  if not turn then return nil, "too many passwords wait to be hashed", "EFULL" end
  local job <close>, fd, code = core.scrypt(secret, salt, ...)
  if not job then return nil, fd, code end
  task.await(function(resume) return (assert(core.wait_descriptor(fd, false, resume))) end, what)
  return job:finish()
end

local function to_base64(bytes)
  return (core.base64url(bytes):gsub("[-_]", { ["-"] = "+", ["_"] = "/" }))
end

local function from_base64(text)
  return core.base64url_decode((text:gsub("[+/]", { ["+"] = "-", ["/"] = "_" })))
end

--- Hashes a password with a new salt. Waits.
-- @tparam string what names the wait in messages
-- @tparam string secret
-- @treturn string; or nil, message, code
function password.hash(what, secret)
  local salt = core.random(SALT_BYTES)
  local hash, message, code = derive(what, secret, salt, 1 << LOG_COST, BLOCK_SIZE,
    PARALLELIZATION, HASH_BYTES)
  if not hash then return nil, message, code end
  return ("$scrypt$ln=%d,r=%d,p=%d$%s$%s"):format(LOG_COST, BLOCK_SIZE, PARALLELIZATION,
    to_base64(salt), to_base64(hash))
end

--- Says whether a password is that of a hash. Waits.
-- @tparam string what as of `hash`
-- @tparam string secret
-- @tparam string text of a hash
-- @treturn boolean; or nil, message, code
function password.check(what, secret, text)
  local log_cost, block_size, lanes, salt, hash =
    text:match "^%$scrypt%$ln=(%d+),r=(%d+),p=(%d+)%$([%w+/]*)%$([%w+/]+)$"
  local salt_bytes, hash_bytes = salt and from_base64(salt), hash and from_base64(hash)
  local cost = math.tointeger(tonumber(log_cost))
  if not (salt_bytes and hash_bytes and cost and cost <= MAX_LOG_COST) then
    return nil, "it is no hash of scrypt", "EINVAL"
  end
  local made, message, code = derive(what, secret, salt_bytes, 1 << cost,
    math.tointeger(tonumber(block_size)) or 0, math.tointeger(tonumber(lanes)) or 0, #hash_bytes)
  if not made then return nil, message, code end
  return core.same_bytes(made, hash_bytes)
end

return password
