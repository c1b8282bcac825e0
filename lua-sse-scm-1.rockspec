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

-- Of libcurl the library alone: where its headers lie in a folder by architecture, LuaRocks doesn't look
-- and the compiler does.
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
    -- end of modules
  },
}
