--- The part of sse.shared.foreign_names that is about the client, and a function for both parts.
-- @module sse.shared.foreign_client_names
local names = {}

-- A copy of tables, in which a later table's entries go before.
local function with(...)
  local all = {}
  for _, entries in ipairs { ... } do
    for name, hint in pairs(entries) do all[name] = hint end
  end
  return all
end

local IN_HEADERS = "it is a header: write it into 'headers'"
local IN_TLS = "it is part of 'tls': tls = { ca, cert, key, verify }"
local DEADLINE = "give 'signal' = sse.AbortSignal.timeout(ms), or 'timeout' until the head"
local BODY = "encode it, and give it as 'body', with its type in 'headers'"

local client = {
  deadline = DEADLINE, max_time = DEADLINE, connect_timeout = { "connectTimeout" },
  json = { "body" }, data = { "body" }, payload = { "body" }, form = BODY, files = BODY,
  verify = IN_TLS, insecure = IN_TLS, ca = IN_TLS, cert = IN_TLS, key = IN_TLS, ssl = IN_TLS,
  rejectUnauthorized = IN_TLS,
  auth = IN_HEADERS, authorization = IN_HEADERS, user_agent = IN_HEADERS, type = IN_HEADERS,
  content_type = IN_HEADERS, bearer = IN_HEADERS, token = IN_HEADERS, referer = IN_HEADERS,
  query = "it is part of the URL", params = "it is part of the URL",
  url = "it is the first argument",
  cancel = { "signal" }, credentials = { "withCredentials" }, mode = "there is none: no CORS here",
  cookie_jar = { "cookieFile" }, jar = { "cookieFile" }, cookies = { "cookieFile" },
  verb = { "method" },
  http_version = { "httpVersion" }, http2 = { "httpVersion" }, version = { "httpVersion" },
  socketPath = { "unixSocket" },
  stream = "it is not needed: a body is always read as it comes",
  content_types = { "contentTypes" }, accept = IN_HEADERS,
  heartbeat = { "heartbeatTimeout" }, keep_alive = { "heartbeatTimeout" },
  read_timeout = { "heartbeatTimeout" }, idle_timeout = { "heartbeatTimeout" },
  retries = { "maxRetries" }, max_attempts = { "maxRetries" }, attempts = { "maxRetries" },
  retry_delay = { "retryInterval" }, delay = { "retryInterval" }, on_retry = { "reconnect" },
  backoff = "say it by 'minRetryInterval' and 'maxRetryInterval'",
}
local REDIRECTS = "there is none: redirects are followed, at most 20"
local repeated = with(client, {
  id = { "lastEventId" }, last_id = { "lastEventId" }, since = { "lastEventId" },
  retry = { "retryInterval" },
})

local UNTIL = "a function is given as 'until': { [\"until\"] = fn }, a word of Lua's in brackets"
local HANDLER = "a handler is an option: 'onmessage'" -- where a function is given for the options

names["sse.EventSource"] = with(repeated, {
  ["function"] = HANDLER,
  redirect = REDIRECTS, allow_redirects = REDIRECTS, follow_redirects = REDIRECTS,
  on_open = { "onopen" }, on_message = { "onmessage" }, on_error = { "onerror" },
  onclose = "there is none: give 'onerror', and look at readyState",
  events = "it is no option: a loop over source:events(type, ...) takes types",
})
names["sse.fetch"] = with(client, {
  string = "the URL is the first argument, and a method is an option: 'method'",
  ["function"] = "there is no callback: it waits, and returns the response",
  allow_redirects = { "redirect" }, follow_redirects = { "redirect" },
  max_redirects = { "redirect" }, max_size = { "maxBodySize" },
  retry = { "maxRetries" },
  lastEventId = "it is a header: write it into 'headers', as Last-Event-ID",
})
names["sse.fetchEventSource"] = with(repeated, {
  ["function"] = HANDLER,
  allow_redirects = { "redirect" }, follow_redirects = { "redirect" },
  until_data = { "untilData" }, stop = { "untilData" }, until_type = { "untilType" },
  until_event = UNTIL, untilEvent = UNTIL,
  on_message = { "onmessage" },
  openWhenHidden = "there is none: nothing is ever hidden here",
})
names["EventSource.fromReader"] = {
  on_open = { "onopen" }, on_message = { "onmessage" }, on_error = { "onerror" },
  id = { "lastEventId" },
}
names["Response:events"] = {
  string = "the data at which the loop ends are an option: 'untilData'",
  ["function"] = UNTIL,
  until_data = { "untilData" }, stop = { "untilData" }, done = { "untilData" },
  until_type = { "untilType" }, until_event = UNTIL, untilEvent = UNTIL,
  types = "look at each event's type",
}

-- Fields and methods, by class.
names.EventSource = {
  on = { "addEventListener" }, addListener = { "addEventListener" },
  off = { "removeEventListener" }, removeListener = { "removeEventListener" },
  emit = { "dispatchEvent" }, stop = { "close" }, cancel = { "close" }, disconnect = { "close" },
  abort = { "close" }, connect = "it connects by itself", open = "it connects by itself",
  messages = { "events" }, read = { "events" },
  iter = { "events" }, lines = { "events" }, chunks = { "events" }, each = { "events" },
  status = "there are 'readyState', and the 'response' with its status",
  headers = "look into 'response'", state = { "readyState" }, error = { "failure" },
  onclose = "there is none: set 'onerror', and look at 'readyState'",
  lastEventId = "each event has it", wait = { "events" }, send = "nothing can be sent by it",
}
names.AbortSignal = { on = { "addEventListener" }, cancel = "call abort on its controller",
  abort = "call abort on its controller", error = { "reason" } }
names.Response = {
  status_code = { "status" }, statusCode = { "status" }, code = { "status" },
  body = "read it by 'text', 'json', 'events', 'lines' or 'chunks'",
  content = { "text" }, data = { "text" }, read = { "text" },
  header = "look into 'headers'", getHeader = "look into 'headers'", get = "look into 'headers'",
  iter_lines = { "lines" }, iter_content = { "chunks" }, iter = { "events" },
  cancel = { "close" }, abort = { "close" }, error = { "failure" }, reason = { "failure" },
  encoding = "bodies are given as they are", cookies = "look into 'headers': set-cookie",
}
names["fetchEventSource's handle"] = {
  cancel = { "close" }, stop = { "close" }, abort = { "close" }, join = { "wait" },
  events = "they go to the option onmessage", on = "callbacks are options: onmessage, onerror",
}
names.AbortController = {
  cancel = { "abort" }, close = { "abort" }, onabort = "it belongs to the controller's 'signal'",
}
names["sse.EventSource class"] = {
  new = "call it: sse.EventSource(url, options)", open = "call it: sse.EventSource(url, options)",
  connect = "call it: sse.EventSource(url, options)",
}
names["AbortSignal class"] = { new = "an AbortController has one", race = { "any" } }
-- None of the fields of an error event: a server may name an event "error", and a listener for
-- errors that reads `message` must not fail by it.
names.MessageEvent = {
  event = { "type" }, id = { "lastEventId" }, last_event_id = { "lastEventId" },
  text = { "data" }, payload = { "data" }, retry = "the source itself obeys it",
}

return { names = names, with = with }
