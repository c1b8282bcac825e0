--- One run of one row of `make bench-scale`: prints the row's value.
-- usage: lua run.lua BUILD FILE NAME SIZE
local build, file, name, size = arg[1], arg[2], arg[3], tonumber(arg[4])
local tools = require "bench.scale.tools"

tools.build = build
for _, row in ipairs(require("bench.scale.rows." .. file)) do
  if row.name == name then
    print(("%.4f"):format(row.run(size, tools)))
    io.stdout:flush()
    os.exit(0, false)
  end
end
error(("no row '%s' in %s"):format(name, file))
