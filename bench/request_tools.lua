--- What the benchmarks of small requests share: servers in processes of their own, and h2load.
local tools = {}

--- What a command prints.
function tools.shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

--- Whether there is a program of that name.
function tools.installed(program)
  return os.execute(("command -v %s >/dev/null 2>&1"):format(program))
end

--- The beginning of a command that runs Lua with the library of a tree.
-- @tparam string root of the tree
-- @tparam string build its build folder
function tools.command_of(root, build)
  local path = ("LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/%s/?.so;;'"):format(root,
    root, root, build)
  local unset = "env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 -u LUA_PATH_5_5 -u LUA_CPATH_5_5"
  return ("%s %s %s"):format(unset, path, arg[-1])
end

--- Starts a server in a process of its own, which prints its port unless it is given one.
-- @treturn table the server: `pid`, `port`, `pipe`
function tools.start(command, port)
  local pipe = assert(io.popen(("echo $$; exec %s"):format(command)))
  local server = { pid = pipe:read "l", pipe = pipe }
  server.port = port or tonumber(pipe:read "l")
  return server
end

--- Ends a server.
function tools.stop(server)
  os.execute("kill " .. server.pid)
  server.pipe:close()
end

local function cpu_of(server)
  local file <close> = assert(io.open(("/proc/%s/schedstat"):format(server.pid)))
  return file:read "n"
end

local function load_with(server, path, count, with)
  return tools.shell(("h2load --h1 -n%d -c20 %s %s://127.0.0.1:%d%s 2>&1"):format(count,
    with.headers or "", with.secure and "https" or "http", server.port, path))
end

--- Sends requests to a server.
-- @tparam table server as of `start`
-- @tparam string path
-- @tparam int count
-- @tparam[opt] table with `secure`: over TLS; `headers`: what h2load is given for them
-- @treturn number microseconds of the server's CPU a request
-- @treturn number requests a second
function tools.measure(server, path, count, with)
  with = with or {}
  load_with(server, path, 500, with)
  local before = cpu_of(server)
  local told = load_with(server, path, count, with)
  assert(told:find(count .. " succeeded", 1, true), told)
  return (cpu_of(server) - before) / count / 1e3, tonumber(told:match "([%d.]+) req/s")
end

--- The middle one of a list, which is sorted.
function tools.median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

return tools
