-- types/sse.lua, the annotations of LuaLS: it loads, and has what the library has: the functions,
-- the classes with their methods and fields, and the options with their types. What it says is read
-- here without the scripts that write it.
local luals = require "spec.support.luals"
local options = require "sse.shared.options"
local sse = require "sse"

package.path = "scripts/?.lua;" .. package.path
local groups = require("api.interface").read()

local PATH = "types/sse.lua"

-- The type of an object of each class of scripts/api/groups.lua.
local CLASSES = {
  timer = "Timer", task = "Task", signal = "Signal", EventSource = "EventSourceClass",
  source = "EventSource", message = "MessageEvent", Response = "Response",
  handle = "FetchEventSourceHandle", controller = "AbortController",
  AbortSignal = "AbortSignalClass", abort_signal = "AbortSignal", Event = "Event",
  parser = "Parser", json = "Json", server = "Server", req = "Request", res = "ServerResponse",
  stream = "Stream", context = "ErrorContext", entry = "LogEntry", channel = "Channel",
  published = "PublishedEvent", worker = "Worker", url = "Url", store = "Store", jwt = "Jwt",
  crypto = "Crypto",
}

-- The class of a function's options, as CONTRIBUTING.md says it.
local function options_class(where)
  local name = where:gsub("^sse[.:]", ""):gsub("[^%w]*(%w)(%w*)", function(first, rest)
    return first:upper() .. rest
  end)
  return name .. "Options"
end

local text

-- Classes by name, without "sse.": `parent`, `fields` by name, `methods`.
local function read_classes()
  local classes, class, variables = {}, nil, {}
  for line in text:gmatch "[^\n]+" do
    local name, parent = line:match "^%-%-%-@class sse%.([%w]+):? ?(.*)$"
    local field, kind = line:match '^%-%-%-@field %[?"?([%w_]+)"?%]?%?? (.*)$'
    local variable = line:match "^local (%w+) = {}$" or line:match "^(sse%.%w+) = {}$"
    local owner, method = line:match "^function ([%w_.]+)[:.]([%w_]+)%("
    if name then
      assert.is_nil(classes[name], name .. " is there twice")
      class = { name = name, parent = parent:match "sse%.(.*)", fields = {}, methods = {} }
      classes[name] = class
    elseif field and class then
      assert.is_nil(class.fields[field], field .. " twice in " .. class.name)
      class.fields[field] = kind
    elseif variable then
      variables[variable] = class
    elseif owner and variables[owner] then
      variables[owner].methods[method] = true
    end
  end
  return classes
end

-- What a class has, with what it inherits: "methods" or "fields", sorted.
local function names(classes, name, what)
  local set, list = {}, {}
  while name do
    local class = assert(classes[name], name)
    for key in pairs(class[what]) do set[key] = true end
    name = class.parent
  end
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

