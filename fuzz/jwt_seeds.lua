--- Writes the first inputs of jwt_fuzz.c into the folder that is named by the argument.
local number = 0

local function write(first, text)
  number = number + 1
  local file <close> = assert(io.open(("%s/seed-%02d"):format(arg[1], number), "wb"))
  file:write(string.char(first), text)
end

for first = 0, 15 do
  write(first, '{"alg":"HS256"}\n{"sub":"ann","exp":1}')
  write(first, '{"alg":"ES256","kid":"a"}\n{"aud":["a","b"]}')
  write(first, '{"alg":"EdDSA","typ":"JWT"}\n{}')
end
write(5, "eyJhbGciOiJIUzI1NiJ9.e30.")
write(5, "eyJhbGciOiJub25lIn0.e30.")
write(3, "-----BEGIN PUBLIC KEY-----\n"
  .. "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")
