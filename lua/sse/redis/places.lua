--- Where the server or the servers are that sse.redis was given: one, several by their URLs, one
-- that Sentinel names, or a cluster.
-- @module sse.redis.places
local options = require "sse.shared.options"
local target = require "sse.redis.target"

local places = {}

local SENTINEL_PORT, PORT = 26379, 6379
local OF_ONE = { "host", "port", "unix_socket" } -- options that say where one server is
local OF_SENTINEL = { "master", "sentinel_user", "sentinel_password" }

local blame_option, blame_url = target.blame_option, target.blame_url

-- Splits the list of URLs off the options.
local function split(url, given)
  if type(url) ~= "table" then return { url }, given end
  local list, named, last = {}, {}, 0
  for key, value in pairs(url) do
    if math.type(key) ~= "integer" then named[key] = value else last = math.max(last, key) end
  end
  for i, value in ipairs(url) do list[i] = value end
  if last > #list then blame_url("server %d: expected a URL, got nil", #list + 1) end
  if given == nil then return list, named end
  local extra = next(named)
  if extra ~= nil then
    blame_option("option '%s' belongs to the other options, in the second table",
      tostring(extra))
  end
  return list, given
end

local function one(url, given) return { kind = "one", server = target.of(url, given) } end

-- Raises where one of these options was given.
local function refuse(given, names, why)
  for _, name in ipairs(names) do
    if given[name] ~= nil then blame_option("option '%s' %s", name, why) end
  end
end

-- --- several servers -----------------------------------------------------------------------------

-- A server's name, by which channels are given to it: its URL without user and password.
local function name_of(url) return (url:gsub("^(%a[%w+.-]*://)[^/?#]*@", "%1")) end

local function several(list, given)
  local servers, seen = {}, {}
  refuse(given, OF_ONE, "does not go with several URLs")
  refuse(given, { "sentinels", "master", "cluster" }, "does not go with several URLs")
  for i, url in ipairs(list) do
    if type(url) ~= "string" then
      blame_url("server %d: expected a URL, got %s", i, options.show(url))
    end
    local server, name = target.of(url, given), name_of(url)
    if seen[name] then
      blame_url("servers %d and %d are the same, '%s'", seen[name], i, name)
    end
    server.written = name
    servers[i], seen[name] = server, i
  end
  return { kind = "spread", servers = servers }
end

-- --- lists of addresses --------------------------------------------------------------------------

-- Takes "host:port", "host" or "[::1]:port" apart.
local function parse(name, text, port)
  local host, own = text:match "^%[([%x:.]+%%?[%w_.-]*)%]:?(%d*)$"
  if not host then host, own = text:match "^([^:%[%]/@%s%z]+):?(%d*)$" end
  local is_bare_ipv6 = not host and text:match "^[%x:.]*:[%x.]*:[%x:.]*$"
  if is_bare_ipv6 then host, own = text, "" end
  local number = own and (own == "" and port or math.tointeger(own))
  if not host or text:sub(-1) == ":" and not is_bare_ipv6
    or not number or number < 1 or number > 65535 then
    blame_option('option \'%s\': expected "host:port", got %s', name,
      options.show(target.without_password(text)))
  end
  return host, number
end

-- The targets of a list of addresses.
local function each(name, list, fields, port)
  if #list == 0 then blame_option("option '%s' is an empty list", name) end
  local targets, seen = {}, {}
  for i, text in ipairs(list) do
    targets[i] = target.at(fields, parse(name, text, port))
    local own = targets[i].name
    if seen[own] then blame_option("option '%s' has '%s' twice", name, own) end
    seen[own] = true
  end
  return targets
end

local function by_sentinel(list, given)
  local server = target.of(nil, given)
  refuse(given, { "cluster" }, "does not go with 'sentinels'")
  refuse(given, OF_ONE, "does not go with 'sentinels', which name the server")
  if list[1] ~= nil then blame_url "a URL does not go with option 'sentinels'" end
  if not given.master or given.master == "" then
    blame_option "option 'sentinels' needs 'master', the name that they know the server by"
  elseif given.sentinel_user and not given.sentinel_password then
    blame_option "option 'sentinel_user' needs 'sentinel_password'"
  end
  local template = target.at(server, server.host, server.port)
  template.user, template.password = given.sentinel_user, given.sentinel_password
  template.database = 0
  return { kind = "sentinel", server = server, master = given.master,
    sentinels = each("sentinels", given.sentinels, template, SENTINEL_PORT) }
end

local function of_cluster(list, given)
  local server = target.of(nil, given)
  refuse(given, OF_ONE, "does not go with 'cluster'")
  refuse(given, OF_SENTINEL, "does not go with 'cluster'")
  if list[1] ~= nil then blame_url "a URL does not go with option 'cluster'" end
  if server.database ~= 0 then blame_option "a cluster has no database but 0" end
  return { kind = "cluster", server = server,
    seeds = each("cluster", given.cluster, server, PORT) }
end

--- Checks what sse.redis was given. Raises at the line of the program.
-- @param url a URL, a list of them, or the table of options
-- @tparam table|nil given the options behind a URL
-- @treturn table `kind`, "one", "spread", "sentinel" or "cluster"; `server`, a target as of
-- sse.redis.target, or `servers`, several, each with `written`; perhaps `sentinels` and `master`,
-- or `seeds`, nodes of the cluster
function places.of(url, given)
  if type(url) ~= "string" and type(url) ~= "table" then
    blame_url("expected a URL (%s) or a table of options, got %s", target.forms,
      options.show(url))
  end
  local list, named = split(url, given)
  named = target.check(named)
  if #list > 1 then return several(list, named) end
  if named.sentinels ~= nil then return by_sentinel(list, named) end
  if named.cluster ~= nil then return of_cluster(list, named) end
  if #list == 0 and given ~= nil then blame_url "the list of URLs is empty" end
  refuse(named, OF_SENTINEL, "needs 'sentinels'")
  return one(list[1], named)
end

return places
