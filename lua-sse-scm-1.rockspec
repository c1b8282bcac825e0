rockspec_format = "3.0"
package = "lua-sse"
version = "scm-1"

source = {
  url = "git+https://github.com/lua-sse/lua-sse.git",
}

description = {
  summary = "Server-Sent Events: a client and a server, with a C core on libevent and libcurl",
  detailed = [[
    The client is the web's EventSource, and a fetch that iterates over events. The server has
    routes, event streams and channels that replay, over HTTP/1.1, HTTP/2 and TLS. The parser and
    the encoder can be used alone, without sockets. types/sse.lua has annotations for LuaLS.
  ]],
  homepage = "https://github.com/lua-sse/lua-sse",
  issues_url = "https://github.com/lua-sse/lua-sse/issues",
  maintainer = "lua-sse authors",
  license = "MIT",
  labels = { "sse", "eventsource", "http", "async", "libevent" },
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
}

-- Of libcurl the library alone: LuaRocks doesn't look into the folder by architecture where Debian
-- keeps the headers, and the compiler does.
external_dependencies = {
  EVENT = { header = "event2/event.h", library = "event_core" },
  CURL = { library = "curl" },
  IDN2 = { header = "idn2.h", library = "idn2" },
  OPENSSL = { header = "openssl/ssl.h", library = "ssl" },
  NGHTTP2 = { header = "nghttp2/nghttp2.h", library = "nghttp2" },
  ZLIB = { header = "zlib.h", library = "z" },
  BROTLI = { header = "brotli/decode.h", library = "brotlidec" },
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

-- The Makefile has the list of files and the flags that harden the module; here are the paths that
-- LuaRocks found.
build = {
  type = "make",
  build_target = "core",
  copy_directories = { "docs", "types" },
  build_variables = {
    DEPS = "",
    LUA = "$(LUA)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    SHARED = "$(LIBFLAG)",
    CPPFLAGS = "-I$(LUA_INCDIR) -I$(EVENT_INCDIR) -I$(IDN2_INCDIR) -I$(OPENSSL_INCDIR) "
      .. "-I$(NGHTTP2_INCDIR) -I$(ZLIB_INCDIR) -I$(BROTLI_INCDIR)",
    LDLIBS = "-L$(EVENT_LIBDIR) -L$(CURL_LIBDIR) -L$(IDN2_LIBDIR) -L$(OPENSSL_LIBDIR) "
      .. "-L$(NGHTTP2_LIBDIR) -L$(ZLIB_LIBDIR) -L$(BROTLI_LIBDIR) "
      .. "-Wl,-rpath,$(EVENT_LIBDIR) -Wl,-rpath,$(CURL_LIBDIR) -Wl,-rpath,$(IDN2_LIBDIR) "
      .. "-Wl,-rpath,$(OPENSSL_LIBDIR) -Wl,-rpath,$(NGHTTP2_LIBDIR) "
      .. "-Wl,-rpath,$(ZLIB_LIBDIR) -Wl,-rpath,$(BROTLI_LIBDIR) "
      .. "-levent_core -lcurl -lidn2 -lssl -lcrypto -lnghttp2 -lz -lbrotlidec -lm",
  },
  install_variables = {
    DEPS = "",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    TYPESDIR = "",
  },
}
