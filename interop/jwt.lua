--- What sse.jwt makes of the records that interop/jwt.mjs has written into the file named by the
-- first argument: a list of { verify = token, ... }, with the options of sse.jwt.verify, and of
-- { sign = claims, ... }, with those of sse.jwt.sign. Prints a line of JSON for each.
local sse = require "sse"

local function run(record)
  local token, claims = record.verify, record.sign
  record.verify, record.sign = nil, nil
  if claims then return { token = sse.jwt.sign(claims, record) } end
  local got, header, code = sse.jwt.verify(token, record)
  if not got then return { message = header, code = code } end
  return { claims = got, header = header }
end

local file <close> = assert(io.open(arg[1], "rb"))
for _, record in ipairs(assert(sse.json.decode(file:read "a"))) do
  print(sse.json.encode(run(record)))
end
