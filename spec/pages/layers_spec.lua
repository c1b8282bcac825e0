-- scripts/lint/layers.lua finds what it is there for: in small trees of C files, compiled for it.
local child = require "spec.support.child"
local lfs = require "lfs"

local wings = dofile "scripts/lint/wings.lua"
local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES " -- sanitizers are for our own code
local here = lfs.currentdir()
local root

local function output_of(command)
  local pipe = assert(io.popen(CLEAN .. "sh -c '" .. command .. "' 2>&1"))
  local text = pipe:read "a"
  return pipe:close() == true, text
end

local function must(command)
  local ok, text = output_of(command)
  assert(ok, text)
end

local function write(path, text)
  must("mkdir -p " .. root .. "/" .. path:match "^(.*)/")
  local file <close> = assert(io.open(root .. "/" .. path, "w"))
  file:write(text)
end

local function compile(path)
  local object = wings.object_of(path, root .. "/build")
  must(("mkdir -p %s && %s -std=gnu11 -c -o %s %s/%s"):format(object:match "^(.*)/",
       os.getenv "CC" or "cc", object, root, path))
end

-- Writes files, as path -> text, and compiles the .c files among them.
local function tree(files)
  for path, text in pairs(files) do write(path, text) end
  for path in pairs(files) do
    if path:find "%.c$" then compile(path) end
  end
end

local function lint(option)
  return output_of(("%s %s/scripts/lint/layers.lua %s %s build"):format(child.lua(), here,
                                                                        option or "", root))
end

-- That the lint fails, and a line of its says each of the texts.
local function fails_with(...)
  local ok, text = lint()
  assert.is_false(ok, text)
  for _, words in ipairs { ... } do assert.truthy(text:find(words, 1, true), text) end
end

local function passes(summary)
  local ok, text = lint()
  assert.is_true(ok, text)
  assert.truthy(text:find(summary, 1, true), text)
end

-- Adds path.h and path.c, which declare and define the function `name`. It calls the function
-- `calls`, if given: declared by including `header`, or else by a prototype in the .c.
local function add(files, path, name, calls, header)
  files[path .. ".h"] = ("int %s(int n);\n"):format(name)
  local body, first = "n", ""
  if calls then
    body = ("n > 0 ? %s(n - 1) : 0"):format(calls)
    first = header and ('#include "%s"\n'):format(header) or ("int %s(int n);\n"):format(calls)
  end
  files[path .. ".c"] = ('#include "%s.h"\n%sint %s(int n)\n{\n    return %s;\n}\n'):format(
    path:match "[^/]*$", first, name, body)
  return files
end

local function each_wing(fn)
  for height, row in ipairs(wings.floors) do
    for _, folder in ipairs(row) do fn(folder, height) end
  end
end

local function short(folder) return (folder:gsub("^csrc/", "")) end

