--- Writes the first inputs of json_fuzz.c into a folder: a byte of flags, four of seed, the text.
local folder = assert(arg[1], "usage: lua json_seeds.lua FOLDER")

local texts = {
  '{"id":"chatcmpl-A1b2C3d4E5","created":1719000000,"choices":'
    .. '[{"index":0,"delta":{"content":" fox"},"finish_reason":null}]}',
  '{"p":101.2575,"q":-0.5e-3,"up":true,"a":1,"a":[],"list":[1,[2,[3,{}]],"x"]}',
  [[ [ "\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t" , "漢字", "\u2028" ] ]],
  '{"a":{"b":{"c":1}},"a":{"b":{"c":2}},"":{"":[]}}',
  "[9223372036854775807,-9223372036854775808,9223372036854775808,1e308,5e-324,-0,0.1,100.0]",
  ("["):rep(60) .. ("]"):rep(60),
}

for i, text in ipairs(texts) do
  for flags = 0, 1 do
    local file <close> = assert(io.open(("%s/seed-%d-%d"):format(folder, i, flags), "wb"))
    file:write(string.pack("BI4", flags, i * 7919), text)
  end
end
