--- Values of every type for the fuzzer of the Lua interface.
local lfs = require "lfs"

local values = {}

-- Numbers at the edges of ranges.
local NUMBERS = {
  0, 1, 2, 3, 10, 100, 200, 204, 404, 1000, 65535, 65536, -1, -2, 2 ^ 31, 2 ^ 31 - 1, 2 ^ 32,
  2 ^ 53,
  math.maxinteger, math.mininteger, 1 << 40, 0.5, -0.0, 1e-300, 1e308, 1 / 0, -1 / 0, 0 / 0,
}

-- Words that functions accept.
local WORDS = {
  "", "a", "x", "GET", "POST", "HEAD", "OPTIONS", "*", "/", "/a", "/:a", "/:a/:b", "newest",
  "oldest",
  "close", "skip", "latest", "follow", "leave", "shared", "window", "message", "error", "open",
  "data: x\n\n", "id: 1\ndata\n\n", "event: a\r\ndata: b\r\n\r\n", ": comment\n", "retry: 10\n",
  "\0", "a\0b", "\r\n", "a\nb", "\255\254", "\u{FEFF}data: x", "Content-Type", "text/plain", "X-A",
  "http://127.0.0.1:1/", "http://127.0.0.1:1", "http://[::1]:1/a?b#c", "//a", "#f", "?q", "../x",
  "ftp://a/", "http://", "http://127.0.0.1:99999/", "http://u:p@127.0.0.1:1/", "127.0.0.1", "::1",
  "0", "1", "-1", "1e3", "include", "omit", "manual", "TERM", "USR1", "KILL", "1.2", "1.3",
  "spec", "resilient", "null", "{}", "[1,2,{}]", '{"a":null}', '"\\ud800"', ".", "/nonexistent",
  "%s%n",
}

-- Adds the names of options: words of the source that match a pattern.
local function gather_names(root, folder, pattern, into)
  for name in lfs.dir(root .. folder) do
    if name:find "%.[cl]u?a?$" then
      local file <close> = assert(io.open(root .. folder .. "/" .. name))
      for word in file:read "a":gmatch(pattern) do into[word] = true end
    end
  end
end

--- The names of options in the source.
-- @tparam string root the tree's folder, with a slash
function values.names(root)
  local names, list = {}, {}
  gather_names(root, "csrc/bind", '"([%l][%l_0-9]+)"', names)
  for _, folder in ipairs { "lua/sse", "lua/sse/client", "lua/sse/server", "lua/sse/shared",
    "lua/sse/workers" } do
    gather_names(root, folder, "\n *([%a][%w_]+) = options%.", names)
    gather_names(root, folder, "\n *([%a][%w_]+) = \"[%l]+\",", names)
    gather_names(root, folder, "given%.([%a][%w_]+)", names)
  end
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- A maker of values.
-- @param rnd from spec.chaos.random
-- @tparam {string,...} names for the fields of tables
function values.new(rnd, names)
  return setmetatable({ rnd = rnd, names = names }, { __index = values })
end

function values:number() return self.rnd:pick(NUMBERS) end
function values:name() return self.rnd:pick(self.names) end

function values:text()
  local rnd = self.rnd
  local kind = rnd:upto(10)
  if kind <= 6 then return rnd:pick(WORDS) end
  if kind == 7 then return rnd:bytes(rnd:upto(20)) end
  if kind == 8 then return rnd:pick(WORDS):rep(rnd:pick { 2, 100, 5000 }) end
  if kind == 9 then return self:name() end
  return rnd:pick(WORDS) .. rnd:pick(WORDS)
end

-- A list, a map or options; sometimes very deep.
function values:table(depth)
  local rnd, made = self.rnd, {}
  for i = 1, rnd:upto(5) - 1 do
    if rnd:one_in(3) then made[i] = self:any(depth + 1)
    else made[rnd:one_in(8) and self:text() or self:name()] = self:any(depth + 1) end
  end
  if rnd:one_in(20) then made.self = made end
  if rnd:one_in(20) then
    local inner = made
    for _ = 1, rnd:pick { 10, 300, 5000 } do inner = { inner } end
    made = inner
  end
  if rnd:one_in(12) then
    setmetatable(made, { __gc = self:act(), __close = self:act(), __index = self:act(),
      __tostring = self:act(), __len = self:act(), __call = self:act() })
  end
  return made
end

--- A function that calls something, raises, yields or returns anything.
function values:act()
  local rnd = self.rnd
  local kind, given = rnd:upto(8), nil
  if kind == 8 then given = self:any(2) end
  return function(...)
    if kind <= 3 and self.call then self.call() end
    if kind == 4 then error("raised by the fuzzer", 0) end
    if kind == 5 and coroutine.isyieldable() then return coroutine.yield() end
    if kind == 6 then collectgarbage() end
    if kind == 7 then return ... end
    if kind == 8 then return given end
    return rnd:one_in(2)
  end
end

--- A value of any type.
-- @tparam[opt] int depth of tables in tables
function values:any(depth)
  local rnd = self.rnd
  depth = depth or 0
  local kind = rnd:upto(16)
  if kind == 1 then return nil end
  if kind == 2 then return rnd:one_in(2) end
  if kind <= 4 then return self:number() end
  if kind <= 8 then return self:text() end
  if kind <= 10 and depth < 3 then return self:table(depth) end
  if kind == 11 then return self:act() end
  if kind == 12 then return coroutine.create(self:act()) end
  if kind == 13 then return rnd:one_in(2) and io.stdin or rnd end
  return self.object and self.object() or nil
end

return values