describe("make lint-layers", function()
  before_each(function()
    root = os.tmpname()
    os.remove(root)
    assert(lfs.mkdir(root))
  end)

  after_each(function() must("rm -rf " .. root) end)

  it("passes a tree whose calls go down or stay in their wing, and counts", function()
    local files = {}
    each_wing(function(folder)
      add(files, folder .. "/low", short(folder):gsub("/", "_") .. "_low", "wire_lowest",
          ("../"):rep(select(2, folder:gsub("/", "")) + 1) .. "csrc/wire/lowest.h")
      add(files, folder .. "/high", short(folder):gsub("/", "_") .. "_high",
          short(folder):gsub("/", "_") .. "_low", "low.h")
    end)
    add(files, "csrc/wire/lowest", "wire_lowest")
    tree(files)
    passes "15 wings, 62 files, 14 arrows between wings, 0 circles"
  end)

  each_wing(function(folder)
    it("finds a circle of calls in " .. folder .. ", whatever the includes", function()
      local files = add({}, folder .. "/first", "first", "second", "second.h")
      tree(add(files, folder .. "/second", "second"))
      passes "0 circles"
      tree(add({}, folder .. "/second", "second", "first"))
      local name = short(folder)
      fails_with(("%s/first.c:1: calls go in a circle: %s/first -> %s/second (calls second) -> " ..
                  "%s/first (calls first)"):format(folder, name, name, name))
    end)
  end)

  each_wing(function(folder, height)
    local above = wings.floors[height + 1]
    if not above then return end
    it("finds a call up from " .. folder .. " to " .. above[1], function()
      local files = add({}, folder .. "/low", "low", "high")
      tree(add(files, above[1] .. "/high", "high"))
      fails_with(("%s/low.c:2: call goes up, from %s to %s: high is in %s/high.c"):format(
        folder, folder, above[1], above[1]))
    end)
  end)

  for _, row in ipairs(wings.floors) do
    for index = 2, #row do
      it("finds a call between the siblings " .. row[1] .. " and " .. row[index], function()
        local files = add({}, row[1] .. "/one", "one", "other")
        tree(add(files, row[index] .. "/other", "other"))
        fails_with(("%s/one.c:2: call goes to a sibling, from %s to %s: other is in %s/other.c")
          :format(row[1], row[1], row[index], row[index]))
      end)
    end
  end

  it("finds a circle of more files, of calls, variables and includes", function()
    local files = add({}, "csrc/push/one", "one", "two", "two.h")
    files["csrc/push/two.h"] = "int two(int n);\n"
    files["csrc/push/two.c"] = '#include "two.h"\n#include "kinds.h"\n' ..
                               "int two(int n) { return n; }\n"
    files["csrc/push/kinds.h"] = '#include "three.h"\nstruct kind { int n; };\n'
    files["csrc/push/three.h"] = "extern const int three[2];\n"
    files["csrc/push/three.c"] = '#include "three.h"\nint one(int);\nint (*run)(int) = one;\n' ..
                                 "const int three[2] = { 3, 3 };\n"
    tree(files)
    fails_with("csrc/push/kinds.h:1: calls go in a circle: push/kinds -> push/three (includes " ..
               "three.h) -> push/one (calls one) -> push/two (calls two) -> push/kinds (includes ",
               "csrc/push/three.c:1: run is global, but no header declares it")
  end)

  it("finds includes up, to a sibling, of no wing, and of libraries in the wrong wing", function()
    local up = '/* "../http/a.h" */\n#include "../http/kinds.h"\n#include <lua.h>\n'
    write("csrc/base/loop.h", up .. "#include <event2/event.h>\n")
    write("csrc/http/kinds.h", "#include <openssl/ssl.h>\n")
    write("csrc/client/multi.h", '#include "../server/server.h"\n#include "../odd/odd.h"\n')
    write("csrc/server/server.h", "\n#include <curl/curl.h>\n")
    write("csrc/wire/scan.h", "#include <sys/socket.h>\n#include <event2/event.h>\n")
    write("csrc/odd/odd.h", "")
    fails_with("csrc/base/loop.h:2: include goes up, from csrc/base to csrc/http",
               "csrc/base/loop.h:3: <lua.h> is included only in csrc/bind",
               "csrc/http/kinds.h:1: <openssl/ssl.h> is included only in csrc/tls, csrc/crypto",
               "csrc/client/multi.h:1: include goes to a sibling, from csrc/client to csrc/server",
               "csrc/client/multi.h:2: csrc/odd is no wing",
               "csrc/odd/odd.h:1: csrc/odd is no wing",
               "csrc/server/server.h:2: <curl/curl.h> is included only in csrc/client",
               "csrc/wire/scan.h:1: <sys/socket.h> is included from csrc/base up",
               "csrc/wire/scan.h:2: <event2/event.h> is included from csrc/base up",
               "layers: 9 violations")
  end)

  it("finds declarations in the wrong file", function()
    local files = add({}, "csrc/http/queue", "queue_add")
    files["csrc/http/queue.h"] = [[
typedef int (*queue_fn)(int queue_wake(int)); /* queue_wake(1); */
struct queue { int (*queue_wake)(int); };
static inline int queue_sub(int n) { return n + queue_sub(n); }
int queue_add(int n);
int
queue_wake(int n);
extern const char queue_names[2][3], *queue_name;
int queue_lost(int n);
#define QUEUE int queue_macro(void);
]]
    files["csrc/http/waiter.h"] = "__attribute__((pure)) int queue_wake(int);\n"
    files["csrc/http/waiter.c"] = '#include "waiter.h"\nint queue_wake(int n)\n{ return n; }\n' ..
      'const char queue_names[2][3] = { "a" }, *queue_name;\nint queue_add(int);\n'
    tree(files)
    local elsewhere = " is declared here, but csrc/http/waiter.c defines it"
    fails_with("csrc/http/queue.h:5: queue_wake" .. elsewhere,
               "csrc/http/queue.h:7: queue_names" .. elsewhere,
               "csrc/http/queue.h:7: queue_name" .. elsewhere,
               "csrc/http/queue.h:8: queue_lost is declared here, but nothing defines it",
               "csrc/http/waiter.h:1: queue_wake is declared here and in csrc/http/queue.h",
               "csrc/http/waiter.c:5: queue_add is declared here, but csrc/http/queue.c defines it",
               "layers: 6 violations")
  end)

  it("goes by the sources that are there, each of them compiled", function()
    tree(add(add({}, "csrc/tls/one", "one", "two", "two.h"), "csrc/tls/two", "two", "one", "one.h"))
    fails_with "tls/one -> tls/two (calls two) -> tls/one (calls one)"
    must("rm " .. root .. "/csrc/tls/two.*")
    write("csrc/tls/one.c", '#include "one.h"\nint one(int n)\n{ return n; }\n')
    compile "csrc/tls/one.c"
    passes "1 wings, 2 files, 0 arrows between wings, 0 circles"
    write("csrc/tls/three.c", "")
    fails_with "csrc/tls/three.c:1: not compiled: no build/obj/tls/three.o"
  end)

  it("lists the arrows between wings", function()
    tree(add(add({}, "csrc/tls/one", "one"), "csrc/http/two", "two", "one", "../tls/one.h"))
    local ok, text = lint "--long"
    assert.is_true(ok, text)
    assert.truthy(text:find("http +%-> tls +1 includes, +1 calls"), text)
  end)
end)
