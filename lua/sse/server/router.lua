--- The table of routes: finds the handler for a method and a path.
--
-- A pattern is a path. Each of its segments is a literal or a parameter: `:name` matches any
-- segment that is not empty. A prefix matches every path below it. Paths are compared segment by
-- segment after percent-decoding, and a trailing slash counts.
--
-- Of several routes that match a path and have a handler for the method, the first segment in which
-- they differ decides: a literal is preferred to a parameter, and any segment to the end of a
-- prefix. So `/st/:x` is preferred to the prefix `/st`, this to `/:a/:b`, and this to the prefix
-- `/`.
-- @module sse.server.router
local options = require "sse.shared.options"
local url = require "sse.server.url"

local router = {}
router.__index = router

local ROUTES = " [docs/errors.md#routes]"
local ANY = "*" -- the method of a handler for every method
local standard_methods = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" }

-- Routes are a tree with a level for each segment. A node has `literals`, the children by segment;
-- `parameter`, the child for any segment; `methods`, the routes of paths that end here, by method;
-- `below`, the same for the prefix that ends here. A route is a handler, the names of its
-- parameters, and their places among the segments. Nodes have no parameters' names: `/:a/x` and
-- `/:b/y` share one.
local function new_node()
  return { literals = {}, methods = {} }
end

--- Makes an empty table of routes.
function router.new()
  return setmetatable({ root = new_node(), literal = {} }, router)
end

-- What is wrong with a pattern, or nil.
local function problem_of(pattern)
  if type(pattern) ~= "string" or pattern:sub(1, 1) ~= "/" then
    local hint = type(pattern) == "string" and (" (did you mean '/%s'?)"):format(pattern) or ""
    return ("a pattern must be a string that begins with '/', got %s%s"):format(
      options.show(pattern), hint)
  elseif pattern:find("[?#]") then
    return ("pattern '%s': neither a query nor a fragment can be part of it"):format(pattern)
  end
  local special = pattern:match("[*{<]")
  if special then
    local message = "pattern '%s': '%s' means nothing here: a segment is a literal or a ':name'%s"
    local hint = special == "*" and ", and files are served by server:static" or ""
    return message:format(pattern, special, hint)
  elseif pattern:find("%%%x%x") then
    return ("pattern '%s': write it decoded: '%s'"):format(pattern, url.decode(pattern))
  end
  local seen = {}
  for segment in pattern:gmatch("/([^/]*)") do
    local name = segment:match("^:(.*)$")
    if name and not name:find("^[%a_][%w_]*$") then
      return ("pattern '%s': ':%s' is not a parameter's name"):format(pattern, name)
    elseif name and seen[name] then
      return ("pattern '%s': ':%s' comes twice"):format(pattern, name)
    end
    if name then seen[name] = true end
  end
end

-- The child of a node for a segment of a pattern, made if there is none.
local function child(node, segment)
  if segment:sub(1, 1) == ":" then
    node.parameter = node.parameter or new_node()
    return node.parameter
  end
  node.literals[segment] = node.literals[segment] or new_node()
  return node.literals[segment]
end

