--- A Redis server that bench/redis.lua starts, and redis-benchmark on it.
local peer = {}

local server = {}
server.__index = server

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

--- Starts a server that keeps nothing on disk, and waits until it answers.
function peer.start(build)
  local port = assert(shell(build .. "/load 0 free-port"):match "%d+")
  local pipe = assert(io.popen(("echo $$; exec redis-server --port %s --bind 127.0.0.1 --save '' "
    .. "--appendonly no --loglevel warning"):format(port)))
  local self = setmetatable({ pipe = pipe, pid = assert(pipe:read "n"), port = port,
    url = "redis://127.0.0.1:" .. port }, server)
  for _ = 1, 100 do
    if self:cli "PING 2>&1":find "PONG" then return self end
    os.execute "sleep 0.05"
  end
  error "redis-server does not answer"
end

function server:stop()
  os.execute(("kill %d"):format(self.pid))
  self.pipe:close() -- waits until the process has ended
end

server.__close = server.stop

function server:cli(command) return shell(("redis-cli -p %s %s"):format(self.port, command)) end

--- Its CPU time in seconds, and how many commands it has run, those of scripts included.
function server:used()
  local text, sum = self:cli "INFO", 0
  for name in ("user sys"):gmatch "%a+" do
    sum = sum + tonumber(text:match("used_cpu_" .. name .. ":([%d.]+)"))
  end
  return sum, tonumber(text:match "total_commands_processed:(%d+)")
end

--- Runs a command by redis-benchmark; returns how many a second, and us of Redis's CPU for each.
-- @tparam string command
-- @tparam int clients
-- @tparam int pipeline commands under way on each connection
-- @tparam number seconds about as long
function server:benchmark(command, clients, pipeline, seconds)
  local function run(count)
    local text = shell(("redis-benchmark -p %s -c %d -P %d -n %d --csv %s 2>/dev/null"):format(
      self.port, clients, pipeline, count, command))
    return assert(tonumber(text:match '.*\n".-","([%d.]+)"'), "redis-benchmark: " .. text)
  end
  local count = math.ceil(run(50000) * seconds)
  local before = self:used()
  local rate = run(count)
  return rate, (self:used() - before) * 1e6 / count
end

--- Why there is no Redis; nil: there is.
function peer.left_out()
  for _, name in ipairs { "redis-server", "redis-benchmark", "redis-cli" } do
    if not os.execute(("command -v %s >/dev/null 2>&1"):format(name)) then
      return name .. " is not installed"
    end
  end
end

return peer
