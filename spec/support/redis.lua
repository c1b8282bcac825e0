--- Redis servers that specs start on a Unix socket in a temporary folder. They end with the process
-- at the latest. REDIS_SERVER names the server's program, as of Valkey or of another version; its
-- client, redis-cli or valkey-cli, lies beside it.
local lfs = require "lfs"
local ports = require "spec.support.ports"
local temporary = require "spec.support.temporary"
local wait = require "spec.support.wait"

local redis = {}
redis.__index = redis

local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES "

-- Starts a program without this process's sockets, which it would keep open.
local CLOSED = [[perl -MPOSIX -e 'POSIX::close($_) for 3 .. 1023; exec @ARGV' ]]

local number, running = 0, {}
local shared = {} -- servers that specs share

local function run(command)
  local out <close> = assert(io.popen(CLEAN .. command .. " 2>&1"))
  return out:read "a"
end

-- The server's program, and its client's.
local function programs()
  local server = os.getenv "REDIS_SERVER"
  if not server or server == "" then
    server = run "sh -c 'command -v redis-server || command -v valkey-server'":match "[^\n]+"
    assert(server, "neither redis-server nor valkey-server is installed")
  end
  local cli, count = server:gsub("server$", "cli")
  assert(count == 1, "REDIS_SERVER: the name must end with \"server\"")
  return server, cli
end

local SERVER, CLI = programs()

--- Whether the server knows what Redis has since 7.0, as all versions of Valkey do.
redis.is_7 = tonumber(run(SERVER .. " --version"):match "v=(%d+)") >= 7

-- Whether a process runs; one that nobody has taken notice of ("Z") does not.
local function is_there(pid)
  return run(("ps -o stat= -p %d"):format(pid)):find "^[^Z%s]" ~= nil
end

--- Starts a server, which keeps nothing on disk unless its options say so.
-- @tparam[opt] string options further ones of redis-server: "--appendonly yes"
-- @tparam[opt] boolean|int has_port whether it also listens on a free TCP port, the field `port`;
-- or that port
-- @tparam[opt] string config the text of a file of options, which the server may change
function redis.start(options, has_port, config)
  number = number + 1
  local folder = ("%s/redis%d"):format(temporary.folder(), number)
  assert(lfs.mkdir(folder))
  local self = setmetatable({ folder = folder, options = options or "", config = "" }, redis)
  if config then
    self.config = folder .. "/config"
    local file <close> = assert(io.open(self.config, "w"))
    assert(file:write(config, "\n"))
  end
  self.path = folder .. "/socket"
  self.url = "unix://" .. self.path
  self.port = math.type(has_port) and has_port or has_port and ports.free() or 0
  self:again()
  return self
end

--- Starts the server again after its end, and waits until it answers.
function redis:again()
  os.remove(self.path)
  local command = "%s %s --daemonize yes --bind 127.0.0.1 --port %d --unixsocket '%s' "
    .. "--dir '%s' --pidfile '%s/pid' --logfile '%s/log' --save '' --repl-diskless-sync-delay 0 "
    .. "--protected-mode no %s >/dev/null"
  assert(os.execute(CLOSED .. CLEAN .. command:format(SERVER, self.config, self.port, self.path,
    self.folder, self.folder, self.folder, self.options)))
  wait.till(function() return self:cli "PING" :find "PONG" or self:cli "PING":find "NOAUTH" end,
    "Redis")
  local file <close> = assert(io.open(self.folder .. "/pid"))
  self.pid = assert(file:read "n")
  running[self] = true
end

--- Starts a replica of a server that has a port, and waits until it has everything.
function redis.replica(server)
  local self = redis.start(("--replicaof 127.0.0.1 %d"):format(server.port), true)
  wait.till(function() return self:cli "INFO replication" :find "link_status:up" end,
    "replication")
  return self
end

--- Starts a Sentinel that looks after the master "m", alone.
-- @param server
-- @tparam[opt] string config more of its options
function redis.sentinel(server, config)
  local self = redis.start("--sentinel", true, ("%s\nsentinel monitor m 127.0.0.1 %d 1\n"
    .. "sentinel down-after-milliseconds m 1000"):format(config or "", server.port))
  wait.till(function() return self:cli "SENTINEL REPLICAS m" :find "runid" end, "the Sentinel")
  return self
end

--- A server that specs share. What they publish has other names.
-- @tparam[opt=1] int index 2: another one
function redis.shared(index)
  index = index or 1
  if not shared[index] or not running[shared[index]] then
    shared[index] = redis.start("", true)
    shared[index].is_shared = true
  end
  return shared[index]
end

--- A prefix of keys that no other caller gets.
function redis.prefix()
  number = number + 1
  return ("test%d:"):format(number)
end

--- What redis-cli says to a command.
-- @tparam string command as the shell takes it
function redis:cli(command)
  return run(("%s -s '%s' %s"):format(CLI, self.path, command))
end

--- Stops the server as Ctrl-Z does.
function redis:pause() os.execute(("kill -STOP %d"):format(self.pid)) end

--- Lets it go on.
function redis:go_on() os.execute(("kill -CONT %d"):format(self.pid)) end

--- Ends the server with a signal, and waits for its end.
function redis:kill(name)
  running[self] = nil
  os.execute(("kill -%s %d; kill -CONT %d 2>/dev/null"):format(name, self.pid, self.pid))
  wait.till(function() return not is_there(self.pid) end, "the end of Redis")
end

--- Ends all servers but those that specs share.
function redis.stop()
  for self in pairs(running) do
    if not self.is_shared then self:kill "KILL" end
  end
end

redis.holder = setmetatable({}, { __gc = function()
  for self in pairs(running) do os.execute(("kill -KILL %d"):format(self.pid)) end
end })

return redis