--- Adds a route. Raises on an invalid pattern, and if the pattern has a handler for the method.
-- @tparam string method "*" for every method
-- @tparam string pattern
-- @tparam function handler
-- @tparam[opt=2] int level as of `error`, seen from the caller
function router:add(method, pattern, handler, level)
  local problem = problem_of(pattern)
  if problem then error(problem .. ROUTES, (level or 2) + 1) end
  local node, names, places, count = self.root, {}, {}, 0
  for segment in pattern:gmatch("/([^/]*)") do
    node, count = child(node, segment), count + 1
    if segment:sub(1, 1) == ":" then
      names[#names + 1], places[#places + 1] = segment:sub(2), count
    end
  end
  if node.methods[method] then
    local message = "%s %s has a handler already%s"
    error(message:format(method, pattern, ROUTES), (level or 2) + 1)
  end
  node.methods[method] = { handler = handler, names = names, places = places }
  -- A path that is written like a pattern of literals is found without a walk through the tree: no
  -- other route is preferred to it.
  if not names[1] and not pattern:find("%", 1, true) then
    self.literal[pattern] = node.methods
  end
end

--- Adds a handler for GET of every path below a prefix. Its params are the list of the path's
-- decoded segments after the prefix. Raises as `add` does.
-- @tparam string prefix
-- @tparam function handler
-- @tparam[opt=2] int level as of `error`, seen from the caller
function router:add_prefix(prefix, handler, level)
  local problem = problem_of(prefix) or prefix:find("/:") and "a prefix has no parameters"
  if problem then error(problem .. ROUTES, (level or 2) + 1) end
  local node = self.root
  for segment in prefix:gsub("/$", ""):gmatch("/([^/]*)") do node = child(node, segment) end
  if node.below then
    error(("%s is served already%s"):format(prefix, ROUTES), (level or 2) + 1)
  end
  node.below = { GET = { handler = handler } }
end

local function route_of(methods, method)
  return methods[method] or method == "HEAD" and methods.GET or methods[ANY]
end

-- The preferred route for a method at a node or below: what is below a literal, then what is below
-- the parameter, then the prefix that ends at the node. Returns also, of a prefix, its number of
-- segments.
local function find_route(node, segments, depth, method)
  local segment, route, prefix = segments[depth + 1], nil, nil
  if not segment then
    route = route_of(node.methods, method)
  else
    local literal, parameter = node.literals[segment], node.parameter
    if literal then
      route, prefix = find_route(literal, segments, depth + 1, method)
    end
    if not route and parameter and segment ~= "" then
      route, prefix = find_route(parameter, segments, depth + 1, method)
    end
  end
  if route or not node.below then return route, prefix end
  return route_of(node.below, method), depth
end

-- Adds to a set the methods of all routes that match a path, at a node or below.
local function add_methods(set, node, segments, depth)
  local segment = segments[depth + 1]
  for _, routes in pairs { not segment and node.methods or nil, node.below } do
    for method in pairs(routes) do set[method] = true end
  end
  local literal = segment and node.literals[segment]
  if literal then add_methods(set, literal, segments, depth + 1) end
  if segment and segment ~= "" and node.parameter then
    add_methods(set, node.parameter, segments, depth + 1)
  end
end

-- Makes of a set of methods a list for Allow, in a fixed order, with what GET and "*" imply.
local function allow_list(set)
  if set.GET then set.HEAD = true end
  set.OPTIONS = true
  if set[ANY] then
    set[ANY] = nil
    for _, method in ipairs(standard_methods) do set[method] = true end
  end
  local list = {}
  for _, method in ipairs(standard_methods) do
    if set[method] then list[#list + 1], set[method] = method, nil end
  end
  local others = {}
  for method in pairs(set) do others[#others + 1] = method end
  table.sort(others)
  return table.move(others, 1, #others, #list + 1, list)
end

--- Finds the handler for a request.
-- @tparam string method
-- @tparam string path still encoded
-- @treturn function|nil the handler
-- @treturn table|nil the handler's params, or nil if its route is found by its literal path;
-- without a handler what `methods` returns
function router:find(method, path)
  local direct = self.literal[path]
  if direct and direct[method] then return direct[method].handler end
  local segments, params = url.segments(path), {}
  local route, prefix = find_route(self.root, segments, 0, method)
  if not route then return nil, self:methods(path) end
  if prefix then return route.handler, table.move(segments, prefix + 1, #segments, 1, params) end
  for i, name in ipairs(route.names) do params[name] = segments[route.places[i]] end
  return route.handler, params
end

--- The methods for which a path has a handler, with HEAD and OPTIONS, which the server answers by
-- itself.
-- @tparam string path still encoded; "*" stands for the server as a whole
-- @treturn {string,...}|nil nil if no route matches the path
function router:methods(path)
  local set = {}
  if path == "*" then
    for _, method in ipairs(standard_methods) do set[method] = true end
    return allow_list(set)
  end
  add_methods(set, self.root, url.segments(path), 0)
  return next(set) and allow_list(set) or nil
end

return router
