--- Reads the pages of the reference: their functions, the fields of classes, and the options. The
-- form of these is in CONTRIBUTING.md ("The reference").
--
-- A class begins with a comment `<!-- class timer = sse.Timer : sse.Parent -->`: the names that
-- scripts/api/groups.lua has for it, the name of its type, and the class that it inherits from.
-- Functions and tables of fields after the comment are the class's. A table of options comes after
-- `<!-- options sse.fetch, sse.EventSource -->`: the functions that take them. With letters behind
-- the names (`sse.fetch F`) the column "For" says which function takes an option.
local markdown = require "api.markdown"

local entries = {}

local function split(text, separator)
  local list = {}
  for piece in (text .. separator):gmatch("%s*(.-)%s*" .. separator) do list[#list + 1] = piece end
  return list
end

local function new_class(doc, text)
  local of, name = text:match "^(.-)%s*=%s*(.*)$"
  local parent
  name, parent = name:match "^([%w_.]+)%s*:?%s*([%w_.]*)$"
  local class = doc.classes[name]
  if not class then
    class = { name = name, of = {}, fields = {}, methods = {} }
    doc.classes[name] = class
    table.insert(doc.classes, class)
  end
  if parent ~= "" then class.parent = parent end
  local names = of == "" and {} or split(of, ",")
  table.move(names, 1, #names, #class.of + 1, class.of)
  return { class = class, of = names }
end

-- The functions of a comment `options`, each with its letter or without.
local function new_options(text)
  local list = {}
  for _, piece in ipairs(split(text, ",")) do
    local where, letter = piece:match "^(.-) (%u)$"
    list[#list + 1] = { where = where or piece, letter = letter }
  end
  return list
end

local Reader = {}
Reader.__index = Reader

-- What a list's item says: of a parameter, or what the function returns, or how it fails or raises.
local function read_item(entry, text)
  local name, mark, type_, about = text:match "^`([%w_.]+)(%??): ([^`]+)`%s*(.*)$"
  if name then
    table.insert(entry.params, { name = name, optional = mark == "?", type = type_, text = about })
  else
    local word = text:match "^(%a+)"
    if entry[word] then return false end
    entry[word] = text
  end
  return true
end

function Reader:complain(number, ...)
  table.insert(self.doc.complaints, ("%s:%d: %s"):format(self.path, number, (...):format(...)))
end

function Reader:end_item()
  local item = self.item
  self.item = nil
  if not item then return end
  if not read_item(self.entry, item.text) then self:complain(item.line, "said twice") end
end

function Reader:begin_entry(title, number)
  local name = title:match "^([%a_][%w_.:]*)%(.*%)$"
  self.entry, self.table = nil, nil
  if not name then return end
  local class = not name:find "^sse%." and self.class or nil
  self.entry = {
    name = name, title = title, path = self.path, line = number, params = {}, of = {},
    summary = "", class = class and class.class, anchor = markdown.anchor(title),
  }
  if class then
    self.entry.of = class.of
    table.insert(class.class.methods, self.entry)
  end
  if self.doc.by_name[name] and not class then self:complain(number, "'%s' twice", name) end
  self.doc.by_name[name] = self.entry
  table.insert(self.doc.functions, self.entry)
end

function Reader:add_field(cells)
  local name, type_ = cells[1]:match "^`([%w_]+)`$", cells[2]:match "^`(.*)`$"
  if not (name and type_ and self.class) then return false end
  local field = {
    name = name, type = type_, text = cells[3], of = self.class.of, path = self.path,
  }
  table.insert(self.class.class.fields, field)
  return true
end

function Reader:add_option(cells)
  local columns = self.table.columns
  local name = cells[1]:match "^`([%w_.]+)`$"
  local type_ = (cells[columns.Type] or ""):match "^`(.*)`$"
  if not (name and type_) then return false end
  for _, target in ipairs(self.table.options) do
    local is_for = not target.letter or cells[columns.For]:find(target.letter, 1, true)
    if is_for then
      local list = self.doc.options[target.where] or {}
      self.doc.options[target.where] = list
      local option = {
        name = name, type = type_, default = cells[columns.Default] or "", text = cells[#cells],
        past_it = columns["Past it"] ~= nil, path = self.path,
      }
      list[#list + 1] = option
      if list[name] then return false end
      list[name] = option
    end
  end
  return true
end

function Reader:read_row(line, number)
  local cells = markdown.cells(line)
  if not self.table then
    self.table = { columns = {} }
    for i, head in ipairs(cells) do self.table.columns[head] = i end
    if cells[1]:find "^Option" then self.table.options = self.options or {} end
    self.table.is_fields = cells[1] == "Field" and cells[2] == "Type"
    self.options = nil
  elseif line:find "^|%-" then
    return
  elseif self.table.options and not self:add_option(cells) then
    self:complain(number, "expected | `name` | `type` | ..., once for each function")
  elseif self.table.is_fields and not self:add_field(cells) then
    self:complain(number, "expected | `name` | `type` | ..., below a comment 'class'")
  end
end

-- A line of prose within an entry.
function Reader:read_prose(line)
  local entry = self.entry
  local item = line:match "^%- (.*)$"
  if item then
    self:end_item()
    self.item = { text = item, line = self.number }
  elseif self.item and line:find "^  %S" then
    self.item.text = self.item.text .. " " .. line:match "^%s*(.*)$"
  else
    self:end_item()
    if line == "" then entry.summary_ends = entry.summary ~= "" end
    if line ~= "" and not entry.summary_ends and not line:find "^<" then
      entry.summary = entry.summary .. (entry.summary == "" and "" or " ") .. line
    end
  end
end

-- A line of a block, of which the first of an entry is its example.
function Reader:read_code(line)
  local entry = self.entry
  if line == "```lua" and not entry.example then
    entry.code = {}
  elseif line == "```" and entry.code then
    entry.example, entry.code = table.concat(entry.code, "\n"), nil
  elseif entry.code then
    table.insert(entry.code, line)
  end
end

function Reader:read_line(line, number, in_code)
  self.number = number
  local title = not in_code and line:match "^#+ (.*)$"
  local kind, text = line:match "^<!%-%- (%a+) (.-) %-%->$"
  if self.entry and (in_code or title or line:find "^|") then self:end_item() end
  if not line:find "^|" or in_code then self.table = nil end
  if in_code then
    if self.entry then self:read_code(line) end
  elseif title then
    self:begin_entry(title, number)
  elseif kind == "class" then
    self.class = new_class(self.doc, text)
  elseif kind == "options" then
    self.options = new_options(text)
  elseif line:find "^|" then
    self:read_row(line, number)
  elseif self.entry then
    self:read_prose(line)
  end
end

--- Reads pages.
-- @tparam {table,...} pages each with `path` and `text`
-- @treturn table `functions`, a list of entries: `name` ("sse.after", "timer:stop"), `title` (with
-- the parameters), `summary`, `params` (`name`, `optional`, `type`, `text`), `Returns`, `Fails` and
-- `Raises` (texts, or nil), `class`, `of` (the class's names in groups.lua), `example`, `path`,
-- `line`, `anchor`; `by_name`; `classes`, a list, also by name: `name`, `parent`, `fields`,
-- `methods`; `options`, by function: a list of `name`, `type`, `default`, `text`, `past_it` (that
-- the text says what happens past a limit), also by name; `complaints`
function entries.read(pages)
  local doc = { functions = {}, by_name = {}, classes = {}, options = {}, complaints = {} }
  for _, page in ipairs(pages) do
    local reader = setmetatable({ doc = doc, path = page.path }, Reader)
    markdown.each_line(page.text, function(...) reader:read_line(...) end)
    if reader.item then reader:end_item() end
  end
  return doc
end

return entries
