--- Prints the interface as the modules have it: functions, classes with their methods and fields,
-- options. With --check it prints nothing of that, and compares the names with docs/reference.md.
-- api.lua [--check] [BUILD]: BUILD (build) is the Makefile's build folder.
local here = arg[0]:gsub("[^/]*$", "")
local root = here .. "../"
local check = arg[1] == "--check"
if check then table.remove(arg, 1) end
package.path = ("%s?.lua;%slua/?.lua;%slua/?/init.lua;%s"):format(here, root, root, package.path)
package.cpath = ("%s%s/?.so;%s"):format(root, arg[1] or "build", package.cpath)

local interface = require "api.interface"

if not check then
  print(require("api.sheet").text(interface.read()))
  os.exit(0)
end
local file <close> = assert(io.open(root .. "docs/reference.md"))
local complaints, count = require("api.comparison").compare(interface.read(), file:read "a")
for _, complaint in ipairs(complaints) do io.stderr:write(complaint, "\n") end
if #complaints == 0 then print(("interface: %d names, all in docs/reference.md"):format(count)) end
os.exit(#complaints == 0)
