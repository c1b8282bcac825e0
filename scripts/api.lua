--- Prints the interface as the modules have it: functions, classes with their methods and fields,
-- options. With --check it prints nothing of that, but compares the names with docs/reference.md,
-- and looks up those that other pages use.
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

local function read(path)
  local file <close> = assert(io.open(root .. path))
  return file:read "a"
end

local comparison, groups = require "api.comparison", interface.read()
local complaints, count = comparison.compare(groups, read "docs/reference.md")
for _, path in ipairs {
  "README.md", "docs/errors.md", "docs/models.md", "docs/security.md", "examples/README.md",
} do
  local wrong = comparison.check_page(groups, path, read(path))
  table.move(wrong, 1, #wrong, #complaints + 1, complaints)
end
for _, complaint in ipairs(complaints) do io.stderr:write(complaint, "\n") end
if #complaints == 0 then print(("interface: %d names, all in docs/reference.md"):format(count)) end
os.exit(#complaints == 0)
