--- The file of tools that examples/mcp.lua reads in specs.
return require("spec.support.mcp").tools
