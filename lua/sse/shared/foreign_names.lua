--- Names that programs use since other libraries have them, and what stands for each of them here.
-- A table for each thing that has names: a function's options, by the function's name as its errors
-- say it; the fields and methods of a class; the fields of an event.
--
-- `{ "name" }` is the name itself. A text says it in words, with the names that exist in quotes.
-- spec/pages/hints_spec.lua checks that each of these exists.
-- @module sse.shared.foreign_names
local client = require "sse.shared.foreign_client_names"
local token_names = require "sse.shared.foreign_token_names"
local worker_names = require "sse.shared.foreign_worker_names"

local with = client.with
local names = with(with(client.names, token_names), worker_names)

names["sse.server"] = {
  requestId = { "request_id" }, request_ids = { "request_id" },
  number = "the port is an option: 'port'",
  ["function"] = "there is no handler of all: server:get(pattern, handler) adds one",
  static = "call server:static(prefix, folder)", routes = "call server:get(pattern, handler)",
  workers = "call sse.workers { count = n, listen = address, run = file }",
  address = { "host" }, bind = { "host" }, hostname = { "host" }, ip = { "host" },
  ssl = { "tls" }, https = { "tls" }, cert = "it is part of 'tls'", key = "it is part of 'tls'",
  timeout = "there are 'head_timeout', 'body_timeout', 'idle_timeout' and 'write_timeout'",
  send_timeout = { "write_timeout" }, socket_timeout = { "write_timeout" },
  keep_alive = { "heartbeat" }, ping = { "heartbeat" }, ping_interval = { "heartbeat" },
  max_body = { "max_body_size" }, max_head = { "max_head_size" },
  max_buffered = { "max_pending_total" },
  max_clients = { "max_connections" }, max_concurrent_streams = { "max_concurrent_requests" },
  gzip = { "compress" }, compression = { "compress" },
  origin = "it is part of 'cors'", credentials = "it is part of 'cors'",
  on_request = "there is none: add handlers by server:get(pattern, handler)",
  handler = "there is none: add handlers by server:get(pattern, handler)",
  onerror = { "on_error" }, error_handler = { "on_error" },
  root = "there is none: server:static(prefix, folder)",
  log = { "access_log" }, logger = { "access_log" }, logging = { "access_log" },
  access = { "access_log" }, accessLog = { "access_log" }, morgan = { "access_log" },
  onresponse = { "on_response" }, after = { "on_response" }, on_finish = { "on_response" },
  threads = "there are processes: sse.workers { count = n, listen = address, run = file }",
  trust_proxy = { "trusted_proxies" }, trustProxy = { "trusted_proxies" },
  trusted = { "trusted_proxies" }, proxies = { "trusted_proxies" }, proxy = { "trusted_proxies" },
  real_ip = { "trusted_proxies" }, forwarded = { "proxy_headers" },
  forwarded_headers = { "proxy_headers" }, allowed_hosts = { "hosts" }, vhosts = { "hosts" },
  server_name = { "hosts" }, reuse_port = { "port_reuse" }, reuseport = { "port_reuse" },
  unix = "call server:listen { unix = path }", socket = "call server:listen { unix = path }",
  fd = "call server:listen { fd = number }",
  max_age = { "max_life" }, lifetime = { "max_life" }, max_lifetime = { "max_life" },
}
local OF_SERVER = "it is an option of sse.server"
names["sse.server: cors"] = {
  origins = { "origin" }, allow_origin = { "origin" }, allowed_origins = { "origin" },
  allow_credentials = { "credentials" }, maxAge = { "max_age" },
  allow_headers = { "headers" }, allowed_headers = { "headers" }, allowedHeaders = { "headers" },
  exposed_headers = { "expose" }, exposedHeaders = { "expose" }, expose_headers = { "expose" },
  methods = "there is none: those for which the path has a handler are allowed",
}
names["server:listen"] = {
  string = "an address is two options: 'host' and 'port'; a path is 'unix'",
  path = { "unix" }, socket = { "unix" }, unix_socket = { "unix" }, unixSocket = { "unix" },
  permissions = { "mode" }, chmod = { "mode" }, handle = { "fd" }, descriptor = { "fd" },
  reuse_port = { "port_reuse" }, reuseport = { "port_reuse" },
  proxy = { "proxy_protocol" }, send_proxy = { "proxy_protocol" },
  trusted_proxies = OF_SERVER, hosts = OF_SERVER, proxy_headers = OF_SERVER,
  address = { "host" }, bind = { "host" }, hostname = { "host" }, ip = { "host" },
  ssl = { "tls" }, https = { "tls" }, cert = "it is part of 'tls'", key = "it is part of 'tls'",
  backlog = OF_SERVER, cors = OF_SERVER, heartbeat = OF_SERVER, compress = OF_SERVER,
  max_connections = OF_SERVER, max_connections_per_address = OF_SERVER, max_pending = OF_SERVER,
}
names["sse.server: access_log"] = {
  path = { "file" }, output = { "file" }, stream = { "file" }, handle = { "file" },
  type = { "format" }, kind = { "format" },
}
names["sse.server heartbeat"] = {
  type = { "event" }, name = { "event" }, interval = { "every" }, ms = { "every" },
}
names["res:event_stream heartbeat"] = names["sse.server heartbeat"]
names["server:shutdown"] = {
  number = "the time is an option: 'within'",
  timeout = "there are 'within' and 'grace'", wait = { "within" }, ms = { "within" },
}
names["server:run"] = with(names["server:shutdown"], {
  number = "a port is an option of sse.server",
  host = OF_SERVER, port = OF_SERVER, tls = OF_SERVER,
})
names["server:limit"] = {
  max = { "burst" }, limit = { "rate" }, requests = { "rate" }, per_second = { "rate" },
  window = "there is none: 'rate' is requests a second, 'burst' how many may come at once",
  by = { "key" }, keyGenerator = { "key" }, key_generator = { "key" }, connections = { "streams" },
  max_streams = { "streams" }, status = "there is none: 429",
}
names["server:static"] = {
  index = "there is none: a folder's index.html is served" }
