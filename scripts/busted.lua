-- Runs busted in this interpreter, because busted's own program may use another Lua.
require "busted.runner" { standalone = false }
