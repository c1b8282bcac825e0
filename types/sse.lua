---@meta sse
-- Written by `make doc` from docs/reference: change those pages, and not this file.

---@class sse
---@field _VERSION string
local sse = {}

---@class sse.EventSourceFromReaderOptions
---@field lastEventId? string the id that events have until the bytes name one (default: `""`)
---@field maxEventSize? integer bytes (default: 16 MiB)
---@field utf8? "replace"|"raw" as above (default: `"replace"`)
---@field signal? sse.AbortSignal closes the source
---@field onopen? function a handler
---@field onmessage? function a handler
---@field onerror? function a handler
---@field oncomment? function called for each comment
---@field log? function as above (default: `sse.set_log`'s)

---@class sse.ResponseEventsOptions
---@field untilData? string ends the loop at an event with these data (`"[DONE]"`), whatever white space is around them
---@field untilType? string ends the loop at an event of this type (`"message_stop"`)
---@field until? fun(event: sse.MessageEvent): boolean ends the loop at an event for which the function returns true. `until` is a word of Lua's, so it stands in brackets: `["until"] = function(ev)`
---@field lastEventId? string the id that events have until the body names one (default: `""`)

---@class sse.AddEventListenerOptions
---@field once? boolean takes the listener away before its first call (default: false)
---@field signal? sse.AbortSignal takes the listener away when it is aborted
---@field capture? boolean taken, as on the web, and means nothing here (default: false)
---@field passive? boolean taken, and means nothing here (default: false)

---@class sse.ChannelEventsOptions
---@field from? "newest"|"oldest"|integer as of `stream:follow`; the place is taken when `events` is called (default: `"newest"`)
---@field where? fun(event: sse.PublishedEvent): boolean as of `stream:follow`, but an error in it comes out of the loop, and it may publish

---@class sse.ChannelPublishOptions
---@field data? string|number|boolean|table a table becomes JSON
---@field event? string the event's type
---@field retry? integer ms: the clients' reconnection time from then on
---@field id? string|number an id of your own, which replay finds, at most 1 KiB: clients send it back in a header. A MessageEvent has its `lastEventId`, unless the one published before had the same: that id was not its own (default: the channel's)
---@field key? string|number for `slow = "latest"`: a newer event with the same key replaces this one
---@field meta? table|string|number|boolean for `where`, which gets it with the event: whom an event is for, say. It is never sent. Don't change the table afterwards
---@field dedupe? string|number where an event with the same value is held, nothing is published, and that event's id is given

---@class sse.ReqFormOptions
---@field max_fields? integer fields and files together (default: 1000)

---@class sse.ResCookieOptions
---@field max_age? number ms that the browser keeps it (default: none: until the browser is closed)
---@field http_only? boolean scripts of the page don't see it (default: true)
---@field same_site? "Strict"|"Lax"|"None" with `"None"` other sites' pages send it, too (default: `"Lax"`)
---@field secure? boolean it is sent over HTTPS alone (default: as the request came: `req.secure`; true where `same_site` or the name wants it)
---@field path? string where it is sent (default: `"/"`)
---@field domain? string to which hosts (default: this host alone)

---@class sse.ResEventStreamHeartbeatOptions
---@field every? number ms of silence (default: 15000)
---@field event? string the type of the event that is sent

---@class sse.ResEventStreamOptions
---@field retry? integer ms: sent at once, the client's reconnection time
---@field headers? table<string, string|number|string[]> further header fields
---@field finish? boolean the stream comes to an end by itself, as a model's answer does: `server:shutdown` waits for it, as for any other response. What is left `grace` after `within` breaks off, so that its client can tell; so does such a stream that ends as `"slow"` or `"expired"` (default: false)
---@field heartbeat? number|sse.ResEventStreamHeartbeatOptions|false see heartbeats (default: the server's)
---@field max_pending? integer bytes that the client may be behind (default: the server's)
---@field max_life? number|false ms: the longest that the stream is open, as of `stream:expire_at` (default: the server's)
---@field compress? boolean|"shared"|"window" see compression (default: the server's)

---@class sse.ServerLimitOptions
---@field rate? number requests a second, also fewer than one. Past it a request gets a 429 with `Retry-After`. A GET that accepts `text/event-stream` gets an event stream with a `retry:` and its end, since an EventSource gives up for good at a 429
---@field burst? integer how many may come at once (default: the rate, at least 1)
---@field streams? integer event streams open at a time. One more gets a `retry:` of 1 to 10 s and its end; its handler has a stream that is closed, as when a client has left
---@field key? fun(req: sse.Request): any for whom the request counts, as a user's name; may wait. Any value but NaN; nil: it is not limited (default: the client's address, of IPv6 the /64)

---@class sse.ServerListenOptions
---@field host? string as of `sse.server` (default: the server's)
---@field port? integer as of `sse.server` (default: the server's)
---@field port_reuse? boolean as of `sse.server` (default: the server's)
---@field unix? string the path of a Unix socket. A file that nobody listens on is replaced; one in use, or no socket, is `"EADDRINUSE"`. The file is removed when the listener is closed
---@field mode? string who may connect to it: `"0660"` (default: as the umask says)
---@field fd? integer a descriptor, which must be a bound stream socket. The server has a copy; the descriptor itself stays yours
---@field systemd? boolean|string true: all sockets that systemd has passed; a string: those of that `FileDescriptorName=` (default: false)
---@field proxy_protocol? boolean whether its connections begin with the PROXY protocol's header (default: the server's)
---@field tls? sse.ServerTlsOptions|false certificates for this listener alone, or false for plain HTTP (default: the server's)

---@class sse.ServerMetricsOptions
---@field channels? boolean false: the server's numbers alone, without the channels' (default: true)
---@field to? sse.ServerResponse a handler's `res`: the text is sent with it, in pieces, as its client takes them

---@class sse.ServerRunOptions
---@field within? number ms over which open event streams are ended, one after the other (default: 5000)
---@field grace? number ms after `within` when what is left is closed at once (default: 5000)
---@field retry? number ms that the clients of these streams are told to wait: between `retry` and half as much more (default: 2000)

---@class sse.ServerShutdownOptions
---@field within? number ms over which open event streams are ended, one after the other (default: 5000)
---@field grace? number ms after `within` when what is left is closed at once (default: 5000)
---@field retry? number ms that the clients of these streams are told to wait: between `retry` and half as much more (default: 2000)

---@class sse.ServerStaticOptions
---@field follow_links? boolean serves also what symbolic links lead to that is outside of the folder or hidden (default: false)

---@class sse.EventSourceTlsOptions
---@field ca? string a file or a folder with certificates of authorities (PEM): these are trusted, and no others (default: the system's)
---@field cert? string a file with the client's certificate
---@field key? string a file with its key
---@field verify? boolean false: the server's certificate is not checked (default: true)

---@class sse.EventSourceOptions
---@field method? string the request's method (default: `"GET"`; with a body `"POST"`)
---@field headers? table|function the same, or `function(failure)`: asked before every attempt, in a task, with the failure that led to it, nil at first
---@field body? string|table|function the same, or a function, as for `headers`
---@field withCredentials? boolean sends cookies, and user:password of the URL (default: false)
---@field cookieFile? string a file in which cookies are kept, read and written with `withCredentials` only. See cookies
---@field lastEventId? string sent with the first request. An id longer than 8 KiB, or with a control character, is kept but not sent, and `log` is told so once (default: `""`)
---@field signal? sse.AbortSignal closes the source, or ends the request
---@field timeout? number ms from the start of an attempt to the end of its response's head, redirects included. Past it the attempt fails (`ETIMEDOUT`), and a source connects again. The body may take any time
---@field connectTimeout? number ms for name, connection and TLS; and again for a response's head, from its first byte to its end (default: 30000)
---@field heartbeatTimeout? number ms of silence that are a lost connection. Comments count as life; an unfinished head and trailers don't
---@field retryInterval? number the reconnection time: ms before the next attempt, until the server says another by `retry` (at most a day) (default: 1000)
---@field minRetryInterval? number the least wait in ms, whatever the server says (default: 100)
---@field maxRetryInterval? number ms that a wait may grow to. It doubles with jitter while attempts fail. An attempt has failed when it brought no event and lived shorter than the wait before it. After one that brought an event the wait is the reconnection time (default: 30000)
---@field maxRetries? integer attempts in a row that may fail. One that brought an event ends the row (default: no limit; `fetch`: 0)
---@field reconnect? "spec"|"resilient"|function which failures lead to another attempt: see further attempts (default: `EventSource`: `"spec"`; else `"resilient"`)
---@field contentTypes? string[]|false further types (`{ "text/plain" }`) that are read as `text/event-stream` is; false: any type, and none. For servers that say the wrong one. Of several values of `Content-Type` the last that is a valid type counts
---@field maxEventSize? integer bytes; a larger event fails the source for good (default: 16 MiB)
---@field maxHeadSize? integer bytes of a response's head, interim ones and trailers included, at most 262144. More is `ETOOBIG`, which fails a source for good. A single line has at most 100 KiB, over HTTP/2 64 (default: 65536)
---@field maxHeadFields? integer fields of a response's head; more is `ETOOBIG` (default: 100)
---@field utf8? "replace"|"raw" broken UTF-8 becomes U+FFFD; `"raw"` hands bytes through (default: `"replace"`)
---@field proxy? string a URL with `http`, `https`, `socks4` or `socks5`; with `socks4a` or `socks5h` the proxy looks names up. `""`: none. Without the option `http_proxy`, `HTTPS_PROXY` and `ALL_PROXY` of the environment hold (default: the environment's)
---@field noProxy? string hosts that need no proxy, separated by commas (default: `no_proxy`)
---@field unixSocket? string a path: connects there, whatever the URL's host is
---@field httpVersion? "1.1"|"2"|"2-prior-knowledge" nil: with `https` HTTP/2 where the server has it, else HTTP/1.1. `"1.1"`: what the server must speak. `"2"`: needs `https`; an attempt fails with `EPROTO`, before anything of the request is sent, where the server does not agree. `"2-prior-knowledge"`: HTTP/2 with `http`, too, where it begins without asking, through a proxy in a tunnel (CONNECT) (default: the server's choice)
---@field tls? sse.EventSourceTlsOptions as the four below (default: verify)
---@field onopen? function the handler `source.onopen`; for `fetchEventSource` see its callbacks
---@field onmessage? function the handler
---@field onerror? function the handler; for `fetchEventSource` it decides about further attempts
---@field oncomment? function as `source.oncomment`
---@field onreconnect? function as `source.onreconnect`
---@field log? function `function(level, message, details)`: `level` is `"debug"`, `"info"`, `"warn"` or `"error"`; `details` has `url`, `attempt`, `status`, `failure` and `delay` where they apply. `attempt` is the one at hand: after an EventSource's failure mostly the next already, while `failure.attempt` is the one that failed (default: `sse.set_log`'s)

---@class sse.ChannelOptions
---@field history? integer events held for replay (default: 1000)
---@field history_bytes? integer bytes of them; a larger event is refused (`"ETOOBIG"`) (default: 8 MiB)
---@field max_age? number ms that an event is held (default: no bound)
---@field idle? number ms that a channel is kept which nobody refers to, follows or publishes to; 0: not at all (default: 1 h)
---@field slow? "close"|"skip"|"latest" what becomes of a follower that the history's bounds overtake. `"close"`: it is closed (reason `"slow"`, a jittered `retry:` first). `"skip"`: it gets a gap event, then what is held. `"latest"`: only the newest event of each `key` is owed; else as `"skip"` (default: `"close"`)
---@field max_lag? integer bytes that a live follower may be behind (default: no bound but the history)
---@field gap_event? string the type of gap events (default: `"sse-gap"`)
---@field store? sse.Store a store, which keeps the channel's events beyond the process. The three bounds are then the store's

---@class sse.CryptoSignOptions
---@field expires? number a point in time in seconds, as of `os.time()` (default: never)
---@field purpose? string a name: `unsign` takes only values that were signed for the same

---@class sse.CryptoUnsignOptions
---@field purpose? string as of `sse.crypto.sign`

---@class sse.DecodeOptions
---@field max_event_size? integer bytes of one event (default: 16 MiB)
---@field utf8? "replace"|"raw" broken UTF-8 becomes U+FFFD; `"raw"` leaves it (default: `"replace"`)
---@field last_event_id? string the id that is known before (default: `""`)

---@class sse.EncodeOptions
---@field data? string|number|boolean|table a table becomes JSON. An event needs `data` (`""` for an empty one): without it no client dispatches anything
---@field event? string the event's type
---@field id? string|number the event's id
---@field retry? integer ms: the client's reconnection time from now on
---@field comment? string a comment, which stands by itself

---@class sse.FetchTlsOptions
---@field ca? string a file or a folder with certificates of authorities (PEM): these are trusted, and no others (default: the system's)
---@field cert? string a file with the client's certificate
---@field key? string a file with its key
---@field verify? boolean false: the server's certificate is not checked (default: true)

---@class sse.FetchOptions
---@field method? string the request's method (default: `"GET"`; with a body `"POST"`)
---@field headers? table names to values, or to lists of values
---@field body? string|table a table is sent as JSON
---@field withCredentials? boolean sends cookies, and user:password of the URL (default: false)
---@field cookieFile? string a file in which cookies are kept, read and written with `withCredentials` only. See cookies
---@field signal? sse.AbortSignal closes the source, or ends the request
---@field redirect? "follow"|"error"|"manual" `"error"`: a redirect is a failure; `"manual"`: it is the response (default: `"follow"`)
---@field timeout? number ms from the start of an attempt to the end of its response's head, redirects included. Past it the attempt fails (`ETIMEDOUT`), and a source connects again. The body may take any time
---@field connectTimeout? number ms for name, connection and TLS; and again for a response's head, from its first byte to its end (default: 30000)
---@field heartbeatTimeout? number ms of silence that are a lost connection. Comments count as life; an unfinished head and trailers don't
---@field retryInterval? number the reconnection time: ms before the next attempt, until the server says another by `retry` (at most a day) (default: 1000)
---@field minRetryInterval? number the least wait in ms, whatever the server says (default: 100)
---@field maxRetryInterval? number ms that a wait may grow to. It doubles with jitter while attempts fail. An attempt has failed when it brought no event and lived shorter than the wait before it. After one that brought an event the wait is the reconnection time (default: 30000)
---@field maxRetries? integer attempts in a row that may fail. One that brought an event ends the row (default: no limit; `fetch`: 0)
---@field reconnect? "spec"|"resilient"|function which failures lead to another attempt: see further attempts (default: `EventSource`: `"spec"`; else `"resilient"`)
---@field contentTypes? string[]|false further types (`{ "text/plain" }`) that are read as `text/event-stream` is; false: any type, and none. For servers that say the wrong one. Of several values of `Content-Type` the last that is a valid type counts
---@field maxEventSize? integer bytes; a larger event fails the source for good (default: 16 MiB)
---@field maxHeadSize? integer bytes of a response's head, interim ones and trailers included, at most 262144. More is `ETOOBIG`, which fails a source for good. A single line has at most 100 KiB, over HTTP/2 64 (default: 65536)
---@field maxHeadFields? integer fields of a response's head; more is `ETOOBIG` (default: 100)
---@field maxBodySize? integer bytes of `response:text()` and `response:json()` (default: 64 MiB)
---@field utf8? "replace"|"raw" broken UTF-8 becomes U+FFFD; `"raw"` hands bytes through (default: `"replace"`)
---@field proxy? string a URL with `http`, `https`, `socks4` or `socks5`; with `socks4a` or `socks5h` the proxy looks names up. `""`: none. Without the option `http_proxy`, `HTTPS_PROXY` and `ALL_PROXY` of the environment hold (default: the environment's)
---@field noProxy? string hosts that need no proxy, separated by commas (default: `no_proxy`)
---@field unixSocket? string a path: connects there, whatever the URL's host is
---@field httpVersion? "1.1"|"2"|"2-prior-knowledge" nil: with `https` HTTP/2 where the server has it, else HTTP/1.1. `"1.1"`: what the server must speak. `"2"`: needs `https`; an attempt fails with `EPROTO`, before anything of the request is sent, where the server does not agree. `"2-prior-knowledge"`: HTTP/2 with `http`, too, where it begins without asking, through a proxy in a tunnel (CONNECT) (default: the server's choice)
---@field tls? sse.FetchTlsOptions as the four below (default: verify)

---@class sse.FetchEventSourceTlsOptions
---@field ca? string a file or a folder with certificates of authorities (PEM): these are trusted, and no others (default: the system's)
---@field cert? string a file with the client's certificate
---@field key? string a file with its key
---@field verify? boolean false: the server's certificate is not checked (default: true)

---@class sse.FetchEventSourceOptions
---@field method? string the request's method (default: `"GET"`; with a body `"POST"`)
---@field headers? table|function the same, or `function(failure)`: asked before every attempt, in a task, with the failure that led to it, nil at first
---@field body? string|table|function the same, or a function, as for `headers`
---@field withCredentials? boolean sends cookies, and user:password of the URL (default: false)
---@field cookieFile? string a file in which cookies are kept, read and written with `withCredentials` only. See cookies
---@field lastEventId? string sent with the first request. An id longer than 8 KiB, or with a control character, is kept but not sent, and `log` is told so once (default: `""`)
---@field signal? sse.AbortSignal closes the source, or ends the request
---@field redirect? "follow"|"error"|"manual" `"error"`: a redirect is a failure; `"manual"`: it is the response (default: `"follow"`)
---@field timeout? number ms from the start of an attempt to the end of its response's head, redirects included. Past it the attempt fails (`ETIMEDOUT`), and a source connects again. The body may take any time
---@field connectTimeout? number ms for name, connection and TLS; and again for a response's head, from its first byte to its end (default: 30000)
---@field heartbeatTimeout? number ms of silence that are a lost connection. Comments count as life; an unfinished head and trailers don't
---@field retryInterval? number the reconnection time: ms before the next attempt, until the server says another by `retry` (at most a day) (default: 1000)
---@field minRetryInterval? number the least wait in ms, whatever the server says (default: 100)
---@field maxRetryInterval? number ms that a wait may grow to. It doubles with jitter while attempts fail. An attempt has failed when it brought no event and lived shorter than the wait before it. After one that brought an event the wait is the reconnection time (default: 30000)
---@field maxRetries? integer attempts in a row that may fail. One that brought an event ends the row (default: no limit; `fetch`: 0)
---@field reconnect? "spec"|"resilient"|function which failures lead to another attempt: see further attempts (default: `EventSource`: `"spec"`; else `"resilient"`)
---@field contentTypes? string[]|false further types (`{ "text/plain" }`) that are read as `text/event-stream` is; false: any type, and none. For servers that say the wrong one. Of several values of `Content-Type` the last that is a valid type counts
---@field maxEventSize? integer bytes; a larger event fails the source for good (default: 16 MiB)
---@field maxHeadSize? integer bytes of a response's head, interim ones and trailers included, at most 262144. More is `ETOOBIG`, which fails a source for good. A single line has at most 100 KiB, over HTTP/2 64 (default: 65536)
---@field maxHeadFields? integer fields of a response's head; more is `ETOOBIG` (default: 100)
---@field utf8? "replace"|"raw" broken UTF-8 becomes U+FFFD; `"raw"` hands bytes through (default: `"replace"`)
---@field proxy? string a URL with `http`, `https`, `socks4` or `socks5`; with `socks4a` or `socks5h` the proxy looks names up. `""`: none. Without the option `http_proxy`, `HTTPS_PROXY` and `ALL_PROXY` of the environment hold (default: the environment's)
---@field noProxy? string hosts that need no proxy, separated by commas (default: `no_proxy`)
---@field unixSocket? string a path: connects there, whatever the URL's host is
---@field httpVersion? "1.1"|"2"|"2-prior-knowledge" nil: with `https` HTTP/2 where the server has it, else HTTP/1.1. `"1.1"`: what the server must speak. `"2"`: needs `https`; an attempt fails with `EPROTO`, before anything of the request is sent, where the server does not agree. `"2-prior-knowledge"`: HTTP/2 with `http`, too, where it begins without asking, through a proxy in a tunnel (CONNECT) (default: the server's choice)
---@field tls? sse.FetchEventSourceTlsOptions as the four below (default: verify)
---@field onopen? function the handler `source.onopen`; for `fetchEventSource` see its callbacks
---@field onmessage? function the handler
---@field onerror? function the handler; for `fetchEventSource` it decides about further attempts
---@field log? function `function(level, message, details)`: `level` is `"debug"`, `"info"`, `"warn"` or `"error"`; `details` has `url`, `attempt`, `status`, `failure` and `delay` where they apply. `attempt` is the one at hand: after an EventSource's failure mostly the next already, while `failure.attempt` is the one that failed (default: `sse.set_log`'s)
---@field untilData? string as of `response:events`
---@field untilType? string as of `response:events`
---@field until? fun(event: sse.MessageEvent): boolean as of `response:events`: `["until"] = function(ev)`
---@field onclose? fun() called when the stream has ended without a failure. With an `onerror` it may raise to connect again

---@class sse.FileOptions
---@field content_type? string the `Content-Type` (default: told by the name)
---@field headers? table<string, string> further fields; they go before the file's own

---@class sse.FollowOptions
---@field from? "newest"|"oldest"|integer as of `stream:follow` (default: `"newest"`)
---@field where? fun(event: sse.PublishedEvent, req: sse.Request): boolean as of `stream:follow`, with the request behind the event

---@class sse.JsonDecodeOptions
---@field null? boolean members of objects that are null are `sse.json.null`; else they are absent. In arrays, and as the whole text, null is always `sse.json.null` (default: false)
---@field utf8? "strict"|"replace" broken UTF-8 in a string, or half of a surrogate pair (`\ud800`), is an error; `"replace"` makes it U+FFFD (default: `"strict"`)

---@class sse.JsonEncodeOptions
---@field indent? integer|string each member has a line of its own, set in by that many spaces a level (up to 16), or by a string of blanks (default: 0)
---@field sort? boolean an object's members in the order of their names' bytes (default: false)

---@class sse.JwtSignOptions
---@field key? string|table a private key in PEM, a secret, or a JSON Web Key (a table) (default: must be given)
---@field kid? string the header's `kid` (default: that of a JSON Web Key)
---@field typ? string the header's `typ` (default: `"JWT"`)

---@class sse.JwtVerifyOptions
---@field key? string|table a PEM, a secret, or a JSON Web Key (a table). A public key is enough (default: this or `keys`)
---@field keys? table a JWK Set, `{ keys = { ... } }` as `res:json()` gives it, or keys by their kid: `{ ["2026"] = pem, old = jwk }`, also secrets if `algorithms` has `"HS256"`. The token's `kid` chooses (default: this or `key`)
---@field algorithms? string[] those that are allowed: `"HS256"`, `"RS256"`, `"ES256"`, `"EdDSA"` (default: that of the key)
---@field issuer? string|string[] one of them the token must have (default: any)
---@field audience? string|string[]|false one of them the token must have. Without it a token may have none; false: whatever the token has
---@field leeway? number ms that `exp` and `nbf` may be off (default: 0)
---@field now? number seconds, in its place (default: `os.time()`)

---@class sse.ParserOptions
---@field on_event? fun(data: string, type: string, id: string) called for each event
---@field on_retry? fun(ms: integer) called for each `retry`
---@field on_comment? fun(text: string) called for each comment
---@field on_id? fun(id: string) called for each id
---@field max_event_size? integer bytes of one event (default: 16 MiB)
---@field utf8? "replace"|"raw" broken UTF-8 becomes U+FFFD; `"raw"` hands bytes through (default: `"replace"`)
---@field last_event_id? string the id that is known before (default: `""`)

---@class sse.RedisTlsOptions
---@field ca? string a file with certificates of authorities (PEM): these are trusted, and no others (default: the system's)
---@field cert? string a file with the client's certificate
---@field key? string a file with its key (default: `tls.cert`)
---@field verify? boolean false: the server's certificate is not checked (default: true)

---@class sse.RedisOptions
---@field host? string a name or an address. Names are looked up on a thread (default: `"127.0.0.1"`)
---@field port? integer  (default: 6379)
---@field unix_socket? string the path of a Unix socket, in place of `host` and `port`
---@field user? string for servers with users (ACL); goes with `password`
---@field password? string
---@field database? integer the database's number (default: 0)
---@field tls? boolean|sse.RedisTlsOptions true, or as the four below. Needs hiredis 1.0 or later with its TLS library
---@field connect_timeout? number ms within which a connection must be made, the login included (default: 5 s)
---@field timeout? number ms within which the server must answer, or something of a long answer must come; then the connections are made anew (default: 5 s)
---@field check_interval? number ms between two looks whether a followed channel has events that were not announced. Each is drawn from three to five quarters of that. Followers of a process that has died count for two such times (default: 5 s)
---@field queue? integer how many publishes wait while the server is away. Without it, or with 0, they fail at once
---@field prefix? string what the names of all keys begin with (default: `"sse:"`)
---@field expire? number ms after which a channel that nobody publishes to or follows leaves the server, and its numbers of followers with it; they may stay half as long again (default: 7 days)
---@field sentinels? string[] `{ "host:port", ... }`, in place of the server's address: these Sentinels are asked, one after the other, which server is the master. The port is 26379 where it is left out
---@field master? string the name by which the Sentinels know the server (default: must be given with `sentinels`)
---@field sentinel_user? string the Sentinels' user; goes with `sentinel_password`. `user` and `password` are the server's
---@field sentinel_password? string
---@field cluster? string[] `{ "host:port", ... }`, in place of the server's address: some nodes of a Redis Cluster, which tell of the others. The port is 6379 where it is left out

---@class sse.ServerHeartbeatOptions
---@field every? number ms of silence (default: 15000)
---@field event? string sends an event of this type, and not a comment

---@class sse.ServerOptions
---@field host? string an address, or a name: the server listens on each of its addresses that this machine has, with one port. `"localhost"` is 127.0.0.1 and ::1; `"::"` takes both families (default: `"127.0.0.1"`)
---@field port? integer 0: the system chooses (default: 0)
---@field port_reuse? boolean other sockets may listen on the same address and port, of this process or another, if they all say so; the kernel spreads connections over them (`SO_REUSEPORT`) (default: false)
---@field backlog? integer connections that may wait in the kernel's queue (default: 4096)
---@field tls? sse.ServerTlsOptions HTTPS (default: none: HTTP)
---@field trusted_proxies? string[] addresses and networks of the proxies before it, or `"unix"`: see below
---@field proxy_headers? string[] the fields that they write: `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`, `Forwarded` (default: all four)
---@field proxy_protocol? boolean connections begin with a header of the PROXY protocol (default: false)
---@field hosts? string[] `{ "app.example", "*.app.example", "app.example:8080", "[2001:db8::1]" }`: a request for another host gets a 421 and reaches no handler (default: all)
---@field max_connections? integer past it: a GET that accepts `text/event-stream` gets a `retry:` of 1 to 10 s and its end, with status 200: an EventSource comes back after that, and not after a 503. Any other request gets a 503 with `Retry-After` (default: 10000)
---@field max_connections_per_address? integer past it: the same. A /64 of IPv6 counts as one address (default: no limit)
---@field max_concurrent_requests? integer past it: further requests at that time on the HTTP/2 connection are refused, and may be sent again (default: 256)
---@field max_head_size? integer past it: 431; so are more than 100 fields, and a target of more than 8 KiB is a 414 (default: 16 KiB)
---@field max_body_size? integer past it: 413 (default: 1 MiB)
---@field max_bodies? integer past it: of what all requests hold together, heads and bodies, until they are answered: the newest body that is still arriving gets a 503 with `Retry-After`. A new request that has a body, or a head of more than 4 KiB, gets it, too (default: 64 MiB)
---@field max_pending? integer past it: of what waits for one client of a stream or a streamed response: a send gives `nil, "full"`. A single event or `write` that is larger is `nil, message, "ETOOBIG"` (default: 1 MiB)
---@field max_pending_total? integer past it: of the memory held for all clients together: the slowest are closed, as below (default: 256 MiB)
---@field head_timeout? number past it: a request's head has not come: 408. Also for the TLS handshake (default: 10000)
---@field body_timeout? number past it: a request's body has not come: 408 (default: 30000)
---@field idle_timeout? number past it: nothing has come on an open connection: it is closed (default: 60000)
---@field write_timeout? number past it: a client has taken nothing of what waits for it: the connection is closed, or the one stream of an HTTP/2 connection whose window stays shut (default: 120000)
---@field heartbeat? number|sse.ServerHeartbeatOptions|false what a silent stream is sent, and when: see heartbeats (default: 15000)
---@field max_life? number|false ms: the longest that an event stream is open, at most 24 days. It ends as by `stream:expire_at` (default: false)
---@field compress? boolean|"shared"|"window" how event streams are compressed: true or `"shared"`, `"window"`, false (default: true)
---@field cors? boolean|sse.ServerCorsOptions which pages of other origins may read the responses: true for any, or a table
---@field on_error? fun(err: any, context: sse.ErrorContext) is told of errors in handlers and other callbacks of a request or a stream (default: prints to stderr)
---@field on_response? fun(entry: sse.LogEntry) called for each response that has ended: see below
---@field request_id? boolean true: every response to a request that your functions get brings `req.id` back, as `X-Request-Id`; a handler can't set that field then (default: false)
---@field access_log? "common"|"json"|sse.ServerAccessLogOptions|function writes a line for each of them: `"common"`, `"json"`, a table as below, or a function that gets the entry

---@class sse.ServerAccessLogOptions
---@field format? "common"|"json" or `"json"` (default: `"common"`)
---@field file? file* an open file (default: stderr)

---@class sse.ServerCorsOptions
---@field origin? string|string[]|function one origin (`"https://app.example"`, no path), a list of them, `"*"` for any, or `function(origin, req)`, which returns whether the origin is allowed (default: must be given)
---@field credentials? boolean requests may have cookies and the like; not together with `"*"` (default: false)
---@field headers? string[] request headers that a page may send (default: those it asks for)
---@field expose? string[] response headers that a page may read, beside the usual ones; `{ "*" }` for all, not together with `credentials`
---@field max_age? number ms for which a browser may cache the response to a preflight

---@class sse.ServerTlsOptions
---@field cert? string a PEM file with the certificate, maybe followed by its issuers' and its key (default: must be given)
---@field key? string a PEM file with the key (default: in `cert`)
---@field chain? string a PEM file with further issuers' certificates
---@field names? table<string, sse.ServerTlsNamesOptions> further certificates, by the host name that a client asks for: as below
---@field min_version? "1.2"|"1.3" or `"1.3"` (default: `"1.2"`)
---@field ciphers? string a list as OpenSSL writes it, for TLS 1.2; entries `TLS_...` are those of 1.3 (default: forward secrecy and authenticated encryption only)
---@field client_ca? string a PEM file: clients must show a certificate that one of those in it signed

---@class sse.ServerTlsNamesOptions
---@field cert? string as above (default: must be given)
---@field key? string as above (default: in `cert`)
---@field chain? string as above

---@class sse.SqliteOptions
---@field sync? "normal"|"full"|"off" when a publish returns. `"normal"`: once the event survives the end of the process, also by SIGKILL. `"full"`: once it survives the machine's end, so each commit waits for the disk. `"off"`: as `"normal"`, but a crash of the machine may damage the file (default: `"normal"`)
---@field busy_timeout? number ms that another process may hold the file before what waits fails (`"EBUSY"`) (default: 5 s)
---@field page_cache? integer bytes of the file that are kept in memory, at least 64 KiB (default: 2 MiB)

---@class sse.WorkersOptions
---@field run? string|fun(worker: sse.Worker) the path of a Lua file, which gets the worker as `...`, or a function (default: must be given)
---@field listen? integer|sse.WorkersListenOptions|sse.WorkersListenOptions[] a port, an address, or a list of these
---@field count? integer how many workers, up to 1,024 (default: as many as there are processors that the process may use)
---@field backlog? integer connections that may wait in each socket. `backlog` of a server is for addresses of its own (default: 4096)
---@field start_timeout? number ms after which a worker that does not listen yet has failed (default: 30000)
---@field stop_timeout? number ms after which a worker that was told to end is killed (default: 30000)
---@field hang_timeout? number ms after which a worker whose loop does not turn is killed and replaced (default: systemd's `WatchdogSec=`, else none)
---@field max_pause? number ms that the place of a worker that dies again and again stays empty at most; also how long one must have served to count as healthy (default: 10000)
---@field log? fun(level: string, message: string, details: table) is told when workers start, are ready, die and are replaced. `details` has `worker`, the id, and where it is known `pid` (default: that of `sse.set_log`, else standard error for `"warn"` and `"error"`)

---@class sse.WorkersListenOptions
---@field host? string an address, or a name, all of whose addresses are listened on (default: `"127.0.0.1"`)
---@field port? integer 0: one that the system chooses (default: 0)
---@field port_reuse? boolean other programs may listen on the same port. Without it, a second start of yours is refused (default: false)
---@field unix? string the path of a Unix socket. The master removes its file
---@field mode? string permissions of the file: `"0660"` (default: as the umask says)
---@field systemd? boolean|string the sockets that systemd has passed, or those of a name (default: false)

---@class sse.StoreOpenOptions
---@field history? integer as of `sse.channel` (default: 1000)
---@field history_bytes? integer as of `sse.channel`, without the events' ids (default: 8 MiB)
---@field max_age? number as of `sse.channel` (default: no bound)

---@class sse.StreamFollowOptions
---@field from? "newest"|"oldest"|integer where a client without an id begins: `"newest"`, `"oldest"`, or how many of the newest it gets first (default: `"newest"`)
---@field after? string for such a client: the id of an event, after which it begins as if it had brought that id. nil or `""`: `from` counts
---@field where? fun(event: sse.PublishedEvent): boolean says whether the client gets the event. An error in it ends that stream alone

---@class sse.StreamSendOptions
---@field data? string|number|boolean|table a table becomes JSON
---@field event? string the event's type
---@field id? string|number the event's id
---@field retry? integer ms: the client's reconnection time from now on
---@field comment? string a comment, which stands by itself

---@class sse.Timer
---@field active boolean whether the timer will still call its function
local timer = {}

---Stops the timer. A call that is under way, and waits, is not ended by it. Harmless when called
---again.
function timer:stop() end

---Lets the loop end although the timer is active. The timer still runs while something else keeps
---the loop running.
function timer:unref() end

---@class sse.Signal
local signal = {}

---Watches the signal no longer. The system's own behaviour comes back: SIGTERM ends the program
---again.
function signal:stop() end

---@class sse.Task
local task = {}

---Waits until the task is over. Several tasks may wait for one, and you may also ask when it is
---over.
---
---Fails with `"ECALLBACK"` where the function raised. `message` is the text with its traceback,
---or the raised value where it is no string. With `"EABORTED"` the task was cancelled, and
---`message` is `"cancelled"`.
---
---Raises where a task waits for itself.
---@return any
---@return string? message
---@return string? code
function task:wait() end

---Ends the task where it waits. Its `<close>` variables are closed, and a sleep or a request
---under way is dropped. A task that runs at the moment (it cancels itself) ends at its next wait.
---Harmless when the task is over.
function task:cancel() end

---@class sse.ErrorContext
---@field what string which function raised, as below
---@field req? sse.Request the request, where there is one
---@field stream? sse.Stream the event stream, where there is one
---@field channel? sse.Channel the channel, of `"where"`, `"channel:on"`, `"publish"` and `"store"`

---@class sse.EventSourceClass
---@field CONNECTING integer 0, a value of `readyState`: `sse.EventSource.CONNECTING`
---@field OPEN integer 1
---@field CLOSED integer 2
---@overload fun(url: string|(fun(failure?: sse.Failure): string), options?: sse.EventSourceOptions): sse.EventSource
sse.EventSource = {}

---@class sse.EventSource: sse.EventTarget
---@field url string of the source; read-only
---@field readyState integer `source.CONNECTING` (0), `source.OPEN` (1) or `source.CLOSED` (2); read-only
---@field CONNECTING integer 0
---@field OPEN integer 1
---@field CLOSED integer 2
---@field withCredentials boolean as the option says; read-only
---@field failure? sse.Failure why the source has failed for good; else nil; read-only
---@field response? sse.ResponseHead the head of the last response, also of a refused one; nil before the first; read-only
---@field onopen? fun(event: sse.OpenEvent) a handler: called when a response has been accepted. The event has its `status` and `headers`
---@field onmessage? fun(event: sse.MessageEvent) a handler: called for each event of the type `message`
---@field onerror? fun(event: sse.ErrorEvent) a handler: called for each failed attempt. The event has the fields of a failure
---@field oncomment? fun(text: string) called for each comment
---@field onreconnect? fun(delay: number, cause: sse.Failure) called when an attempt is planned, in `delay` milliseconds
local source = {}

---A loop over the events. It waits for each, and ends when the source is closed; `source.failure`
---then says why.
---
---Raises where nothing can wait.
---@param ... string types; the loop gets only their events, and others are dropped. Without any, it gets all.
---@return fun(): sse.MessageEvent?
function source:events(...) end

---Drops the connection and connects again at once, with the last id, and without an `error`
---event.
---
---Fails with `"ECLOSED"` where the source is closed: it stays so.
---@return true?
---@return string? message
---@return string? code
function source:reconnect() end

---Closes the source. No listener is called after that. Harmless when called again.
function source:close() end

---What the source has received, over all its connections.
---@return sse.SourceStats
function source:stats() end

---@class sse.ResponseHead
---@field status integer 200
---@field headers table<string, string> by name, in any case
---@field url string of the response, after redirects
---@field redirected boolean whether there were any
---@field protocol string `"HTTP/1.1"` or `"HTTP/2"`
---@field tls? sse.TlsInfo nil without TLS

---@class sse.TlsInfo
---@field version string `"TLSv1.3"`
---@field cipher string as OpenSSL calls it

---@class sse.EventTarget
local target = {}

---Adds a listener to a source, or to an AbortSignal. Does nothing if it was added for this type
---already.
---
---Raises for a listener of another type.
---@param type string the type of the events; `"*"` for every event that the server sends
---@param listener fun(event: sse.Event)|table|nil called with the event; of a table, its method `handleEvent` is called
---@param options? sse.AddEventListenerOptions|boolean see below
function target:addEventListener(type, listener, options) end

---Takes a listener away. A dispatch under way that has not called it yet does not call it any
---more.
---@param type string as it was added
---@param listener fun(event: sse.Event)|table|nil as it was added
---@param options? table|boolean taken, as on the web, and means nothing here
function target:removeEventListener(type, listener, options) end

---Tells the listeners an event of your own, made by `sse.Event`.
---
---Raises where the event is being dispatched already.
---@param event sse.Event one that is not being dispatched
---@return boolean
function target:dispatchEvent(event) end

---@class sse.SourceStats
---@field bytes integer of bodies, received
---@field events integer received
---@field reconnects integer attempts after the first
---@field lastActivity? number `sse.now()` when the last bytes came
---@field protocol? string of the last connection that opened
---@field tls? sse.TlsInfo of the last connection that opened

---@class sse.MessageEvent: sse.Event
---@field type string `"message"` where the server named none
---@field data string its lines, joined by LF
---@field lastEventId string the last id that the stream has named; `""` if none
---@field origin string `"https://example.com"`
---@field target any the source
---@field cancelable boolean false
---@field defaultPrevented boolean false
local event = {}

---Reads the event's data as JSON; with keys, one value of it, in a fraction of the time.
---@param key? string|integer a name, or a place from 1
---@param ... string|integer further ones, as of `sse.json.get`
---@return any
---@return string? message
function event:json(key, ...) end

---@class sse.OpenEvent: sse.Event
---@field status integer of the response
---@field headers table<string, string> of the response

---@class sse.ErrorEvent: sse.Event
---@field failure sse.Failure the failure, whose fields the event has, too
---@field message string for people
---@field code string for programs

---@class sse.Event
---@field type string its type
---@field cancelable boolean as given; false if not
---@field defaultPrevented boolean whether a listener called `preventDefault`
local event = {}

---Marks a cancelable event: `event.defaultPrevented` is true then, and `dispatchEvent` gives
---false.
function event:preventDefault() end

---Makes the present listener the last that hears of the event.
function event:stopImmediatePropagation() end

---Does nothing here, since no target is part of another. It exists for code that was written for
---the web.
function event:stopPropagation() end

---@class sse.Response
---@field status integer 200
---@field ok boolean whether the status is 200 to 299
---@field headers table<string, string> by name, in any case
---@field url string of the response, after redirects
---@field redirected boolean whether there were any
---@field protocol string `"HTTP/1.1"` or `"HTTP/2"`
---@field tls? sse.TlsInfo `version` and `cipher`; nil without TLS
---@field failure? sse.Failure after a loop: why the body broke off; nil where it is complete
---@field lastEventId? string the last id that the loop over events has met
---@field retry? integer ms: the last `retry` field that the loop has met
local response = {}

---A loop over the body's events, whatever the status and the content type. It ends before the
---event that an option names.
---
---Raises where the body was read already.
---@param options? sse.ResponseEventsOptions see below
---@return fun(): sse.MessageEvent?
function response:events(options) end

---A loop over the body in pieces, as they are received.
---
---Raises where the body was read already.
---@return fun(): string?
function response:chunks() end

---A loop over the body's lines, without their ends (LF or CRLF). A line of more than
---`maxEventSize` bytes ends it, with `ETOOBIG` in `response.failure`.
---
---Raises where the body was read already.
---@return fun(): string?
function response:lines() end

---Reads the whole body.
---
---Fails with `"ETOOBIG"` past `maxBodySize`, or with the code of the lost connection.
---
---Raises where the body was read already.
---@return string?
---@return string? message
---@return string? code
function response:text() end

---Reads the whole body as JSON; with keys, one value of it.
---
---Fails with `"EINVAL"` where the body is no JSON, and as `response:text` does.
---
---Raises where the body was read already.
---@param key? string|integer a name, or a place from 1
---@param ... string|integer further ones, as of `sse.json.get`
---@return any
---@return string? message
---@return string? code
function response:json(key, ...) end

---Drops the rest of the body. Harmless at the end.
function response:close() end

---@class sse.FetchEventSourceHandle
local handle = {}

---Waits for the end.
---
---Fails with the code of the last failure; `"ECLOSED"` after `handle:close()`; the code of the
---signal's reason; or `"ECALLBACK"` for an error of a callback. If nobody waits, `sse.run` raises
---such an error.
---@return true?
---@return string? message
---@return string? code
---@return sse.Failure? failure
function handle:wait() end

---Ends the connection and makes no other. No callback is called any more. Harmless at the end.
function handle:close() end

---@class sse.AbortController
---@field signal sse.AbortSignal what you give as the option `signal`
local controller = {}

---Aborts the controller's signal. Only the first call does something.
---@param reason? any kept as `signal.reason`; without it a failure with the code `EABORTED`
function controller:abort(reason) end

---@class sse.AbortSignalClass
sse.AbortSignal = {}

---@class sse.AbortSignal: sse.EventTarget
---@field aborted boolean read-only
---@field reason any why; nil while it is not aborted; read-only
---@field onabort? fun(event: sse.Event) a handler, called once
local signal = {}

---Raises the reason if the signal is aborted; else does nothing.
---
---Raises the signal's `reason`.
function signal:throwIfAborted() end

---@class sse.DecodedEvent: sse.EncodeOptions
---@field data string its lines, joined by LF
---@field event? string its type; nil for `"message"`
---@field id? string where the bytes have one since the event before, also in a block without data
---@field retry? integer in the same way
---@field type string as of a client's event; no field of the table, so `pairs` and `sse.encode` do not see it
---@field lastEventId string in the same way

---@class sse.Parser
---@field last_event_id string the last id; it stays over a `reset`, and you may set it
local parser = {}

---Takes the next bytes. The callbacks are called within. A call by a callback only appends to the
---bytes that are being parsed.
---
---Fails with `"ETOOBIG"` where an event is too large, until `parser:reset()`. `"ESTOPPED"`: a
---callback called `stop` or `reset`, and the rest of the piece is dropped.
---
---Raises what a callback raises. The parser is stopped then.
---@param bytes string any piece, of any length
---@return true?
---@return string? message
---@return string? code
function parser:feed(bytes) end

---Begins a new connection: what is unfinished is dropped, the last id stays.
function parser:reset() end

---Stops the parser: no callback is called until `parser:reset()`.
function parser:stop() end

---@class sse.Url
sse.url = {}

---@class sse.Json
---@field null userdata `sse.json.null` stands for null
sse.json = {}

---@class sse.Server
---@field port integer the port that the first listener got; 0 before, and where there are only Unix sockets; read-only
---@field on_error? fun(err: any, context: sse.ErrorContext) is told of errors in callbacks of a request or a stream; nil: they are written to standard error
---@field on_response? fun(entry: sse.LogEntry) called for each response that has ended
local server = {}

---A server's whole life: listens as the options say, unless it listens already, and serves until
---it has ended.
---
---Fails as `server:listen` does.
---
---Raises as `sse.run` does, and in a callback.
---@param options? sse.ServerRunOptions as of `server:shutdown`
---@return true?
---@return string? message
---@return string? code
function server:run(options) end

---Adds a listener. Each has the same routes and limits.
---
---Fails with `"EADDRINUSE"`, `"EADDRNOTAVAIL"`, `"EACCES"`, `"ECERT"` ...; what listened before
---goes on. `"ETOOBIG"`: a Unix socket's path of more than 107 bytes or so. `"ENOTFOUND"`: systemd
---has passed no such socket.
---
---Raises for options that contradict: only one of `host`, `unix`, `fd` and `systemd` can say
---where.
---@param options? sse.ServerListenOptions|integer see below; a number is the port. What is not given is as the server's options say.
---@return true?
---@return string? message
---@return string? code
function server:listen(options) end

---Ends in peace, and returns when no connection is left.
---@param options? sse.ServerShutdownOptions as of `server:run`
---@return true
function server:shutdown(options) end

---Closes all listeners and connections at once. The server may `listen` again afterwards.
function server:close() end

---Reads the files of all certificates again, those of every listener, for connections from then
---on.
---
---Fails with `"ECERT"`, and all stays as it was.
---@return true?
---@return string? message
---@return string? code
function server:reload_tls() end

---All that is counted, in tables by what it is of. Numbers has the list.
---@return table
function server:stats() end

---All that is counted, as text for Prometheus.
---
---Fails, with `to`, with `"ECLOSED"`; `message` is `"closed"`.
---
---Raises in a callback, with `to`, and in a worker that has others to ask.
---@param options? sse.ServerMetricsOptions see below
---@return string?
---@return table?
function server:metrics(options) end

---Adds a route for GET, and for HEAD. `server:head`, `post`, `put`, `patch`, `delete` and
---`options` add one for their method.
---
---Raises where the method and pattern have a handler. Another `*`, a `{` or `<` in a pattern
---raises, and so does one that is percent-encoded.
---@param pattern string literal segments and `:names`, each of which takes one segment that is not empty. A slash at the end counts. The last segment can be a `*name`.
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:get(pattern, handler) end

---As `server:get`, for HEAD alone. Without it GET's handler answers HEAD, and its body is
---dropped.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:head(pattern, handler) end

---As `server:get`, for POST. The handler is called when the whole body has come.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:post(pattern, handler) end

---As `server:get`, for PUT.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:put(pattern, handler) end

---As `server:get`, for PATCH.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:patch(pattern, handler) end

---As `server:get`, for DELETE.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:delete(pattern, handler) end

---As `server:get`, for OPTIONS. Without it the server answers OPTIONS with `Allow`.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:options(pattern, handler) end

---As `server:get`, for every method that has no handler of its own.
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:all(pattern, handler) end

---As `server:get`, for any method.
---@param method string in upper or lower case; `"*"` is every method
---@param pattern string as of `server:get`
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:route(method, pattern, handler) end

---Sets the handler of paths that have no route, for every method, in place of the 404.
---
---Raises where there is one already.
---@param handler fun(req: sse.Request, res: sse.ServerResponse) called in a task
---@return sse.Server
function server:fallback(handler) end

---Serves the files of a folder below a prefix.
---
---Raises where the prefix is taken, or there is no such folder.
---@param prefix string a path without `:names`
---@param folder string a path
---@param options? sse.ServerStaticOptions see below
---@return sse.Server
function server:static(prefix, folder, options) end

---Runs a function before the handler of each request, or of those whose path is below a prefix.
---For logins and the like.
---@param prefix string|fun(req: sse.Request, res: sse.ServerResponse) this path and all below it; left out, `server:before(fn)`, all paths
---@param fn? fun(req: sse.Request, res: sse.ServerResponse) called in the handler's task, in the order of the calls, wherever the routes were added
---@return sse.Server
function server:before(prefix, fn) end

---Limits the requests of each client: how many a second, and how many event streams at a time.
---
---Raises without `rate` and `streams`, and for a `burst` without `rate`.
---@param prefix string|sse.ServerLimitOptions as of `server:before`; left out, `server:limit(options)`, all paths
---@param options? sse.ServerLimitOptions see below
---@return sse.Server
function server:limit(prefix, options) end

---The open event streams, or those of one user.
---
---Raises for a `user` given as nil: a request without a user would end everybody's streams.
---@param user? any those whose `stream.user` equals it; left out, all. A table equals itself alone
---@return sse.Stream[]
function server:streams(user) end

---@class sse.LogEntry
---@field req? sse.Request the request as its handler had it, with the fields that you put into it; nil where no handler was called
---@field method? string as of `req`; nil where it is not known. Of a request that could not be parsed it is what its first line says, and so are the next three
---@field target? string may hold any byte then
---@field protocol? string `"HTTP/1.1"`
---@field remote_address? string of the client
---@field status integer the number that was sent; 0 where the client left before that
---@field bytes integer of body, after compression, that went to the system (over HTTP/2: into the connection's last writes). Nothing is known of what the client has received. Over HTTP/1.1, where the client left too early, it may be some bytes too few: the framing of the pieces that were left
---@field ms number from when the request's head was whole to the end, with a fraction; next to 0 for a head that never was
---@field time integer `os.time()` when the head was whole
---@field id? string of `req`; nil without it
---@field worker? integer the id of the worker; nil where there are none
---@field reason string `"finished"`: the response was complete. Else as of `on_close`: `"client"`, `"server"`, `"slow"`, `"timeout"`, `"error"`, `"expired"`. A stream that you close has `"server"`

---@class sse.Worker
---@field id integer from 1. The worker that takes the place of another has its id
---@field count integer how many workers there are

---@class sse.Request
---@field method string `"GET"`
---@field path string percent-decoded, without the query
---@field params table<string, string> what the pattern's `:names` took; below a prefix the list of segments
---@field query table<string, string> of repeated names the last
---@field headers table<string, string> by lower-case name, read in any case; the values of a repeated name joined by `", "`
---@field cookies table<string, string> name to value: without quotes and percent-encoding, as `res:cookie` sets them. Of several of a name the first counts
---@field body string `""` if there is none
---@field remote_address string of the client, behind a trusted proxy, too; over IPv4 always the IPv4 one; `"unix"` over a Unix socket
---@field last_event_id? string the client's Last-Event-ID, as below
---@field protocol string `"HTTP/1.1"` or `"HTTP/2"`
---@field secure boolean whether the client speaks TLS
---@field scheme string `"https"` or `"http"`
---@field host? string `"example.com:8080"`, in lower case, maybe with a port; nil where HTTP/1.0 names none
---@field id string the request's id, as below
---@field target string as it was received: `"/clock?zone=utc"`
---@field client_certificate? sse.ClientCertificate nil unless `client_ca` made the client show one
local req = {}

---The value of a header field.
---@param name string in any case
---@return string?
function req:header(name) end

---All values that the query has for a name, in order.
---@param name string the parameter's
---@return string[]
function req:query_all(name) end

---The body, as `req.body`.
---@return string
function req:text() end

---Reads the body as JSON; with keys, one value of it.
---@param key? string|integer a name, or a place from 1
---@param ... string|integer further ones, as of `sse.json.get`
---@return any
---@return string? message
function req:json(key, ...) end

---Reads the body as a form: `application/x-www-form-urlencoded` or `multipart/form-data`.
---
---Fails with `"EINVAL"` for what is no such form or is cut, `"ETOOBIG"` for more fields and files
---than `max_fields`.
---@param options? sse.ReqFormOptions see below
---@return table?
---@return sse.FormFile[]?
function req:form(options) end

---All values that the form has for a name, in order.
---
---Fails as `req:form` does.
---@param name string the field's
---@return string[]?
---@return string? message
---@return string? code
function req:form_all(name) end

---@class sse.ClientCertificate
---@field subject string `"CN=me,O=us"` (RFC 2253; control characters are escaped, `\00`); of a longer one the first 4,095 bytes
---@field issuer string in the same form
---@field serial? string `"03ab"`, in hexadecimal; `"-01"` where it is negative; nil where it is longer than 64 bytes
---@field not_after? integer until when it is valid: seconds since 1970, as `os.time()` gives them
---@field fingerprint string the SHA-256 of the whole certificate, 64 hexadecimal digits: names this certificate and no other

---@class sse.FormFile
---@field name string the field's
---@field filename string as the client calls it, without folders: show it, don't open it
---@field content_type? string as the client says
---@field body string the file

---@class sse.ServerResponse
---@field closed boolean whether nothing can be sent any more; read-only
---@field pending integer bytes that the client has not taken yet; read-only
---@field on_close? fun(reason: string) called if the response ends before it is complete, with `"client"`, `"server"`, `"slow"`, `"timeout"` or `"error"`. Of an event stream the stream's own is called instead
local res = {}

---Sends the whole response.
---
---Fails with `"ECLOSED"` where the client has left; `message` is `"closed"`. `"EFULL"`
---(`"full"`): the server holds too much (`max_pending_total`), and the client gets a 503.
---
---Raises where the request has been answered already.
---@param status integer 200 to 599
---@param body? string|table a table is sent as JSON
---@param headers? table<string, string|number|string[]> header fields. Without a `Content-Type` the type is `text/plain; charset=utf-8`, and `application/json` of a table
---@return true?
---@return string? message
---@return string? code
function res:reply(status, body, headers) end

---Replies with a value as JSON.
---@param value any a table, string, number, boolean or `sse.json.null`
---@param status? integer 200 unless you say another
---@return true?
---@return string? message
---@return string? code
function res:json(value, status) end

---Sends the client to another URL, by a `Location` and no body.
---@param url string absolute or relative (`"/login"`, `"?page=2"`), sent as it is. What URLs can't hold (a space, a line end, `ä`) raises, so percent-encode it. Check where it leads if it comes from a client.
---@param status? integer 302 unless you say another: 301, 303, 307, 308
---@return true?
---@return string? message
---@return string? code
function res:redirect(url, status) end

---Keeps a header for the response, whichever call sends it. That may be any of `res`, or a
---handler of `sse.file` and its like that you call.
---
---Raises once the head has been sent.
---@param name string in any case
---@param value string|number|string[]|nil replaces what was kept of the name. A list gives the field several times; nil removes it. Headers that the later call is given go before.
---@return sse.ServerResponse
function res:header(name, value) end

---Sets a cookie with the response, whichever call sends it. nil removes the cookie.
---
---Raises once the head has been sent, and for a cookie that browsers drop in silence: one of more
---than 4,096 bytes, or against the rules of `same_site`, `__Secure-` and `__Host-`.
---@param name string a token
---@param value string|nil any text: what a cookie can't hold is percent-encoded
---@param options? sse.ResCookieOptions see below
---@return sse.ServerResponse
function res:cookie(name, value, options) end

---Sends the head of a response whose body follows.
---
---Fails with `"ECLOSED"`; `message` is `"closed"`.
---
---Raises where the request has been answered already.
---@param status integer 200 to 599
---@param headers? table<string, string|number|string[]> header fields
---@return true?
---@return string? message
---@return string? code
function res:write_head(status, headers) end

---Sends a piece of the body. Without `write_head` the status is 200.
---
---Fails with `"ECLOSED"` (`"closed"`), `"EFULL"` (`"full"`) where more than `max_pending` would
---wait, or `"ETOOBIG"` where the piece alone is larger.
---@param bytes string any
---@return true?
---@return string? message
---@return string? code
function res:write(bytes) end

---Ends the body. Without `write_head` and `write` it sends a whole response of status 200.
---Harmless at the end.
---@param bytes? string written first. Where they are not taken, the response goes on.
---@return true?
---@return string? message
---@return string? code
function res:finish(bytes) end

---Waits until nothing is pending.
---
---Fails with `"ECLOSED"`; `message` is `"closed"`.
---@return true?
---@return string? message
---@return string? code
function res:drain() end

---Says that you answer, or go on writing, after the handler has returned.
function res:detach() end

---Opens an event stream, and sends its head at once. The stream stays open when the handler
---returns.
---
---Raises where the request has been answered already.
---@param options? sse.ResEventStreamOptions see below
---@return sse.Stream?
---@return string? message
---@return string? code
function res:event_stream(options) end

---@class sse.Stream
---@field closed boolean whether nothing can be sent any more; read-only
---@field pending integer bytes that the client has not taken yet; read-only
---@field on_close? fun(reason: string) called once at the end, with `"client"`, `"server"`, `"slow"`, `"timeout"`, `"error"` or `"expired"`
---@field on_drain? fun() called when all that was pending went out
---@field user any yours: any value, nil at first; `server:streams(user)` finds it
local stream = {}

---Sends an event, whole or not at all.
---
---Fails with `"ECLOSED"`; `message` is `"closed"`. `"EFULL"` (`"full"`): more than `max_pending`
---would wait. `"ETOOBIG"`: the event alone is larger. `"EINVAL"`: `event` or `id` holds CR, LF or
---NUL.
---
---Raises for an unknown field or one of a wrong type.
---@param event string|sse.StreamSendOptions|sse.MessageEvent a string is the data. A MessageEvent of the client's is sent on as it came.
---@return true?
---@return string? message
---@return string? code
function stream:send(event) end

---Sends a comment, which clients ignore.
---@param text? string `""` if not given
---@return true?
---@return string? message
---@return string? code
function stream:comment(text) end

---Waits for a time, or until the stream ends if that is sooner: the client has left, or the
---server has ended it. So a handler ends with its stream.
---
---Fails with `"ECLOSED"` as soon as the stream ends; `message` is `"closed"`.
---@param ms number milliseconds, at least 0
---@return true?
---@return string? message
---@return string? code
function stream:sleep(ms) end

---Waits until nothing is pending.
---
---Fails with `"ECLOSED"`; `message` is `"closed"`.
---@return true?
---@return string? message
---@return string? code
function stream:drain() end

---Ends the stream when the client has taken all that is pending. Harmless when it is closed.
function stream:close() end

---Ends the stream at a point in time: when its client's login is over. The last call counts.
---
---Raises for what is no number and not nil.
---@param time number|nil seconds, as of `os.time()` or as the claim `exp` of a token. One that is over ends the stream at once; nil takes the time back
function stream:expire_at(time) end

---Sends what channels hold after the client's Last-Event-ID, and from then on what is published.
---
---Fails with `"ECLOSED"`, or `"ETOOBIG"` where the stream would follow more than 64 channels: it
---stays open, and follows what it followed before.
---
---Raises where the stream follows one of them already.
---@param channel sse.Channel the channel
---@param ... sse.Channel|sse.StreamFollowOptions further channels, at most 64 a stream; and at the end the options
---@return sse.Stream?
---@return string? message
---@return string? code
function stream:follow(channel, ...) end

---Stops following a channel. The stream stays open.
---@param channel sse.Channel the channel
---@return boolean
function stream:unfollow(channel) end

---@class sse.Channel
---@field name string read-only
---@field followers integer how many streams of this process follow it now; read-only
---@field last_id? string the id of the newest event held; read-only
---@field closed boolean read-only
---@field on_error? fun(err: any, context: sse.ErrorContext) takes errors of the channel's listeners, filters and store, in place of `server.on_error`
local channel = {}

---Publishes an event. It is in the channel's history when this returns, and goes to the followers
---at the end of the loop's turn. With a store it waits until the store has the event.
---
---Fails with `"ECLOSED"` where the channel is closed. `"ETOOBIG"`: the event is larger than
---`history_bytes`, or its `id` longer than 1 KiB. `"EEXIST"`: an event with this `id` is held.
---`"EINVAL"`: `event` or `id` holds CR, LF or NUL. A store has more.
---
---Raises for an unknown field or one of a wrong type.
---@param event string|sse.ChannelPublishOptions|sse.MessageEvent a string is the data
---@return string?
---@return string? message
---@return string? code
function channel:publish(event) end

---Closes the channel. Its followers end cleanly, each after what it is owed; so do loops over its
---events. With a store it first waits up to 5 seconds for publishes under way; the events stay in
---the store.
function channel:close() end

---A loop within the process over what is published.
---
---Raises where nothing can wait, or nothing is left in the loop that could publish.
---@param options? sse.ChannelEventsOptions see below
---@return fun(): sse.MessageEvent?
function channel:events(options) end

---The open streams that follow the channel, or those of one user.
---
---Raises for a `user` given as nil.
---@param user? any as of `server:streams`
---@return sse.Stream[]
function channel:streams(user) end

---How many streams follow the channel, in all processes that share its store. `channel.followers`
---is the number of this process alone.
---@return integer
function channel:count() end

---Calls a function whenever a stream begins to follow the channel, or stops; or with `"count"`
---whenever `channel:count()` has changed.
---@param what "follow"|"leave"|"count" which of them
---@param fn fun(followers: integer, stream: sse.Stream, reason?: string) gets the number of followers right after the change; the stream; and when it leaves its reason, as of `stream.on_close`, or `"unfollow"`. For `"count"` it gets the new number alone, once for all that a turn has changed
---@return sse.Channel
function channel:on(what, fn) end

---What the channel counts. Numbers has the list.
---@return table
function channel:stats() end

---@class sse.PublishedEvent
---@field id string the event's id
---@field event? string its type
---@field data string its data
---@field meta any what `publish` was given as `meta`

---@class sse.Store
---@field on_state? fun(state: "up"|"down", why?: string, server?: string) called when the store can be used, and with the reason when it can't. Of a store on several servers it tells for each, by its URL without user and password, or by a cluster's node's `host:port`
local store = {}

---Closes the file or the connections, once all that was published before has its result. Channels
---that use the store can't publish any more (`"ECLOSED"`).
function store:close() end

---What the store counts. Below is what one in SQLite counts; one in Redis has numbers of its own.
---@return sse.StoreStats
function store:stats() end

---Gives the log of a channel. `sse.channel` calls it.
---
---Raises where the store is closed.
---@param name string the channel's
---@param bounds? sse.StoreOpenOptions see below
---@return table
function store:open(name, bounds) end

---@class sse.StoreStats
---@field appends integer events that were added
---@field commits integer transactions: a hundred appends may share one
---@field reads integer reads
---@field failures integer appends and reads that failed
---@field checkpoints integer how often SQLite's write-ahead log went into the file
---@field wal_pages integer pages that were in it last

---@class sse.Jwt
sse.jwt = {}

---@class sse.Crypto
sse.crypto = {}

---@class sse.Failure
---@field message string for people; `tostring(failure)` gives it too
---@field code string for programs, of the list below
---@field status? integer of the response, where one came
---@field headers? table<string, string> of the response
---@field body? string of the response: its first 64 KiB
---@field attempt? integer which attempt in the row of failed ones this was, 1 for the first, and for one that brought an event or lived as long as the wait before it: these end a row
---@field willRetry? boolean whether another attempt follows
---@field delay? number in how many milliseconds
---@field reason any of `EABORTED`, `ECALLBACK` and `EINVAL`: what was given or raised

---Runs the loop until nothing keeps it running, or until `sse.stop()` is called. These keep it
---running: an open source, a listening server, a timer, and a task that waits for one of them. An
---error stops `sse.run`, which raises it. You may call it again: the loop goes on.
---
---Raises what a callback or a task raised, with its traceback (which ones), and where the loop
---runs already.
---@param fn? function started first, as by `sse.spawn`
---@param ... any the arguments of `fn`
function sse.run(fn, ...) end

---Ends `sse.run` when the present callback has returned. Sources and servers stay open: the next
---`sse.run` goes on with them.
function sse.stop() end

---The time of a clock that only goes forward. Use it to measure; its zero means nothing.
---@return integer
function sse.now() end

---Sets the function that is told what sources do, where a source has no option `log` of its own.
---@param fn? fun(level: string, message: string, details: table) see the option `log`; nil: nothing is logged
function sse.set_log(fn) end

---Runs `fn` once, as a task, when the time has passed.
---@param ms number milliseconds from now, at least 0
---@param fn function what to run; it gets no arguments
---@return sse.Timer
function sse.after(ms, fn) end

---Runs `fn` again and again, as a task. A call that falls due while the last one still waits is
---left out.
---@param ms number milliseconds between two calls
---@param fn function what to run
---@return sse.Timer
function sse.every(ms, fn) end

---Runs `fn` as a task each time the process gets the signal, also while an earlier call still
---waits. It does not keep the loop running.
---
---Raises for a name that is no signal's, and where another Lua state of the process watches
---signals: one can at a time.
---@param name string `"SIGTERM"`, `"SIGINT"`, `"SIGHUP"` ...
---@param fn function what to run
---@return sse.Signal
function sse.signal(name, fn) end

---Starts `fn(...)` as a task. It begins at the end of the loop's present turn, so the next line
---of your program runs first.
---@param fn function what to run
---@param ... any its arguments
---@return sse.Task
function sse.spawn(fn, ...) end

---Waits for a time. In a handler with an event stream use `stream:sleep`: it ends when the client
---leaves.
---@param ms number milliseconds, at least 0
function sse.sleep(ms) end

---Waits for a callback of another library: calls `begin(resume)`, and waits until somebody calls
---`resume(...)`.
---
---Raises what `begin` raises, and where nothing is left in the loop that could call `resume`.
---@param begin fun(resume: fun(...: any): boolean): fun()? called at once. It may return a function, which is called where the wait ends without `resume`: the task was cancelled, or nothing is left in the loop. Release there what you have begun.
---@return any
function sse.await(begin) end

---Waits until a descriptor that is not the library's can be read, or is at its end.
---
---Fails with `"ECLOSED"` where it is not open.
---@param fd integer|file*|table a descriptor, a Lua file (`io.stdin`), or an object with a method `getfd`, such as LuaSocket's. It must stay open meanwhile. Several tasks may wait for one. A regular file is always ready.
---@return true?
---@return string? message
---@return string? code
function sse.readable(fd) end

---Waits until a descriptor can be written.
---
---Fails with `"ECLOSED"` where it is not open.
---@param fd integer|file*|table as of `sse.readable`
---@return true?
---@return string? message
---@return string? code
function sse.writable(fd) end

---Gives the events of any source of bytes: a file, a pipe, another HTTP library's body.
---@param read fun(): string?, string?, string? called in a task, so it may wait. It returns bytes; nil at the end; or `nil, message, code`.
---@param options? sse.EventSourceFromReaderOptions see options of a reader
---@return sse.EventSource
function sse.EventSource.fromReader(read, options) end

---Makes an event for `dispatchEvent`.
---@param type string its type
---@param fields? table further fields of the event; with a true `cancelable` listeners may call `preventDefault`
---@return sse.Event
function sse.Event(type, fields) end

---Sends a request, and waits for the head of its response.
---
---Fails with any of the codes of connections, such as `"ECONNREFUSED"` or `"ETIMEDOUT"`.
---`failure` is the whole table.
---
---Raises for an invalid URL or option.
---@param url string an `http` or `https` URL
---@param options? sse.FetchOptions those with an F in the table
---@return sse.Response?
---@return string? message
---@return string? code
---@return sse.Failure? failure
function sse.fetch(url, options) end

---Reads an event stream by callbacks, as npm's `@microsoft/fetch-event-source` does. The
---callbacks run in a task, so they may wait.
---
---Raises for an invalid URL or option.
---@param url string|fun(failure?: sse.Failure): string a function is asked before every attempt, as for an EventSource
---@param options? sse.FetchEventSourceOptions those with an S in the table, and the ones below
---@return sse.FetchEventSourceHandle
function sse.fetchEventSource(url, options) end

---Makes a controller, which has a signal that you can abort.
---@return sse.AbortController
function sse.AbortController() end

---A signal that is aborted when the time has passed. Its timer stays until it is due, but keeps
---no loop running.
---@param ms number milliseconds from now
---@return sse.AbortSignal
function sse.AbortSignal.timeout(ms) end

---A signal that is aborted already.
---@param reason? any as of `controller:abort`
---@return sse.AbortSignal
function sse.AbortSignal.abort(reason) end

---A signal that is aborted as soon as one of the others is.
---@param signals sse.AbortSignal[] a list
---@return sse.AbortSignal
function sse.AbortSignal.any(signals) end

---Gives the events of a whole text as a list. `sse.encode` gives the bytes of each again.
---
---Fails with `"ETOOBIG"` where an event is larger than `max_event_size`.
---@param bytes string the whole text
---@param options? sse.DecodeOptions see below
---@return sse.DecodedEvent[]?
---@return string? message
---@return string? code
function sse.decode(bytes, options) end

---Gives the bytes of an event.
---
---Fails with `"EINVAL"` where `event` or `id` holds CR, LF or NUL.
---
---Raises for an unknown field or one of a wrong type.
---@param event string|sse.EncodeOptions|sse.MessageEvent the fields below, or a string, which is the data. A MessageEvent of the client's is taken as it came, here, by `stream:send` and by `channel:publish`. So a server relays another one's events with `for ev in response:events() do stream:send(ev) end`.
---@return string?
---@return string? message
---@return string? code
function sse.encode(event) end

---Makes a parser for bytes that come in pieces.
---@param options? sse.ParserOptions see below
---@return sse.Parser
function sse.parser(options) end

---Percent-encodes all but letters, digits and `-._~`, for a segment of a path or a part of a
---query.
---@param text string|number any
---@return string
function sse.url.encode(text) end

---The way back. An escape that is none stays, and so does `+`.
---@param text string|number any
---@return string
function sse.url.decode(text) end

---Reads a JSON text.
---@param text string the JSON
---@param options? sse.JsonDecodeOptions see below
---@return any
---@return string? message
function sse.json.decode(text, options) end

---Reads one value of a JSON text, as decoding and indexing gives it, in a fraction of the time.
---
---Raises for a key that is neither.
---@param text string the JSON
---@param key? string|integer a name, or a place from 1
---@param ... string|integer further ones
---@return any
---@return string? message
function sse.json.get(text, key, ...) end

---Writes a value as JSON.
---
---Raises for what JSON can't hold, and says where it is: `JSON: a function can't be encoded (at
---user.on_click)`.
---@param value any a table, string, number, boolean or `sse.json.null`
---@param options? sse.JsonEncodeOptions see below
---@return string
function sse.json.encode(value, options) end

---Marks a table as an array, also where it is empty.
---
---Raises for one with other keys than whole numbers from 1, or with a metatable of its own.
---@param t? table the table; without it a new one
---@return table
function sse.json.array(t) end

---Makes a server. It listens after `server:run()` or `server:listen()`.
---
---Raises for a wrong option, and where a file of `tls` can't be used: it says which field and
---why.
---@param options? sse.ServerOptions see options
---@return sse.Server
function sse.server(options) end

---Makes a handler that serves one file.
---
---Raises where there is no such file now.
---@param path string the file's
---@param options? sse.FileOptions see below
---@return fun(req: sse.Request, res: sse.ServerResponse)
function sse.file(path, options) end

---Makes a handler whose event stream follows channels, as `stream:follow` does.
---@param channel sse.Channel the channel
---@param ... sse.Channel|sse.FollowOptions further channels, and at the end the options
---@return fun(req: sse.Request, res: sse.ServerResponse)
function sse.follow(channel, ...) end

---Opens sockets, starts processes that serve them, and looks after these until all have ended.
---
---Fails as `server:listen` does, and with `"ESTART"`: the file can't be loaded, or a worker could
---not start at first. The message has the worker's error.
---
---Raises for a wrong option, and where workers can't be: see what must not be open.
---@param options sse.WorkersOptions see below
---@return true?
---@return string? message
---@return string? code
function sse.workers(options) end

---Gives the channel of that name, or makes it. Call it wherever you need the channel.
---
---Raises where an option has another value than the channel's.
---@param name string the channel's
---@param options? sse.ChannelOptions see below. One that is left out is the channel's.
---@return sse.Channel
function sse.channel(name, options) end

---All channels that are open.
---@return sse.Channel[]
function sse.channels() end

---Gives a store in an SQLite file. The file is made when something is first asked of it.
---
---Raises where the rock `lua-sse-sqlite` is not installed. What is wrong with the file is told
---later.
---@param path string the file's. Any number of processes of one machine may open it. It should not lie on a network file system
---@param options? sse.SqliteOptions see below
---@return sse.Store
function sse.sqlite(path, options) end

---Gives a store in a Redis server, which all processes of all machines that use the same server
---share. It connects when something is first asked of it.
---
---Raises where the rock `lua-sse-redis` is not installed, and for TLS where hiredis has none.
---What is wrong with the server is told later.
---@param url string|string[]|sse.RedisOptions `redis://user:password@host:port/database`, each part but the host may be left out; `rediss://...`, the same over TLS; `unix:///path`, or `unix:///path?db=1`. What is special in a URL is percent-encoded in a user, a password or a path. Or the options, whose first element may be a URL: `sse.redis{ url, queue = 1000 }`. Several URLs, `sse.redis{ url1, url2, queue = 1000 }` or `sse.redis({ url1, url2 }, options)`, are several servers, of which each has some of the channels
---@param options? sse.RedisOptions see below. They count before what the URL says
---@return sse.Store
function sse.redis(url, options) end

---Makes a token of claims.
---
---Raises for a wrong key, and for claims that are wrong.
---@param claims table whatever JSON has; `exp` and `nbf` in seconds, as of `os.time()`
---@param options sse.JwtSignOptions see below
---@return string
function sse.jwt.sign(claims, options) end

---Verifies a token: its signature, and its claims `exp`, `nbf`, `iss` and `aud`.
---
---Fails with `"EINVAL"` for what is no token (nil, too), `"ETOOBIG"` past 64 KiB, `"EACCES"`
---where the signature or a claim does not hold, `"EEXPIRED"`.
---
---Raises for options that are wrong, and for a key that is none: your program's own mistake.
---@param token string|nil from anywhere
---@param options sse.JwtVerifyOptions see below
---@return table?
---@return table?
function sse.jwt.verify(token, options) end

---Signs a value, for cookies and links. The client can read the value, and not change it.
---
---Raises for a secret that is too short.
---@param value string any bytes
---@param secret string|string[] at least 32 bytes; of a list the first signs
---@param options? sse.CryptoSignOptions see below
---@return string
function sse.crypto.sign(value, secret, options) end

---Gives a signed value back.
---
---Fails with `"EINVAL"` for what is no signed text, `"EACCES"` where it was changed, or signed by
---another secret or for another purpose, `"EEXPIRED"`.
---@param text string|nil from anywhere
---@param secret string|string[] as of `sse.crypto.sign`. Of a list each counts, so that the first can be replaced while values by the one before are about
---@param options? sse.CryptoUnsignOptions see below
---@return string?
---@return string? message
---@return string? code
function sse.crypto.unsign(text, secret, options) end

---Makes the text to keep in place of a password, by scrypt with a new salt each time. Waits.
---
---Fails with `"EFULL"` where 64 wait already.
---@param password string any bytes
---@return string?
---@return string? message
---@return string? code
function sse.crypto.hash_password(password) end

---Says whether a password is that of a hash. Waits.
---
---Fails with `"EINVAL"` for what is no such text, `"EFULL"` where 64 wait already.
---@param password string any bytes
---@param hash string as `sse.crypto.hash_password` gave it, or another library in the same form
---@return boolean?
---@return string? message
---@return string? code
function sse.crypto.check_password(password, hash) end

---Gives bytes that nobody can guess.
---@param bytes integer how many, 1 to 1024
---@return string
function sse.crypto.random(bytes) end

---Gives a text that nobody can guess: a session's id, a secret.
---@param bytes? integer how many random ones it has; 32 unless you say another
---@return string
function sse.crypto.token(bytes) end

return sse
