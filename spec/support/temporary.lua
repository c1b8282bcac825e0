--- A folder of temporary files, which is removed at the end of the process.
local temporary = {}

local folder

local holder = setmetatable({}, { __gc = function()
  if folder then os.execute("rm -rf '" .. folder .. "'") end
end })

--- The folder.
function temporary.folder()
  if not folder then
    local out <close> = assert(io.popen "mktemp -d")
    folder = assert(out:read "l")
    temporary.holder = holder
  end
  return folder
end

return temporary
