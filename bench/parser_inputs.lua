--- Writes the parser benchmark's four inputs, a few MB each, into a folder.
local folder = assert(arg[1], "usage: lua parser_inputs.lua FOLDER")
local SIZE = 3 * 2 ^ 20

local words = { " the", " quick", " brown", " fox", " jumps", " over", " a", " lazy", " dog", "." }
local chat = 'data: {"id":"chatcmpl-A1b2C3d4E5f6G7h8I9j0","object":"chat.completion.chunk",'
  .. '"created":1719000000,"model":"gpt-4o-mini","system_fingerprint":"fp_0a1b2c3d4e",'
  .. '"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'

local inputs = {
  chat = function(i) return chat:format(words[i % #words + 1]) end,
  ticks = function(i) -- 30 bytes of data
    return ('event: tick\nid: %d\ndata: {"p":%.4f,"q":%.3f,"s":"E"}\n\n'):format(
      100000 + i, 1 + i % 997 / 1000, 1 + i % 991 / 1000)
  end,
  lines64k = function(i) return "data: " .. string.char(97 + i % 26):rep(65536) .. "\n\n" end,
  short20 = function(i)
    local lines = {}
    for n = 1, 20 do lines[n] = ("data: line %d of %d\r\n"):format(n, i) end
    return table.concat(lines) .. "\r\n"
  end,
}

for name, make in pairs(inputs) do
  local parts, size, i = {}, 0, 0
  while size < SIZE do
    i = i + 1
    parts[i] = make(i)
    size = size + #parts[i]
  end
  local file <close> = assert(io.open(folder .. "/" .. name, "wb"))
  assert(file:write(table.concat(parts)))
end