-- The options of a class and of those that it refers to for a table of fields: "tls", "tls.ca".
local function option_names(classes, name)
  local list = {}
  for _, option in ipairs(names(classes, name, "fields")) do
    list[#list + 1] = option
    local inner = classes[name].fields[option]:match "sse%.(%w+Options)"
    -- What the library checks by rules of its own is compared by itself.
    local by_itself = inner and (inner:find "^ServerTls" or inner:find "^Server[AC]"
      or inner:find "^WorkersListen")
    if inner and not by_itself then
      for field in pairs(classes[inner].fields) do list[#list + 1] = option .. "." .. field end
    end
  end
  table.sort(list)
  return list
end

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

-- A value of each of Lua's types, which a rule for other types must refuse.
local SAMPLES = {
  string = "\1", number = 0 / 0, boolean = true, ["false"] = false, table = { [{}] = 1 },
  ["function"] = print,
}

-- The types of Lua that an annotation names: what comes before the text in the line is a union.
local function lua_types(annotation)
  local found = {}
  if annotation:find "^any" then return SAMPLES end
  for kind in annotation:gmatch "[^|]+" do
    local word = kind:match "^fun%(" and "function" or kind:match '^"' and "string"
      or kind:match "^sse%." and "table" or kind:match "^[%w]+%[%]" and "table"
      or kind:match "^table" or kind:match "^file%*" and "table" or kind:match "^%w+"
    found[word == "integer" and "number" or word] = true
  end
  if found.boolean then found["false"] = true end
  return found
end

local function accepts(rule, value)
  if type(rule) == "table" and rule.check then return rule.check(value) end
  local kinds = type(rule) == "table" and rule.type or rule
  for kind in kinds:gmatch "[^|]+" do
    if kind == type(value) then return true end
  end
  return false
end

describe(PATH, function()
  local classes
  setup(function()
    local file <close> = assert(io.open(PATH))
    text = file:read "a"
    classes = read_classes()
  end)

  it("loads, and has the library's functions", function()
    local meta = assert(loadfile(PATH, "t", {}))()
    for name, value in pairs(sse) do
      if name == "_VERSION" then
        assert.truthy(text:find("---@field _VERSION string", 1, true))
      elseif type(meta[name]) == "function" then
        local metatable = debug.getmetatable(value) or {}
        assert.truthy(type(value) == "function" or metatable.__call, name)
      else
        assert.equal("table", type(value), name)
        for inner, f in pairs(meta[name]) do
          assert.equal("function", type(f))
          assert.equal("function", type(value[inner]), inner)
        end
      end
      meta[name] = nil
    end
    assert.is_nil(next(meta))
  end)

  it("has the library's classes", function()
    for _, group in ipairs(groups) do
      for _, class in ipairs(group.classes) do
        local name = CLASSES[class.class]
        assert.same(sorted(class.methods), names(classes, name, "methods"), name)
        assert.same(sorted(class.fields), names(classes, name, "fields"), name)
      end
    end
  end)

  it("has the library's options", function()
    local count = 0
    for _, group in ipairs(groups) do
      local owners = table.move(group.classes, 1, #group.classes, 2, { group })
      for _, owner in ipairs(owners) do
        for where, list in pairs(owner.options) do
          assert.same(sorted(list), option_names(classes, options_class(where)), where)
          count = count + #list
        end
      end
    end
    assert.is_true(count > 190, count)
  end)

  it("says no type of an option that its rule refuses, and each that the rule takes", function()
    local count = 0
    for where, spec in pairs(options.specs) do
      for name, rule in pairs(spec) do
        local annotation = classes[options_class(where)].fields[name]
        local kinds = lua_types(annotation:match "^fun%b()" or annotation:match "^%S+")
        for kind, value in pairs(SAMPLES) do
          local is_right = accepts(rule, value)
          if is_right then
            assert.truthy(kinds[kind], ("%s: %s may be a %s"):format(where, name, kind))
          elseif type(rule) == "string" and kind ~= "false" then
            assert.is_nil(kinds[kind], ("%s: %s is no %s"):format(where, name, kind))
          end
          count = count + 1
        end
      end
    end
    assert.is_true(count > 900, count)
  end)

  it("says the types of an event's fields, which the core checks", function()
    local values = { string = "s", number = 5, boolean = true, table = {} }
    for name, class in pairs { publish = "ChannelPublishOptions", encode = "EncodeOptions" } do
      for field, annotation in pairs(classes[class].fields) do
        local kinds = lua_types(annotation:match "^%S+")
        for kind, value in pairs(values) do
          local event = { [field] = value }
          if field ~= "comment" and field ~= "data" then event.data = "x" end
          local ok = pcall(name == "encode" and sse.encode or function(given)
            sse.channel("types"):publish(given)
          end, event)
          assert.equal(kinds[kind] ~= nil, ok, ("%s of %s as a %s"):format(field, name, kind))
        end
      end
    end
    sse.channel("types"):close()
  end)

  it("has annotations of the form that LuaLS reads", function()
    local known, count = { class = true, meta = true }, 0
    for line in text:gmatch "[^\n]+" do
      local tag, rest = line:match "^%-%-%-@(%a+) (.*)$"
      local kind = tag == "field" and rest:match "^[%w_]+%?? (.*)$"
        or tag == "param" and rest:match "^[%w_.]+%?? (.*)$"
        or (tag == "return" or tag == "overload") and rest
      if kind then
        local behind = luals.union(kind, 1)
        assert.truthy(kind:find("^ ", behind) or behind > #kind, line)
        count = count + 1
      elseif tag then
        assert.is_true(known[tag], line)
      else
        assert.truthy(line:find "^%-%-" or line:find "^local" or line:find "^function"
          or line:find "^sse%.%w+ = {}$" or line == "return sse", line)
      end
    end
    assert.is_true(count > 400, count)
    assert.has_error(function() luals.union("table<string", 1) end)
  end)

  it("names no class that is not there", function()
    for name in text:gmatch "%f[%w_.]sse%.(%u%w*)" do
      assert.truthy(classes[name] or rawget(sse, name), name)
    end
  end)

  it("is not all: LDoc's comments have the same functions and options", function()
    local reference = require "api.reference"
    local described = reference.describe(reference.read_pages "")
    local all = ""
    for _, page in pairs(require("api.ldoc").files(described)) do
      assert(load(page))
      all = all .. page
    end
    for name, entry in pairs(described.by_name) do
      assert.truthy(all:find("\n-- @function " .. name .. "\n", 1, true), entry.title)
    end
    for where, list in pairs(described.options) do
      local start = assert(all:find("@table sse." .. options_class(where) .. "\n", 1, true), where)
      local rest = all:sub(start)
      for _, option in ipairs(list) do
        assert.truthy(rest:find("\n-- @field " .. option.name .. " ", 1, true), option.name)
      end
    end
  end)

  it("is the same whenever it is written", function()
    local options_of_a = "<!-- options sse.a -->\n\n| Option | Type |\n|---|---|\n"
    for byte in ("hcagfbed"):gmatch "." do
      options_of_a = options_of_a .. ("| `%s.x` | `string` |\n"):format(byte)
    end
    local page = { path = "a.md", text = options_of_a }
    local described = require("api.entries").read { page }
    described.fields = {}
    local order = {}
    for letter in require("api.types").text(described):gmatch "@class sse%.A(%u)Options" do
      order[#order + 1] = letter
    end
    assert.equal("ABCDEFGH", table.concat(order))
  end)

  it("names a function's parameters as it says them", function()
    local params = {}
    for line in text:gmatch "[^\n]+" do
      local param = line:match "^%-%-%-@param ([%w_.]+)"
      if param then
        params[#params + 1] = param
      elseif line:find "^function" then
        assert.equal(table.concat(params, ", "), line:match "%((.*)%) end$", line)
        params = {}
      end
    end
  end)
end)
