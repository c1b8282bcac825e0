--- Prints the interface as the modules have it: functions, classes with their methods and fields,
-- options. With --check it prints nothing of that, but compares it with docs/reference, and looks
-- up the names that other pages use. With --write it writes what is made of docs/reference: the
-- table of contents, and types/sse.lua, and comments of LDoc in build/ldoc; --check complains where
-- either of the first two is not up to date.
-- api.lua [--check | --write] [BUILD]: BUILD (build) is the Makefile's build folder.
local here = arg[0]:gsub("[^/]*$", "")
local root = here .. "../"
local mode = arg[1] and arg[1]:match "^%-%-(.*)$"
if mode then table.remove(arg, 1) end
package.path = ("%s?.lua;%slua/?.lua;%slua/?/init.lua;%s"):format(here, root, root, package.path)
local build = arg[1] or "build"
package.cpath = ("%s%s/?.so;%s"):format(root, build, package.cpath)

local made = require "api.made"
local reference = require "api.reference"

local function write(files, folder)
  for path, text in pairs(files) do
    local file <close> = assert(io.open(folder .. path, "wb"))
    file:write(text)
  end
end

if mode == "write" then
  local doc = reference.describe(reference.read_pages(root))
  write(made.files(doc), root)
  assert(os.execute(("mkdir -p '%s%s/ldoc'"):format(root, build)))
  write(require("api.ldoc").files(doc), ("%s%s/ldoc/"):format(root, build))
  os.exit(0)
end

local interface = require "api.interface"

if not mode then
  print(require("api.sheet").text(interface.read()))
  os.exit(0)
end

local report = require("api.report").new()
local count, pages = require("api.check").run(report, root, interface.read())
for _, complaint in ipairs(report.sorted()) do io.stderr:write(complaint, "\n") end
if #report.sorted() == 0 then
  print(("interface: %d names, all in docs/reference and types/sse.lua; %d pages"):format(count,
    pages))
end
os.exit(#report.sorted() == 0)
