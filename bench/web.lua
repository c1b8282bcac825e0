--- What the things around a handler cost a small request: functions before it, a log, limits,
-- beside Node's http and Express with the same. The load is h2load's (of nghttp2), 20 connections
-- that stay open; the servers take turns in each round, and medians are printed. Linux alone tells
-- the CPU.
--
-- BASE=../other-tree, built, measures that tree's bare handler, too; ROUNDS=5; REQUESTS=40000 a
-- round.
-- usage: lua web.lua BUILD-FOLDER
local tools = require "bench.request_tools"

local build = assert(arg[1], "usage: lua web.lua BUILD-FOLDER")
local BASE = os.getenv "BASE"
local ROUNDS = tonumber(os.getenv "ROUNDS") or 5
local REQUESTS = tonumber(os.getenv "REQUESTS") or 40000

if not tools.installed "h2load" then
  print "h2load (Debian: nghttp2-client) makes the load, and is not installed"
  os.exit(0)
end

local function ours(root, what)
  return tools.command_of(root, build) .. " bench/web_server.lua " .. what
end

local function node(what) return "node bench/web_server.mjs " .. what end

-- What a proxy adds to a request.
local PROXY = {
  headers = "-H 'X-Forwarded-For: 192.0.2.1, 10.0.0.1' -H 'X-Forwarded-Proto: https'",
}

-- What a line says, the command of its server, and what its requests have; a line without a command
-- is left out.
local lines = {
  { "a bare handler", ours(".", "bare") },
  { "the same before these changes (BASE)", BASE and ours(BASE, "bare") },
  { "with a before", ours(".", "before") },
  { "with a before for a prefix", ours(".", "prefix") },
  { "with an access log, common", ours(".", "common") },
  { "with an access log, json", ours(".", "json") },
  { "with on_response", ours(".", "on_response") },
  { "with ids that are sent back", ours(".", "request_id") },
  { "with a limit", ours(".", "limit") },
  { "with trusted_proxies, a proxy's fields", ours(".", "trusted"), PROXY },
  { "with these fields, nobody trusted", ours(".", "bare"), PROXY },
  { "with a before, a log and a limit", ours(".", "all") },
}
if tools.installed "node" then
  table.insert(lines, { "node http, bare", node "http" })
  table.insert(lines, { "node http, a log", node "http-log" })
  table.insert(lines, { "express, bare", node "express" })
  table.insert(lines, { "express, a middleware", node "express-before" })
  table.insert(lines, { "express, morgan", node "express-log" })
end

local servers = {}
for _, line in ipairs(lines) do
  if line[2] then
    local server = tools.start(line[2])
    server.what, server.with, server.took, server.rates = line[1], line[3], {}, {}
    servers[#servers + 1] = server
  end
end
for round = 1, ROUNDS do
  for _, server in ipairs(servers) do
    server.took[round], server.rates[round] = tools.measure(server, "/", REQUESTS,
      server.with)
  end
end

local bare = tools.median(servers[1].took)
print(("%-38s %12s %8s %8s"):format("a small request", "us of CPU", "x bare", "req/s"))
for _, server in ipairs(servers) do
  local took = tools.median(server.took)
  print(("%-38s %12.2f %8.2f %8.0f"):format(server.what, took, took / bare,
    tools.median(server.rates)))
  tools.stop(server)
end
