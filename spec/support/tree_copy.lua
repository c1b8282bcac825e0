--- Copies of the project's files that a spec breaks by hand, to see that a check finds what is
-- wrong.
local CLEAN = "env -u LD_PRELOAD -u DYLD_INSERT_LIBRARIES " -- sanitizers are for our own code

local tree_copy = {}
tree_copy.__index = tree_copy

--- Runs a shell command, which must succeed.
function tree_copy.must(command) assert(os.execute(CLEAN .. command)) end

--- Makes an empty folder, whose path is `copy.root`.
function tree_copy.new()
  local root = os.tmpname()
  os.remove(root)
  tree_copy.must("mkdir " .. root)
  return setmetatable({ root = root }, tree_copy)
end

--- Removes the folder with all that is in it.
function tree_copy:remove() self.must("rm -r " .. self.root) end

function tree_copy:read(path)
  local file <close> = assert(io.open(self.root .. "/" .. path, "rb"))
  return file:read "a"
end

function tree_copy:write(path, text)
  local file <close> = assert(io.open(self.root .. "/" .. path, "wb"))
  file:write(text)
end

--- Replaces a piece of a file, which must be there.
function tree_copy:replace(path, from, to)
  local text = self:read(path)
  local first, last = text:find(from, 1, true)
  assert(first, ("no '%s' in %s"):format(from, path))
  self:write(path, text:sub(1, first - 1) .. to .. text:sub(last + 1))
end

--- Runs a check. Returns its status, and what it has printed.
function tree_copy.run(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1; echo $?"))
  local text, status = pipe:read "a":match "^(.*)%f[%d](%d+)\n$"
  return tonumber(status), text
end

return tree_copy
