rockspec_format = "3.0"
package = "lua-sse"
version = "scm-1"

source = {
  url = "git+https://github.com/lua-sse/lua-sse.git",
}

description = {
  summary = "Server-Sent Events: a client and a server, with a C core on libevent and libcurl",
  detailed = [[
    The client is the web's EventSource, and a fetch that iterates over events. The server has routes
    and event streams. The parser and the encoder can be used alone, without sockets.
  ]],
  license = "MIT",
  labels = { "sse", "eventsource", "http", "async", "libevent" },
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.5",
  "lua-cjson >= 2.1",
}

-- Of libcurl the library alone: LuaRocks doesn't look into the folder by architecture where Debian keeps
-- the headers, and the compiler does.
external_dependencies = {
  EVENT = { header = "event2/event.h", library = "event_core" },
  CURL = { library = "curl" },
}

test_dependencies = {
  "busted >= 2.1",
  "luasocket >= 3.0",
  "luafilesystem >= 1.8",
}

test = {
  type = "command",
  command = "make test",
}

build = {
  type = "builtin",
  modules = {
    -- modules: made by `make rockspec`
    ["sse.core"] = {
      sources = {
        "csrc/bind/class.c",
        "csrc/bind/core.c",
        "csrc/bind/encoder.c",
        "csrc/bind/loop.c",
        "csrc/bind/parser.c",
        "csrc/bind/request.c",
        "csrc/bind/server.c",
        "csrc/bind/stream.c",
        "csrc/bind/transfer.c",
        "csrc/net/loop.c",
        "csrc/wire/error.c",
      },
      libraries = { "event_core", "curl", "m" },
      incdirs = { "$(EVENT_INCDIR)" },
      libdirs = { "$(EVENT_LIBDIR)", "$(CURL_LIBDIR)" },
    },
    ["sse.options"] = "lua/sse/options.lua",
    ["sse.task"] = "lua/sse/task.lua",
    -- end of modules
  },
}
