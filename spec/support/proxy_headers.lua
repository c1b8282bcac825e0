--- Headers of the PROXY protocol, right and wrong ones.
local proxy_headers = {}

proxy_headers.SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"

--- A header of version 2: `command` (0x21: PROXY, 0x20: LOCAL), `family` (0x11: TCP over IPv4), and
-- what follows.
function proxy_headers.v2(command, family, rest)
  return proxy_headers.SIGNATURE .. string.pack(">BBs2", command, family, rest)
end

--- A type-length-value vector of version 2.
function proxy_headers.vector(kind, value) return string.pack(">Bs2", kind, value) end

local v2, vector = proxy_headers.v2, proxy_headers.vector

local FOUR <const> = "\203\0\113\9\127\0\0\1\x12\x34\x00\x50"
local TO_SIX <const> = ("\0"):rep(15) .. "\1\x12\x34\0\x50"
local SIX <const> = "\x20\x01\x0d\xb8" .. ("\0"):rep(11) .. "\1" .. TO_SIX
local MAPPED <const> = ("\0"):rep(10) .. "\xff\xff\203\0\113\9" .. TO_SIX

--- TLS as HAProxy tells it: by a client that has talked it, or by one that has not.
proxy_headers.TLS = vector(0x20, "\1\0\0\0\0" .. vector(0x21, "TLSv1.3"))
proxy_headers.NO_TLS = vector(0x20, "\0\0\0\0\0")
proxy_headers.FOUR = FOUR

--- Right headers: name, bytes, the client's address or false (the connection's own counts), secure.
proxy_headers.right = {
  { "TCP4", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n", "203.0.113.9" },
  { "TCP6", "PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "2001:db8::1" },
  { "a mapped address", "PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 80\r\n", "203.0.113.9" },
  { "port 0", "PROXY TCP4 203.0.113.9 127.0.0.1 0 65535\r\n", "203.0.113.9" },
  { "UNKNOWN", "PROXY UNKNOWN\r\n", false },
  { "UNKNOWN with more", "PROXY UNKNOWN ff::1 what ever 99999999\r\n", false },
  { "the longest line", "PROXY UNKNOWN " .. ("f"):rep(91) .. "\r\n", false },
  { "version 2, IPv4", v2(0x21, 0x11, FOUR), "203.0.113.9" },
  { "version 2, IPv6", v2(0x21, 0x21, SIX), "2001:db8::1" },
  { "version 2, a mapped address", v2(0x21, 0x21, MAPPED), "203.0.113.9" },
  { "version 2, LOCAL", v2(0x20, 0x00, ""), false },
  { "version 2, LOCAL with an address", v2(0x20, 0x11, FOUR), false },
  { "version 2, LOCAL with anything", v2(0x20, 0xff, "what ever"), false },
  { "version 2, unspecified", v2(0x21, 0x00, "what ever"), false },
  { "version 2, a Unix socket", v2(0x21, 0x31, ("\0"):rep(216)), false },
  { "version 2, datagrams", v2(0x21, 0x12, FOUR), false },
  { "version 2, with vectors", v2(0x21, 0x11, FOUR .. vector(0x04, "") .. vector(0x02, "a.example")
    .. vector(0xEE, ("x"):rep(300))), "203.0.113.9" },
  { "version 2, with TLS", v2(0x21, 0x11, FOUR .. vector(0x01, "h2") .. proxy_headers.TLS),
    "203.0.113.9", true },
  { "version 2, without TLS", v2(0x21, 0x11, FOUR .. proxy_headers.NO_TLS), "203.0.113.9" },
  { "version 2, as long as it may be", v2(0x21, 0x11, FOUR .. vector(0x04, ("\0"):rep(4065))),
    "203.0.113.9" },
}

--- Wrong ones, by name.
proxy_headers.wrong = {
  ["a request"] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ["TLS"] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  ["HTTP/2"] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ["lower case"] = "proxy TCP4 203.0.113.9 127.0.0.1 4711 80\r\n",
  ["no family"] = "PROXY \r\n",
  ["an unknown family"] = "PROXY TCP5 203.0.113.9 127.0.0.1 4711 80\r\n",
  ["UNKNOWN and no blank"] = "PROXY UNKNOWNS\r\n",
  ["a blank more"] = "PROXY  TCP4 203.0.113.9 127.0.0.1 4711 80\r\n",
  ["a blank between addresses"] = "PROXY TCP4 203.0.113.9  127.0.0.1 4711 80\r\n",
  ["a blank at the end"] = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 80 \r\n",
  ["a tab"] = "PROXY TCP4\t203.0.113.9 127.0.0.1 4711 80\r\n",
  ["a word more"] = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 80 1\r\n",
  ["a word less"] = "PROXY TCP4 203.0.113.9 127.0.0.1 4711\r\n",
  ["IPv6 in TCP4"] = "PROXY TCP4 2001:db8::1 127.0.0.1 4711 80\r\n",
  ["IPv4 in TCP6"] = "PROXY TCP6 203.0.113.9 ::1 4711 80\r\n",
  ["a wrong address"] = "PROXY TCP4 203.0.113.256 127.0.0.1 4711 80\r\n",
  ["zeros before a number"] = "PROXY TCP4 203.0.113.09 127.0.0.1 4711 80\r\n",
  ["a wrong address of the proxy"] = "PROXY TCP4 203.0.113.9 127.0.0 4711 80\r\n",
  ["a port too large"] = "PROXY TCP4 203.0.113.9 127.0.0.1 65536 80\r\n",
  ["a port with zeros"] = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 080\r\n",
  ["a port that is none"] = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 http\r\n",
  ["LF alone"] = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\n",
  ["CR within"] = "PROXY UNKNOWN a\rb\r\n",
  ["NUL within"] = "PROXY UNKNOWN a\0b\r\n",
  ["a line too long"] = "PROXY UNKNOWN " .. ("f"):rep(92) .. "\r\n",
  ["a line without end"] = "PROXY UNKNOWN " .. ("f"):rep(10000),
  ["version 2, another version"] = v2(0x31, 0x11, FOUR),
  ["version 2, version 1"] = v2(0x11, 0x11, FOUR),
  ["version 2, an unknown command"] = v2(0x22, 0x11, FOUR),
  ["version 2, an unknown family"] = v2(0x21, 0x41, FOUR),
  ["version 2, an unknown protocol"] = v2(0x21, 0x13, FOUR),
  ["version 2, too short for IPv4"] = v2(0x21, 0x11, FOUR:sub(1, -2)),
  ["version 2, too short for IPv6"] = v2(0x21, 0x21, FOUR),
  ["version 2, too short for a path"] = v2(0x21, 0x31, ("\0"):rep(215)),
  ["version 2, half a vector"] = v2(0x21, 0x11, FOUR .. "\4\0"),
  ["version 2, a vector too long"] = v2(0x21, 0x11, FOUR .. "\4\0\2x"),
  ["version 2, TLS too short"] = v2(0x21, 0x11, FOUR .. vector(0x20, "\1\0\0\0")),
  ["version 2, too long"] = v2(0x21, 0x11, FOUR .. vector(0x04, ("\0"):rep(4066))),
  ["version 2, much too long"] = v2(0x21, 0x11, FOUR .. vector(0x04, ("\0"):rep(65000))),
}

return proxy_headers