names["sse.file"] = {
  string = "a type is an option: 'content_type'", type = { "content_type" },
  mime = { "content_type" },
}

names["res:cookie"] = {
  httpOnly = { "http_only" }, httponly = { "http_only" }, maxAge = { "max_age" },
  sameSite = { "same_site" }, samesite = { "same_site" }, expires = { "max_age" },
}
names["req:form"] = { limit = { "max_fields" }, max = { "max_fields" }, fields = { "max_fields" } }

names["sse.channel"] = {
  number = "a number of events is an option: 'history'",
  ttl = { "max_age" }, expire = { "max_age" }, size = { "history" }, limit = { "history" },
  max = { "history" }, capacity = { "history" }, buffer = { "history" }, replay = { "history" },
  adapter = { "store" }, persist = { "store" }, persistence = { "store" }, database = { "store" },
  filter = "it is an option of stream:follow: where", where = "it is an option of stream:follow",
  from = "it is an option of stream:follow",
  heartbeat = "it is an option of sse.server and of res:event_stream",
}
names["stream:follow"] = {
  filter = { "where" }, when = { "where" }, match = { "where" }, since = { "from" },
  start = { "from" }, offset = { "from" }, replay = { "from" },
  last_event_id = "the request's counts; 'after' is for a client that brought none",
  id = { "after" }, last_id = { "after" },
}
names["sse.follow"] = with(names["stream:follow"], {
  after = "it is an option of stream:follow; or set req.last_event_id",
  last_event_id = "there is none: the request's counts",
  id = "there is none: the request's counts", last_id = "there is none: the request's counts",
})
names["channel:events"] = with(names["stream:follow"], {
  string = "give it as 'from'", number = "give it as 'from'",
  ["function"] = "it is a loop: for ev in channel:events() do",
  after = "there is none: begin with 'from'", id = "there is none: begin with 'from'",
  last_id = "there is none: begin with 'from'",
  last_event_id = "there is none: begin with 'from'",
})
names["res:event_stream"] = {
  keep_alive = { "heartbeat" }, ping = { "heartbeat" }, timeout = "there is none",
  gzip = { "compress" }, size = { "max_pending" }, limit = { "max_pending" },
  status = "there is none: an event stream has status 200",
  max_age = { "max_life" }, lifetime = { "max_life" }, expires = "call expire_at on the stream",
  content_type = "there is none: it is text/event-stream",
  channel = "there is none: call follow(channel) on the stream",
}
names["sse.parser"] = {
  ["function"] = "give it as 'on_event'",
  on_message = { "on_event" }, onmessage = { "on_event" }, on_data = { "on_event" },
  on = { "on_event" }, size = { "max_event_size" }, limit = { "max_event_size" },
  on_error = "there is none: parser:feed returns nil, message, code",
}

