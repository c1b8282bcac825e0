std = "lua54"
max_line_length = 100
include_files = { "**/*.lua", ".busted", "*.rockspec", ".luacheckrc", "config.ld" }
exclude_files = { "**/node_modules", "build*", "doc", "types" }
-- A variable to be closed need not be used otherwise.
ignore = { "211/_.*" }
-- Methods need not use `self`.
self = false

-- Specs may leave a loop in its first round.
files["spec/**/*_spec.lua"] = { std = "+busted", ignore = { "512" } }
files["**/*.rockspec"] = { std = "+rockspec" }
files[".busted"] = { std = "max" }
files[".luacheckrc"] = { std = "+luacheckrc" }
files["config.ld"] = { std = "+ldoc" }
