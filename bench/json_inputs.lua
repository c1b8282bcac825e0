--- The texts of the JSON benchmark: a chunk of a chat completion, a tick, a document of 20 KiB, and
-- a stream of 3 MB of such chunks.
local inputs = {}

local CHUNK = '{"id":"chatcmpl-A1b2C3d4E5f6G7h8I9j0","object":"chat.completion.chunk",'
  .. '"created":1719000000,"model":"gpt-4o-mini","system_fingerprint":"fp_0a1b2c3d4e",'
  .. '"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}'

local words = { " the", " quick", " brown", " fox", " jumps", " over", " a", " lazy", " dog", "." }

function inputs.chunk(i) return CHUNK:format(words[(i or 4) % #words + 1]) end

function inputs.tick()
  return '{"symbol":"ACME","price":101.2575,"bid":101.25,"ask":101.265,"size":300,'
    .. '"time":1719000000123,"up":true}'
end

local USER = '{"id":%d,"name":"user %d","email":"user%d@example.com","active":%s,"score":%.3f,'
  .. '"tags":["a","bb","ccc"],'
  .. '"address":{"street":"%d Main Street","city":"Springfield","zip":"%05d"},'
  .. '"position":[%.4f,%.4f],"bio":"The quick brown fox\\njumps over the lazy dog, \\"quoted\\"."}'

function inputs.document()
  local users, size, i = {}, 0, 0
  while size < 20 * 1024 do
    i = i + 1
    users[i] = USER:format(i, i, i, i % 2 == 0, i * 1.37, i, i * 7, 48 + i / 97, 11 + i / 89)
    size = size + #users[i] + 1
  end
  return '{"users":[' .. table.concat(users, ",") .. "]}"
end

function inputs.stream()
  local events, size, i = {}, 0, 0
  while size < 3 * 2 ^ 20 do
    i = i + 1
    events[i] = "data: " .. inputs.chunk(i) .. "\n\n"
    size = size + #events[i]
  end
  return table.concat(events)
end

return inputs
