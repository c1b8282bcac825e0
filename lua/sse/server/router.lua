--- The table of routes: finds the handler for a method and a path.
--
-- A pattern is a path. Each of its segments is a literal or a parameter: `:name` matches any
-- segment that is not empty. The last segment can be `*name`, which matches all that is left of a
-- path, if that can be the path of a file below a folder. A prefix matches every path below it.
-- Paths are compared segment by segment after percent-decoding, and a trailing slash counts.
--
-- Of several routes that match a path and have a handler for the method, the first segment in which
-- they differ decides: a literal is preferred to a parameter, and any segment to a `*name` and to
-- the end of a prefix. So `/st/:x` is preferred to `/st/*x` and the prefix `/st`, these to
-- `/:a/:b`, and this to the prefix `/`.
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
-- `below`, the same for the prefix that ends here, or for what is before a `*name`. A route is a
-- handler, the names of its parameters, their places among the segments, and in `below` maybe
-- `rest`, the name behind the "*". Nodes have no parameters' names: `/:a/x` and `/:b/y` share one.
local function new_node()
  return { literals = {}, methods = {} }
end

--- Makes an empty table of routes.
function router.new()
  return setmetatable({ root = new_node(), literal = {} }, router)
end

-- What is wrong with the names of a pattern's parameters, or nil.
local function problem_of_names(pattern)
  local seen = {}
  for segment in pattern:gmatch("/([^/]*)") do
    local mark, name = segment:match("^([:*])(.*)$")
    if mark and not name:find("^[%a_][%w_]*$") then
      local hint = mark == "*" and " (write '*path', say)" or ""
      return ("pattern '%s': '%s' is not a parameter's name%s"):format(pattern, segment, hint)
    elseif mark and seen[name] then
      return ("pattern '%s': '%s' comes twice"):format(pattern, mark .. name)
    end
    if mark then seen[name] = true end
  end
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
  local special = pattern:match("[{<]") or pattern:match("[^/](%*)") or pattern:match("(%*).*/")
  if special then
    local message = "pattern '%s': '%s' means nothing here: a segment is a literal or a ':name', "
      .. "and the last one can be a '*name'"
    return message:format(pattern, special)
  elseif pattern:find("%%%x%x") then
    return ("pattern '%s': write it decoded: '%s'"):format(pattern, url.decode(pattern))
  end
  return problem_of_names(pattern)
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

-- Puts a route into a table by method. Raises if there is one, at the line of the caller's `level`.
local function put(methods, method, route, pattern, level)
  if methods[method] then
    error(("%s %s has a handler already%s"):format(method, pattern, ROUTES), level + 1)
  end
  methods[method] = route
end

--- Adds a route. Raises on an invalid pattern, and if the pattern has a handler for the method.
-- @tparam string method "*" for every method
-- @tparam string pattern
-- @tparam function handler
-- @tparam[opt=2] int level as of `error`, seen from the caller
function router:add(method, pattern, handler, level)
  level = (level or 2) + 1
  local problem = problem_of(pattern)
  if problem then error(problem .. ROUTES, level) end
  local path, rest = pattern:match("^(.*)/%*([^/]*)$")
  local node, count = self.root, 0
  local route = { handler = handler, names = {}, places = {}, rest = rest }
  for segment in (path or pattern):gmatch("/([^/]*)") do
    node, count = child(node, segment), count + 1
    if segment:sub(1, 1) == ":" then
      table.insert(route.names, segment:sub(2))
      table.insert(route.places, count)
    end
  end
  if rest then
    node.below = node.below or {}
    return put(node.below, method, route, pattern, level)
  end
  put(node.methods, method, route, pattern, level)
  -- A path that is written like a pattern of literals is found without a walk through the tree: no
  -- other route is preferred to it.
  if not route.names[1] and not pattern:find("%", 1, true) then
    self.literal[pattern] = node.methods
  end
end

--- What is wrong with a prefix, or nil.
-- @tparam string prefix
-- @treturn string|nil
function router.problem_of_prefix(prefix)
  local problem = problem_of(prefix)
  if problem then return problem end
  local mark = prefix:match("/([:*])")
  return mark and ("prefix '%s': '%s' means nothing here: a prefix has no parameters"):format(
    prefix, mark)
end

--- Adds a handler for GET of every path below a prefix. Its params are the list of the path's
-- decoded segments after the prefix. Raises as `add` does.
-- @tparam string prefix
-- @tparam function handler
-- @tparam[opt=2] int level as of `error`, seen from the caller
function router:add_prefix(prefix, handler, level)
  level = (level or 2) + 1
  local problem = router.problem_of_prefix(prefix)
  if problem then error(problem .. ROUTES, level) end
  local node = self.root
  for segment in prefix:gsub("/$", ""):gmatch("/([^/]*)") do node = child(node, segment) end
  node.below = node.below or {}
  if node.below.GET then error(("%s is served already%s"):format(prefix, ROUTES), level) end
  node.below.GET = { handler = handler }
end

local function route_of(methods, method)
  return methods[method] or method == "HEAD" and methods.GET or methods[ANY]
end

-- What a `*name` matches: the segments behind the first `depth`, joined. nil if that is empty or
-- can't be the path of a file below a folder: it begins with "/", goes up by "..", or has a NUL.
local function rest_of(segments, depth)
  local rest = table.concat(segments, "/", depth + 1)
  if rest == "" or rest:find("^/") or rest:find("\0", 1, true) then return nil end
  for part in rest:gmatch("[^/]+") do
    if part == "." or part == ".." then return nil end
  end
  return rest
end

-- The route of a method among those of a node's `below`, which begins behind `depth` segments.
local function route_below(node, segments, depth, method)
  local route = route_of(node.below, method)
  if route and route.rest and not rest_of(segments, depth) then return nil end
  return route
end

-- The preferred route for a method at a node or below: what is below a literal, then what is below
-- the parameter, then the `*name` or prefix that ends at the node. Returns also, of these two, the
-- number of segments before.
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
  return route_below(node, segments, depth, method), depth
end

-- Adds to a set the methods of all routes that match a path, at a node or below.
local function add_methods(set, node, segments, depth)
  local segment = segments[depth + 1]
  for method in pairs(not segment and node.methods or {}) do set[method] = true end
  for method in pairs(node.below or {}) do
    if route_below(node, segments, depth, method) then set[method] = true end
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
  if prefix and not route.rest then
    return route.handler, table.move(segments, prefix + 1, #segments, 1, params)
  end
  for i, name in ipairs(route.names) do params[name] = segments[route.places[i]] end
  if prefix then params[route.rest] = rest_of(segments, prefix) end
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
