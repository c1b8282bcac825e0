--- What random scripts choose, by a generator of numbers of their own.
local choices = {}

--- A random number generator (xorshift) that only one script uses.
function choices.generator(seed)
  local state = seed * 2654435769 + 88172645463325252
  return function(n)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state >> 1) % n + 1
  end
end

--- One of a list.
function choices.pick(rnd, list) return list[rnd(#list)] end

--- Options of a channel.
function choices.options_of(rnd)
  local none = false
  return {
    history = choices.pick(rnd, { 0, 1, 2, 3, 5, 8, 20, 1000, 1000 }),
    history_bytes = choices.pick(rnd, { none, none, none, 600, 1500, 4000 }) or 8 << 20,
    max_age = choices.pick(rnd, { none, none, none, none, none, none, 2, 8 }) or nil,
    slow = choices.pick(rnd, { "close", "skip", "latest" }),
    max_lag = choices.pick(rnd, { none, none, none, 300, 2000 }) or nil,
  }
end

--- The options of a script's channels, and where its clients stand, as text.
function choices.describe(self)
  local lines = {}
  for name, options in pairs(self.options) do
    local words = {}
    for key, value in pairs(options) do words[#words + 1] = ("%s=%s"):format(key, value) end
    lines[#lines + 1] = name .. ": " .. table.concat(words, " ")
  end
  for _, client in ipairs(self.clients) do
    if client.conn then lines[#lines + 1] = client:describe(client.conn) end
  end
  return table.concat(lines, "\n")
end

return choices
