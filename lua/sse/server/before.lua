--- The functions that run before a server's handlers: `server:before`.
--
-- They run in the handler's task, in the order in which they were added, and may wait. Once one of
-- them has answered the request, or has called `res:detach()`, or the client has left, nothing
-- further runs.
--
-- A function for a prefix runs for every path that a handler or another server could take for one
-- below the prefix: the path is compared percent-decoded, with "//" as "/", and with ".." both as
-- it stands and resolved. So `/%61dmin`, `//admin` and `/x/../admin` are below "/admin".
-- @module sse.server.before
local keys = require "sse.server.keys"
local options = require "sse.shared.options"
local pages = require "sse.shared.pages"
local router = require "sse.server.router"
local server_object = require "sse.server.server_object"
local url = require "sse.server.url"

local ANSWERED, BEFORE, DETACHED = keys.ANSWERED, keys.BEFORE, keys.DETACHED
local EXCHANGE, ROUTES = keys.EXCHANGE, pages.at "routes"
local methods, metatable = server_object.methods, server_object.metatable

local before = {}

-- --- which paths a function is for ---------------------------------------------------------------

-- The segments of a path, decoded, without empty ones and ".".
local function segments_of(path)
  local list = {}
  for segment in url.decode(path):gmatch("[^/]+") do
    if segment ~= "." then list[#list + 1] = segment end
  end
  return list
end

-- The segments with each ".." resolved.
local function resolve(segments)
  local list = {}
  for _, segment in ipairs(segments) do
    if segment == ".." then list[#list] = nil else list[#list + 1] = segment end
  end
  return list
end

local function begins(segments, prefix)
  for i, segment in ipairs(prefix) do
    if segments[i] ~= segment then return false end
  end
  return true
end

-- Whether an entry is for a path, which is still encoded. Most paths are compared as they are:
-- those without an escape, an empty segment and one that begins with a dot.
local function is_for(entry, path)
  local text = entry.text
  if not path:find("%", 1, true) and not path:find("/[/.]") then
    return path:sub(1, #text) == text and (#path == #text or path:byte(#text + 1) == 47) -- "/"
  end
  local segments = segments_of(path)
  return begins(segments, entry.segments) or begins(resolve(segments), entry.segments)
end

-- --- running them --------------------------------------------------------------------------------

--- Runs the functions that are for a request, in its task.
-- @tparam {table,...} list of entries: `fn`; for those with a prefix `text` and `segments`
-- @param req
-- @param res
-- @tparam string path still encoded
-- @treturn boolean whether the request goes no further
function before.run(list, req, res, path)
  rawset(res, BEFORE, true)
  for i = 1, #list do
    local entry = list[i]
    if not entry.text or is_for(entry, path) then
      entry.fn(req, res)
      -- A reply to a client that has left does not count as one, and must still keep the handler
      -- from running.
      if res[ANSWERED] or rawget(res, DETACHED) or res[EXCHANGE].state == "closed" then
        return true
      end
    end
  end
  rawset(res, BEFORE, nil)
  return false
end

--- Adds a function to a server.
-- @tparam table state of sse.server.server_object
-- @tparam string|nil prefix nil: it is for every path
-- @tparam function fn function(req, res)
function before.add(state, prefix, fn)
  local entry = { fn = fn }
  if prefix and prefix:find "[^/]" then
    entry.text, entry.segments = prefix:match("^(.-)/*$"), segments_of(prefix)
  end
  -- A new list: one that is being run stays as it is.
  local list = table.move(state.before or {}, 1, #(state.before or {}), 1, {})
  list[#list + 1] = entry
  state.before = list
end

--- Splits the arguments ([prefix,] value) of a method. Raises if the prefix is none.
-- @tparam string call the method for messages, "server:before"
-- @tparam int level as of `error`, seen from this function
-- @treturn string|nil the prefix
-- @return the value
function before.split(call, level, ...)
  if select("#", ...) < 2 then return nil, (...) end
  local prefix, value = ...
  local problem = router.problem_of_prefix(prefix)
  if problem then error(("%s: %s%s"):format(call, problem, ROUTES), level) end
  return prefix, value
end

--- Runs a function before the handler of each request, or of those whose path is below a prefix:
-- with `req` and `res`, as the handler gets them, and with `req.params`. It can answer the request,
-- which then goes no further, or add fields of the program's to `req`. It also runs where there is
-- no route. Preflights that the option `cors` answers are left out: they bring no credentials.
-- @tparam[opt] string prefix "/admin": this path, and all below it
-- @tparam function fn function(req, res)
-- @return the server
-- @usage
-- server:before("/admin", function(req, res)
--   req.user = find_user(req.cookies.session)
--   if not req.user then res:reply(401, "log in first\n") end
-- end)
function methods:before(...)
  local call = "server:before(prefix, fn)"
  options.check_self(self, metatable, call, select(3, ...))
  local prefix, fn = before.split("server:before", 3, ...)
  if type(fn) ~= "function" then
    error(("server:before: expected a function, got %s%s"):format(options.show(fn), ROUTES), 2)
  end
  before.add(server_object.state(self), prefix, fn)
  return self
end

return before
