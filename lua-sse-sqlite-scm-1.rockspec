rockspec_format = "3.0"
package = "lua-sse-sqlite"
version = "scm-1"

source = {
  url = "git+https://github.com/lua-sse/lua-sse.git",
}

description = {
  summary = "Event logs of lua-sse's channels in an SQLite file",
  detailed = [[
    A store for channels of lua-sse, which require "sse" has as sse.sqlite: what was published
    survives the process, and is shared by all processes of the machine that open the file.
  ]],
  homepage = "https://github.com/lua-sse/lua-sse",
  issues_url = "https://github.com/lua-sse/lua-sse/issues",
  maintainer = "lua-sse authors",
  license = "MIT",
  labels = { "sse", "eventsource", "sqlite" },
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
  "lua-sse == scm",
}

external_dependencies = {
  SQLITE = { header = "sqlite3.h", library = "sqlite3" },
}

-- The Makefile has the list of files and the flags that harden the module; here are the paths that
-- LuaRocks found.
build = {
  type = "make",
  build_target = "sqlite",
  install_target = "install-sqlite",
  build_variables = {
    DEPS = "",
    LUA = "$(LUA)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    SHARED = "$(LIBFLAG)",
    CPPFLAGS = "-I$(LUA_INCDIR) -I$(SQLITE_INCDIR)",
    SQLITE_LIBS = "-L$(SQLITE_LIBDIR) -Wl,-rpath,$(SQLITE_LIBDIR) -lsqlite3 -lpthread",
  },
  install_variables = {
    DEPS = "",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
}
