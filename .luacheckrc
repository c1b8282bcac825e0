std = "lua54"
max_line_length = 100
include_files = { "**/*.lua", ".busted", "*.rockspec", ".luacheckrc", "config.ld" }
exclude_files = { "**/node_modules", "build*", "doc" }
-- A variable to be closed is used by being there.
ignore = { "211/_.*" }
-- `self` is there in every method, used or not.
self = false

-- A loop that is left at once is how a spec leaves one early.
files["spec/**/*_spec.lua"] = { std = "+busted", ignore = { "512" } }
files["**/*.rockspec"] = { std = "+rockspec" }
files[".busted"] = { std = "max" }
files[".luacheckrc"] = { std = "+luacheckrc" }
files["config.ld"] = { std = "+ldoc" }
