--- Routes: which handler answers a method and a path.
--
-- A pattern is a path whose segments are literal or `:name`, which takes any one non-empty
-- segment. A prefix takes every path below it. Paths are compared segment by segment after
-- percent-decoding, and a trailing slash counts.
--
-- Of several that take a path and have a handler for the method, the first segment that differs
-- decides: a literal goes before a parameter, and any segment before a prefix that has ended. So
-- `/st/:x` goes before the prefix `/st`, which goes before `/:a/:b`, which goes before `/`.
-- @module sse.server.router
local url = require "sse.server.url"

local router = {}
router.__index = router

local ANY = "*"
local known = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" }

local function new_node()
  return { literals = {}, methods = {} }
end

--- An empty table of routes.
function router.new()
  return setmetatable({ root = new_node(), literal = {} }, router)
end

local function check_pattern(pattern)
  if type(pattern) ~= "string" or pattern:sub(1, 1) ~= "/" then
    return ("a pattern must be a string that begins with '/', got %s"):format(tostring(pattern))
  elseif pattern:find("[?#]") then
    return ("pattern '%s': neither a query nor a fragment can be part of it"):format(pattern)
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

local function child(node, segment, names)
  local name = segment:match("^:(.*)$")
  if name then
    names[#names + 1] = name
    node.parameter = node.parameter or new_node()
    return node.parameter
  end
  node.literals[segment] = node.literals[segment] or new_node()
  return node.literals[segment]
end

--- Adds a route; a method "*" stands for any. Raises on a bad pattern and on a route that is there
-- already.
-- @tparam string method
-- @tparam string pattern
-- @tparam function handler
-- @tparam[opt=2] int level whom an error blames
function router:add(method, pattern, handler, level)
  local problem = check_pattern(pattern)
  if problem then error(problem, (level or 2) + 1) end
  local node, names = self.root, {}
  for segment in pattern:gmatch("/([^/]*)") do node = child(node, segment, names) end
  if node.methods[method] then
    error(("%s %s has a handler already"):format(method, pattern), (level or 2) + 1)
  end
  node.methods[method] = { handler = handler, names = names }
  -- Found at once where the path is written as the pattern is: nothing comes before it.
  if not names[1] and not pattern:find("%", 1, true) then
    self.literal[pattern] = node.methods
  end
end

--- Adds a handler for GET of every path that begins with the prefix; it finds the decoded segments
-- behind the prefix in `params`. Raises as `add` does.
function router:add_prefix(prefix, handler, level)
  local problem = check_pattern(prefix) or prefix:find("/:") and "a prefix has no parameters"
  if problem then error(problem, (level or 2) + 1) end
  local node = self.root
  for segment in prefix:gsub("/$", ""):gmatch("/([^/]*)") do node = child(node, segment, {}) end
  if node.below then error(("%s is served already"):format(prefix), (level or 2) + 1) end
  node.below = { GET = { handler = handler } }
end

-- Every node that takes the path, in the order in which they are asked: what is below a literal
-- first, then what is below a parameter, then the node's own prefix.
local function candidates(root, segments)
  local list = {}
  local function visit(node, depth, values)
    local segment = segments[depth + 1]
    if not segment then list[#list + 1] = { methods = node.methods, values = values } end
    local literal = segment and node.literals[segment]
    if literal then visit(literal, depth + 1, values) end
    if node.parameter and segment and segment ~= "" then
      local more = table.move(values, 1, #values, 1, {})
      more[#more + 1] = segment
      visit(node.parameter, depth + 1, more)
    end
    if node.below then list[#list + 1] = { methods = node.below, depth = depth } end
  end
  visit(root, 0, {})
  return list
end

local function route_of(methods, method)
  return methods[method] or method == "HEAD" and methods.GET or methods[ANY]
end

local function params_of(route, candidate, segments)
  if candidate.depth then return table.move(segments, candidate.depth + 1, #segments, 1, {}) end
  local params = {}
  for i, name in ipairs(route.names) do params[name] = candidate.values[i] end
  return params
end

local function allowed(set)
  if set.GET then set.HEAD = true end
  set.OPTIONS = true
  if set[ANY] then
    set[ANY] = nil
    for _, method in ipairs(known) do set[method] = true end
  end
  local list = {}
  for _, method in ipairs(known) do
    if set[method] then list[#list + 1], set[method] = method, nil end
  end
  local others = {}
  for method in pairs(set) do others[#others + 1] = method end
  table.sort(others)
  return table.move(others, 1, #others, #list + 1, list)
end

--- Who answers.
-- @tparam string method
-- @tparam string path encoded
-- @treturn function|nil the handler
-- @treturn table|nil its params, nil for none; without a handler the list of methods the path has,
-- or nil for a path that nobody serves
function router:find(method, path)
  local direct = self.literal[path]
  if direct and direct[method] then return direct[method].handler end
  local segments = url.segments(path)
  local list = candidates(self.root, segments)
  for _, candidate in ipairs(list) do
    local route = route_of(candidate.methods, method)
    if route then return route.handler, params_of(route, candidate, segments) end
  end
  return nil, self:methods(path)
end

--- The methods a path has, HEAD and OPTIONS among them, or nil for a path that nobody serves; of
-- "*" those of every path.
-- @tparam string path encoded
-- @treturn {string,...}|nil
function router:methods(path)
  local set = {}
  if path == "*" then
    for _, method in ipairs(known) do set[method] = true end
    return allowed(set)
  end
  for _, candidate in ipairs(candidates(self.root, url.segments(path))) do
    for method in pairs(candidate.methods) do set[method] = true end
  end
  return next(set) and allowed(set) or nil
end

return router
