--- The open event streams of a server: `server:streams`.
-- @module sse.server.streams
local core = require "sse.core"
local options = require "sse.shared.options"
local server_object = require "sse.server.server_object"

local methods, metatable = server_object.methods, server_object.metatable

--- The open event streams of the server, or those of one user: whose field `user` equals a value.
-- @tparam[opt] any user not nil, so that a session without a user does not stand for everybody
-- @treturn {table,...} a list, in no order, which is the caller's
function methods:streams(...)
  options.check_self(self, metatable, "server:streams(user)", select(2, ...))
  options.check_user("server:streams", ...)
  return options.unwrap(pcall(core.server_streams, server_object.state(self).core, ...))
end
