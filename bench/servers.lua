--- The servers of the server's benchmark: how each is started, and why one is left out.
local servers = {}

local lua = arg[-1]

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read("a")
end

local function exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

local function installed(command)
  return os.execute(("command -v %s >/dev/null 2>&1"):format(command))
end

-- A process and the processes it has started, as pids with commas.
local function process_tree(pid)
  local pids = { pid }
  for child, parent in shell("ps -A -o pid= -o ppid="):gmatch("(%d+)%s+(%d+)") do
    if tonumber(parent) == pid then pids[#pids + 1] = tonumber(child) end
  end
  return table.concat(pids, ",")
end

local running = {}
running.__index = running

function running:stop()
  if not self.pipe then return end
  os.execute(("kill %d"):format(self.pid))
  self.pipe:close() -- waits until the process has ended
  self.pipe = nil
  if self.folder then os.execute(("rm -r '%s'"):format(self.folder)) end
end

running.__close = running.stop

--- The pids of the server's processes, with commas.
function running:pids()
  return process_tree(self.pid)
end

-- Starts a command; the command replaces the shell and so keeps the pid that the shell prints.
local function spawn(command)
  local pipe = assert(io.popen("echo $$; exec " .. command))
  return setmetatable({ pipe = pipe, pid = assert(pipe:read("n")) }, running)
end

--- Starts a server that prints its port first.
function servers.spawn(command)
  local server = spawn(command)
  server.port = server.pipe:read("n")
  if server.port then return server end
  server:stop()
  error("it told no port: " .. command)
end

-- --- nginx ---------------------------------------------------------------------------------------

local function nginx_modules()
  local told = shell("nginx -V 2>&1"):match("%-%-modules%-path=(%S+)")
  for _, folder in ipairs { told or "", "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules" } do
    if exists(folder .. "/ngx_nchan_module.so") then return folder end
  end
end

--- Why nchan can't run here, or nil.
function servers.why_no_nchan()
  if not installed "nginx" then return "nginx is not installed" end
  return not nginx_modules() and "nginx has no nchan module (Debian: libnginx-mod-nchan)" or nil
end

local why_no_nchan = servers.why_no_nchan

-- Waits until a server no longer refuses a follower, as nchan does until it has reached Redis.
local function await_follower(build, port)
  for _ = 1, 100 do
    if os.execute(("%s/load %d connect:1 >/dev/null 2>&1"):format(build, port)) then return end
    os.execute "sleep 0.05"
  end
end

--- Starts nginx with nchan.
-- @tparam string build
-- @tparam[opt] table options `tls`, a certificate; `redis`, a URL; `workers`
function servers.start_nchan(build, options)
  local tls, redis = options and options.tls, options and options.redis
  local folder = shell("mktemp -d"):match("%S+")
  local port = assert(shell(build .. "/load 0 free-port"):match("%d+"))
  local filled = {
    PORT = port, FOLDER = folder, MODULES = nginx_modules(),
    WORKERS = options and options.workers or 1,
    UPSTREAM = redis and ("upstream redis { nchan_redis_server %s; }"):format(redis) or "",
    PASS = redis and "nchan_redis_pass redis;" or "",
    SSL = tls and " ssl" or "",
    CERTIFICATE = tls and ("ssl_certificate %s; ssl_certificate_key %s;"):format(tls.cert, tls.key)
      or "",
  }
  local template <close> = assert(io.open("bench/nchan.conf"))
  local config <close> = assert(io.open(folder .. "/nginx.conf", "w"))
  config:write((template:read("a"):gsub("@(%u+)@", filled)))
  config:close()
  -- Workers of nginx run as another user, and create folders of their own.
  os.execute(("chmod 755 '%s'"):format(folder))
  local server = spawn(("nginx -e stderr -c '%s/nginx.conf'"):format(folder))
  server.port, server.folder = tonumber(port), folder
  if redis then await_follower(build, server.port) end
  return server
end

-- --- TLS -----------------------------------------------------------------------------------------

local pair

-- A certificate for all servers, in a folder that is removed when this process ends.
local function certificate()
  if pair then return pair end
  local folder = shell("mktemp -d"):match("%S+")
  pair = { cert = folder .. "/cert.pem", key = folder .. "/key.pem" }
  local function remove() os.execute(("rm -r '%s'"):format(folder)) end
  pair.keeper = setmetatable({}, { __gc = remove })
  assert(os.execute(("chmod 755 '%s' && openssl req -x509 -newkey ec -pkeyopt "
    .. "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout '%s' -out '%s' "
    .. "2>/dev/null"):format(folder, pair.key, pair.cert)), "openssl made no certificate")
  return pair
end

-- --- the list ------------------------------------------------------------------------------------

local function why_no_floor(build)
  return not exists(build .. "/floor") and "it needs Linux's epoll" or nil
end

local function why_no_node()
  if not installed "node" then return "node is not installed" end
  return not exists "bench/node_modules/better-sse/package.json" and "npm did not install it" or nil
end

local function start_ours(_, tls)
  return servers.spawn(("%s bench/channel_server.lua %s"):format(lua,
    tls and tls.cert .. " " .. tls.key or ""))
end

--- The servers, in the order of the table's columns. Fields: name, as SERVERS has it; title;
-- options: for the load; pipelined: a burst is that many requests at once; most_slices: of a phase
-- and most_rounds, for a server that takes long; left_out(build): why it can't run here, or nil;
-- start(build): starts it. base: name of the server that the others' ratios are to.
servers.list = {
  base = "floor",
  {
    name = "floor", title = "floor", options = "", left_out = why_no_floor,
    start = function(build) return servers.spawn(build .. "/floor") end,
  },
  {
    name = "ours", title = "lua-sse", options = "--gc /gc", left_out = function() end,
    start = start_ours,
  },
  {
    name = "nchan", title = "nchan", options = "--pipeline", pipelined = true,
    left_out = why_no_nchan, start = function(build) return servers.start_nchan(build) end,
  },
  {
    name = "better-sse", title = "better-sse", options = "--gc /gc", most_slices = 4,
    most_rounds = 3, left_out = why_no_node,
    start = function()
      return servers.spawn "node --expose-gc bench/better_sse_server.mjs"
    end,
  },
}

local function always() end

local function ours_secure(build) return start_ours(build, certificate()) end

local function why_no_openssl()
  return not installed "openssl" and "openssl is not installed" or nil
end

--- The same over TLS.
servers.secure = {
  base = "nchan",
  {
    name = "ours", title = "lua-sse", options = "--tls --gc /gc", left_out = why_no_openssl,
    start = ours_secure,
  },
  {
    name = "nchan", title = "nchan", options = "--tls --pipeline", pipelined = true,
    left_out = function() return why_no_openssl() or why_no_nchan() end,
    start = function(build) return servers.start_nchan(build, { tls = certificate() }) end,
  },
}

--- Our server over each protocol. of: its name in SERVERS.
servers.protocols = {
  base = "http1",
  {
    name = "http1", of = "ours", title = "HTTP/1.1", options = "--gc /gc", left_out = always,
    start = start_ours,
  },
  {
    name = "ours", title = "h2c", options = "--gc /gc --http2 100", left_out = always,
    start = start_ours,
  },
  {
    name = "h2", of = "ours", title = "h2, TLS", options = "--tls --gc /gc --http2 100",
    left_out = why_no_openssl, start = ours_secure,
  },
}

return servers
