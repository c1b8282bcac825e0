--- What a small request costs its server: microseconds of CPU, beside nginx, which sends a constant
-- text, and Node. The load is h2load's (of nghttp2), 20 connections that stay open; the servers
-- take turns in each round, and medians are printed. Linux alone tells the CPU.
--
-- BASE=../other-tree, built, measures that tree, too; ROUNDS=5; REQUESTS=40000 a round.
-- usage: lua requests.lua BUILD-FOLDER
local sse = require "sse"
local tools = require "bench.request_tools"

local build = assert(arg[1], "usage: lua requests.lua BUILD-FOLDER")
local BASE = os.getenv "BASE"
local ROUNDS = tonumber(os.getenv "ROUNDS") or 5
local REQUESTS = tonumber(os.getenv "REQUESTS") or 40000

local shell, installed, start, median = tools.shell, tools.installed, tools.start, tools.median

if not installed "h2load" then
  print "h2load (Debian: nghttp2-client) makes the load, and is not installed"
  os.exit(0)
end

local folder = shell("mktemp -d"):match "%S+"
local cert, key = folder .. "/cert.pem", folder .. "/key.pem"
assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
  .. "-subj /CN=localhost -keyout %s -out %s 2>/dev/null"):format(key, cert)))

local function start_ours(root, files, row)
  local behind = row.trusted and root == "." and "BEHIND=1 " or ""
  local command = tools.command_of(root, build)
  return start(("env %s%s bench/requests_server.lua %s"):format(behind, command, files))
end

local function free_port()
  local server = sse.server { port = 0 }
  assert(server:listen())
  local port = server.port
  server:close()
  return port
end

local function start_nginx(_, files)
  local port, secure = free_port(), files ~= ""
  local config <close> = assert(io.open(folder .. "/nginx.conf", "w"))
  config:write(([[
daemon off; master_process off; pid %s/pid; error_log stderr error; events {}
http { access_log off; keepalive_requests 100000000; default_type text/plain;
  server { listen 127.0.0.1:%d%s; %s
    location / { return 200 "hello world\n"; }
    location /fields { add_header Cache-Control no-store; add_header X-Frame-Options DENY;
      return 200 "hello world\n"; } } }
]]):format(folder, port, secure and " ssl" or "",
    secure and ("ssl_certificate %s; ssl_certificate_key %s;"):format(cert, key) or ""))
  config:close()
  return start(("nginx -e stderr -c %s/nginx.conf"):format(folder), port)
end

local function start_node(_, files)
  return start("node bench/requests_server.mjs " .. files)
end

-- Microseconds of CPU a request.
local function measure(server, row)
  return tools.measure(server, row.path, REQUESTS, row)
end

local kinds = { { "ours", start_ours, "." } }
if BASE then kinds[2] = { "before", start_ours, BASE } end
if installed "nginx" then kinds[#kinds + 1] = { "nginx", start_nginx } end
if installed "node" then kinds[#kinds + 1] = { "node", start_node } end

local PROXY = "-H 'X-Forwarded-For: 203.0.113.9' -H 'X-Forwarded-Proto: https' "
  .. "-H 'X-Forwarded-Host: app.example'"

local rows = {
  { what = "a text", path = "/" },
  { what = "a text, its route with a parameter", path = "/hello/world" },
  { what = "a text with two header fields", path = "/fields" },
  { what = "a text over TLS", path = "/", secure = true },
  { what = "the visitor's address, none trusted", path = "/visitor", headers = PROXY },
  { what = "the same of a trusted proxy", path = "/visitor", headers = PROXY, trusted = true },
}

local function print_row(row)
  local files = row.secure and cert .. " " .. key or ""
  local servers, took = {}, {}
  for i, kind in ipairs(kinds) do servers[i], took[i] = kind[2](kind[3], files, row), {} end
  os.execute "sleep 0.5"
  for round = 1, ROUNDS do
    for i, server in ipairs(servers) do took[i][round] = measure(server, row) end
  end
  local line, ours = {}, median(took[1])
  for i, server in ipairs(servers) do
    local each = median(took[i])
    line[i] = ("%7.2f %6s"):format(each, i > 1 and ("x%.2f"):format(ours / each) or "")
    tools.stop(server)
  end
  print(("%-38s %s"):format(row.what, table.concat(line)))
end

local names = {}
for i, kind in ipairs(kinds) do names[i] = ("%7s %6s"):format(kind[1], "") end
print(("%-38s %s  (x: ours beside it)"):format("us of CPU a request", table.concat(names)))
for _, row in ipairs(rows) do print_row(row) end
os.execute("rm -r " .. folder)