names.event = {
  type = { "event" }, name = { "event" }, event_type = { "event" },
  message = { "data" }, msg = { "data" }, payload = { "data" }, text = { "data" },
  body = { "data" }, content = { "data" }, json = { "data" }, value = { "data" },
  last_event_id = { "id" }, lastEventId = { "id" }, event_id = { "id" },
  ttl = "an event has none", delay = { "retry" }, reconnect = { "retry" },
}
names.publication = with(names.event, {
  ttl = "an event has none: the channel's option max_age holds for all", to = "use a channel each",
  unique = { "dedupe" },
})

local GET = "call 'get', 'post', 'put', 'patch', 'delete' or 'route'"

-- Fields and methods, by class.
names["sse.channel object"] = {
  send = { "publish" }, emit = { "publish" }, broadcast = { "publish" }, push = { "publish" },
  write = { "publish" }, onerror = { "on_error" }, error_handler = { "on_error" },
  subscribe = "a stream follows it: stream:follow(channel); here a loop does: 'events'",
  follow = "a stream follows it: stream:follow(channel)",
  each = { "events" }, iter = { "events" }, listen = { "events" }, messages = { "events" },
  size = { "count" }, length = { "count" }, total = { "count" }, subscribers = { "followers" },
  clients = { "streams" }, users = { "streams" }, presence = { "count" },
  id = { "last_id" }, addEventListener = { "on" }, off = "there is none: a listener stays",
  unsubscribe = "a stream leaves it: stream:unfollow(channel)", history = "it is only an option",
}
names["sse.stream"] = {
  write = { "send" }, publish = { "send" }, emit = { "send" }, push = { "send" },
  event = { "send" }, data = { "send" }, json = { "send" }, ping = { "comment" },
  finish = { "close" }, stop = { "close" }, cancel = { "close" },
  subscribe = { "follow" }, unsubscribe = { "unfollow" }, on = "set 'on_close' or 'on_drain'",
  onclose = { "on_close" }, ondrain = { "on_drain" },
  wait = { "sleep" }, pause = { "sleep" },
  expires = { "expire_at" }, expire = { "expire_at" }, expires_at = { "expire_at" },
  session = { "user" }, context = { "user" }, locals = { "user" },
  flush = { "drain" }, buffered = { "pending" }, is_open = { "closed" }, open = { "closed" },
}
names["sse.timer"] = {
  cancel = { "stop" }, clear = { "stop" }, close = { "stop" }, running = { "active" },
  start = "it runs from the beginning", wait = "a task has it: sse.spawn",
  again = "make another: sse.after, sse.every",
  restart = "make another: sse.after, sse.every",
}
names["sse.task"] = {
  done = "there is none: 'wait' waits for the end", finished = "there is none: 'wait' waits for it",
  join = { "wait" }, await = { "wait" }, result = { "wait" }, get = { "wait" },
  kill = { "cancel" }, stop = { "cancel" }, close = { "cancel" }, abort = { "cancel" },
}
names["sse.signal"] = { cancel = { "stop" }, close = { "stop" }, off = { "stop" } }
names["sse.parser object"] = {
  parse = { "feed" }, push = { "feed" }, write = { "feed" }, close = { "stop" },
  lastEventId = { "last_event_id" },
}
names.server = {
  on = GET, use = { "before" }, middleware = { "before" }, any = { "all" },
  rate_limit = { "limit" }, throttle = { "limit" }, not_found = { "fallback" },
  default = { "fallback" }, notFound = { "fallback" },
  del = { "delete" }, start = { "run" }, serve = { "run" }, bind = { "listen" },
  address = { "port" }, onerror = { "on_error" },
  prometheus = { "metrics" }, counters = { "stats" }, status = { "stats" },
  stop = "call 'shutdown' or 'close'", drain = { "shutdown" },
  broadcast = "there is none: publish to a channel",
  clients = { "streams" }, connections = "their number is in 'stats'", sessions = { "streams" },
  host = "it is only an option", access_log = "it is only an option",
  log = "there is an option of sse.server: access_log", onresponse = { "on_response" },
  after = { "on_response" }, dir = { "static" },
}
local A_HEADER = "it is a header: look it up by 'header'"

