--- The part of sse.shared.foreign_names that is about workers.
-- @module sse.shared.foreign_worker_names
local names = {}

local OF_LISTEN = "it is part of 'listen'"
local IN_RUN = "it is an option of sse.server and server:listen"
names["sse.workers"] = {
  workers = { "count" }, processes = { "count" }, n = { "count" }, number_of_workers = { "count" },
  host = OF_LISTEN, port = OF_LISTEN, unix = OF_LISTEN, address = { "listen" }, bind = { "listen" },
  addresses = { "listen" }, file = { "run" }, script = { "run" }, app = { "run" },
  main = { "run" }, program = { "run" }, ["function"] = "give it as 'run'",
  string = "give a file as 'run'", number = "give it as 'count'", tls = IN_RUN,
  timeout = "there are 'start_timeout' and 'stop_timeout'", graceful_timeout = { "stop_timeout" },
  within = "it is an option of server:run", restart = { "max_pause" },
  backoff = { "max_pause" }, logger = { "log" }, on_event = { "log" },
}
names["sse.workers: listen"] = {
  string = "an address is two options: 'host' and 'port'; a path is 'unix'",
  tls = IN_RUN, proxy_protocol = IN_RUN, trusted_proxies = IN_RUN,
  backlog = "it is an option of sse.workers", fd = "there is none: server:listen has it",
  path = { "unix" }, socket = { "unix" }, reuse_port = { "port_reuse" },
}
names.worker = { number = { "id" }, index = { "id" }, n = { "id" }, workers = { "count" } }

return names
