--- The body of a request as a form: `req:form` and `req:form_all`. Both types that browsers send
-- are read, application/x-www-form-urlencoded and multipart/form-data.
-- @module sse.server.form
local multipart = require "sse.server.multipart"
local parameters = require "sse.server.parameters"
local url = require "sse.server.url"

local form = {}

local MAX_FIELDS <const> = 1000

-- Reads an urlencoded form, which has no files. Calls add(name, value) for each field.
local function read_pairs(body, most, add)
  local count = 0
  url.each_pair(body, function(name, value)
    count = count + 1
    if count > most then return true end
    add(name, value)
  end)
  if count <= most then return {} end
  return nil, ("the form has more than %d fields"):format(most), "ETOOBIG"
end

-- Reads a form of parts: a part with a file's name is a file, any other a field.
local function read_parts(body, boundary, most, add)
  local files, parts, message, code = {}, multipart.parse(body, boundary or "", most)
  if not parts then return nil, message, code end
  for _, part in ipairs(parts) do
    if not part.filename then
      add(part.name, part.body)
    elseif part.filename ~= "" or part.body ~= "" then -- else no file was chosen
      files[#files + 1] = part
    end
  end
  return files
end

--- Reads a form.
-- @tparam string|nil content_type that of the request
-- @tparam string body
-- @tparam int|nil most how many fields and files it may have
-- @tparam function add called with name and value of each field
-- @treturn {table,...} files: `name`, `filename`, `content_type`, `body`; or nil, message, code
function form.read(content_type, body, most, add)
  local essence, values = parameters.parse(content_type or "")
  most = most or MAX_FIELDS
  if essence == "application/x-www-form-urlencoded" then
    return read_pairs(body, most, add)
  elseif essence == "multipart/form-data" then
    return read_parts(body, values.boundary, most, add)
  end
  return nil, "the body is no form (application/x-www-form-urlencoded or multipart/form-data)",
    "EINVAL"
end

return form
