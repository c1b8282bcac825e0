-- busted within this very interpreter: its command-line program may belong to another Lua.
require "busted.runner" { standalone = false }
