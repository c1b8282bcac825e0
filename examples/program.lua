--- Runs an example as a program, from the folder above this one:
--
--    lua5.4 examples/clock.lua [serve] [port]     port 9522; 0: the system chooses
--    lua5.4 examples/clock.lua client [url] ...
--
-- An example is a table: `mount(server, prefix)` adds its routes; `client(url, ...)` is its client;
-- `path` is the path that the client asks for; `cors` and `tls()` are the server's options;
-- `workers` is by how many processes it is served; `log` is a function that both print with.
package.path = package.path .. ";./lua/?.lua;./lua/?/init.lua" -- finds the library in a clone
package.cpath = package.cpath .. ";./build/?.so"
local sse = require "sse"

local WITHIN = 1000 -- ms over which the ends of open streams are spread

local function fail(...)
  io.stderr:write(string.format(...), "\n")
  os.exit(1, true)
end

local function port_of(text)
  local port = text == nil and 9522 or math.tointeger(tonumber(text))
  if not port or port < 0 or port > 65535 then fail("'%s' is not a port", text) end
  return port
end

-- Replaces certificates without a restart.
local function reload_by_signal(server)
  sse.signal("SIGHUP", function()
    local ok, message = server:reload_tls()
    print(ok and "certificates read again" or message)
  end)
end

local function url_of(example, port)
  return ("%s://127.0.0.1:%d%s"):format(example.tls and "https" or "http", port, example.path)
end

-- TRUSTED_PROXIES=127.0.0.1,unix
local function trusted_proxies()
  local list = {}
  for each in (os.getenv "TRUSTED_PROXIES" or ""):gmatch "[^,%s]+" do list[#list + 1] = each end
  return list
end

local function serve(example, port)
  local tls = example.tls and example.tls()
  local server = sse.server {
    port = port, cors = example.cors, tls = tls, access_log = os.getenv "ACCESS_LOG",
    trusted_proxies = trusted_proxies(),
  }
  example.mount(server, "")
  local ok, message = server:listen()
  if not ok then fail("port %d: %s; try: lua5.4 %s serve 9600", port, message, arg[0]) end
  print(url_of(example, server.port))
  if tls then reload_by_signal(server) end
  server:run { within = WITHIN }
end

-- Serves by several processes, each of which runs the example's file, and gets its worker there.
local function serve_by_workers(example, port)
  local listen = { port = port }
  local ok, message = sse.workers { count = example.workers, listen = listen, run = arg[0] }
  if not ok then fail("port %d: %s; try: lua5.4 %s serve 9600", port, message, arg[0]) end
end

-- The command may be the name of any function of the example, not only `client`.
local function run(example, command, argument, ...)
  io.stdout:setvbuf "line"
  local is_worker = type(command) == "table"
  if is_worker then command, argument = arg[1], arg[2] end
  local ours = command == "mount" or command == "tls"
  if command and not ours and type(example[command]) == "function" then
    for _, name in ipairs { "SIGINT", "SIGTERM" } do sse.signal(name, sse.stop) end
    sse.spawn(example[command], argument or url_of(example, 9522), ...)
    sse.run()
  else
    local port = port_of(command ~= "serve" and command or argument)
    local by_workers = example.workers and not is_worker
    return (by_workers and serve_by_workers or serve)(example, port)
  end
end

--- Runs the example, unless it was required. `first` is then the name of its module.
return function(example, first, ...)
  example.log = print
  if not tostring(first):find "^examples%." then run(example, first, ...) end
  return example
end