names.request = {
  request_id = { "id" }, requestId = { "id" },
  url = "there are 'path' and 'query', and 'target' as it came", uri = { "target" },
  ip = { "remote_address" }, address = { "remote_address" }, get = { "header" },
  param = { "params" }, args = { "query" }, data = { "body" }, verb = { "method" },
  remote_addr = { "remote_address" }, client_ip = { "remote_address" },
  hostname = { "host" }, cookie = { "cookies" }, content_type = A_HEADER,
  content_length = A_HEADER, user_agent = A_HEADER,
  files = "call 'form': its second value", post = { "form" }, formData = { "form" },
  query_string = { "query" }, querystring = { "query" },
  get_header = { "header" }, lastEventId = { "last_event_id" }, ssl = { "secure" },
}
local FILE = "there is none: sse.file(path) makes a handler"
local SETS_HEADER = "it is a header: 'header' sets one"

names.response = {
  send = { "reply" }, send_json = { "json" },
  send_file = FILE, sendFile = FILE, render = "there is none: 'reply' sends text",
  sendStatus = "it is an argument of 'reply'", send_status = "it is an argument of 'reply'",
  type = SETS_HEADER, set_cookie = { "cookie" }, setCookie = { "cookie" },
  clear_cookie = "call cookie(name, nil)", clearCookie = "call cookie(name, nil)",
  status = "it is an argument of 'reply'",
  set_header = { "header" }, setHeader = { "header" }, headers = { "header" }, set = { "header" },
  sendRedirect = { "redirect" }, location = { "redirect" },
  status_code = "it is an argument of 'reply'", writeHead = { "write_head" },
  close = { "finish" }, on = "set 'on_close'", onclose = { "on_close" }, ondrain = { "drain" },
  flush = { "drain" }, sleep = "call sse.sleep(ms)",
  sse = { "event_stream" }, body = { "write" }, content_type = SETS_HEADER,
}
names.context = {
  path = "look into 'req'", method = "look into 'req'", request = { "req" }, where = { "what" },
  message = "it is the first argument of on_error", err = "it is the first argument of on_error",
}
names.entry = {
  path = { "target" }, url = { "target" }, uri = { "target" }, duration = { "ms" },
  elapsed = { "ms" }, size = { "bytes" }, length = { "bytes" }, ip = { "remote_address" },
  verb = { "method" }, request = { "req" }, code = { "status" }, date = { "time" },
  request_id = { "id" },
}

local EACH_TASK = "call wait on each task that 'spawn' gives"

names.sse = {
  get = { "fetch" }, post = { "fetch" }, request = { "fetch" }, connect = { "EventSource" },
  client = { "EventSource" }, Client = { "EventSource" }, open = { "EventSource" },
  subscribe = { "EventSource" }, listen = "call listen on a server: 'server'",
  serve = { "server" }, createServer = { "server" }, new = "there are 'EventSource' and 'server'",
  clearTimeout = "call stop on the timer", clearInterval = "call stop on the timer",
  time = { "now" }, clock = { "now" }, on = "there is 'signal' for signals, and what a callback is "
    .. "for has a field on_...",
  setTimeout = { "after" }, setInterval = { "every" }, timeout = { "after" }, timer = { "after" },
  wait = { "sleep" }, loop = { "run" }, log = { "set_log" }, start = { "run" },
  dispatch = { "run" }, go = { "spawn" },
  promise = { "await" }, callback = { "await" }, poll = { "readable" }, select = { "readable" },
  async = { "spawn" }, task = { "spawn" }, Task = { "spawn" }, thread = { "spawn" },
  all = EACH_TASK, gather = EACH_TASK, join = EACH_TASK, wait_all = EACH_TASK,
  version = { "_VERSION" },
  metrics = "call metrics on a 'server'", stats = "call stats on a 'server' or a 'channel'",
  jwk = { "jwt" }, token = "call token of 'crypto'", random = "call random of 'crypto'",
  fork = { "workers" }, cluster = { "workers" }, prefork = { "workers" }, processes = { "workers" },
  topic = { "channel" }, publish = "call publish on a 'channel'", exit = { "stop" },
}
names["sse.url"] = {
  escape = { "encode" }, unescape = { "decode" }, quote = { "encode" }, unquote = { "decode" },
  encodeURIComponent = { "encode" }, decodeURIComponent = { "decode" },
  parse = "there is none: a request has path and query",
}
names["sse.json"] = {
  parse = { "decode" }, loads = { "decode" }, load = { "decode" }, stringify = { "encode" },
  dumps = { "encode" }, dump = { "encode" }, list = { "array" },
  empty_array = { "array" }, empty_array_mt = { "array" },
}
return names
