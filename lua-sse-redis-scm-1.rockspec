rockspec_format = "3.0"
package = "lua-sse-redis"
version = "scm-1"

source = {
  url = "git+https://github.com/lua-sse/lua-sse.git",
}

description = {
  summary = "Event logs of lua-sse's channels in Redis",
  detailed = [[
    A store for channels of lua-sse, which require "sse" has as sse.redis: what was published is
    kept by a Redis server, and shared by all processes of all machines that use it.
  ]],
  homepage = "https://github.com/lua-sse/lua-sse",
  issues_url = "https://github.com/lua-sse/lua-sse/issues",
  maintainer = "lua-sse authors",
  license = "MIT",
  labels = { "sse", "eventsource", "redis" },
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
  "lua-sse == scm",
}

external_dependencies = {
  HIREDIS = { header = "hiredis/hiredis.h", library = "hiredis" },
}

-- The Makefile has the list of files and the flags that harden the module; here are the paths that
-- LuaRocks found. The Makefile looks itself for hiredis's library with TLS.
build = {
  type = "make",
  build_target = "redis",
  install_target = "install-redis",
  build_variables = {
    DEPS = "",
    LUA = "$(LUA)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    SHARED = "$(LIBFLAG)",
    CPPFLAGS = "-I$(LUA_INCDIR) -I$(HIREDIS_INCDIR)",
    REDIS_HIREDIS = "-L$(HIREDIS_LIBDIR) -Wl,-rpath,$(HIREDIS_LIBDIR) -lhiredis",
  },
  install_variables = {
    DEPS = "",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
}
