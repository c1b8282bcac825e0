--- The keys of what the library keeps in the tables that a request and a response are. Each is a
-- table, so no program has one, and nothing that is kept can be read or overwritten by a name. A
-- key that may be absent is read by rawget, since the objects' __index is a function.
-- @module sse.server.keys
return {
  EXCHANGE = {}, -- of the core; in both

  -- In a request:
  RAW_PATH = {}, -- of its target, percent-encoded
  LAST_EVENT_ID = {}, -- once it was looked for, or set by the program; "": none

  -- In a response:
  REQ = {}, -- its request
  SERVER = {}, -- the state of its server (sse.server.server_object)
  ANSWERED = {}, -- false; true, a whole response was sent; BEGUN; or the event stream
  BEGUN = "begun", -- the value of ANSWERED while the body follows piece by piece

  -- In a response, or absent:
  DETACHED = {}, -- true: `res:detach` was called
  BASE = {}, -- the list of header fields that every response to the request gets
  KEPT = {}, -- the list of those that `res:header` keeps
  OBSERVER = {}, -- see sse.server.response_object
  LIMITS = {}, -- see sse.server.stream_limits
  BEFORE = {}, -- true: a function of `server:before` has not returned
}
