-- The service that examples/chat.lua talks to, by its command line and the environment: `ask` of
-- the API's module, and what that function needs.
local DEFAULT = "http://127.0.0.1:9522" -- examples/chat_server.lua
local APIS = {
  openai = { name = "OPENAI", url = DEFAULT .. "/v1" },
  responses = { name = "OPENAI", url = DEFAULT .. "/v1" },
  anthropic = { name = "ANTHROPIC", url = DEFAULT },
  ollama = { name = "OLLAMA", url = DEFAULT },
}

local OPTIONS = { api = true, url = true, model = true, key = true, silence = true, tries = true }

-- "--name=value" or "--name value"
local function options_of(words)
  local given, at = {}, 1
  while words[at] do
    local word = words[at]
    local name, value = word:match "^%-%-(%a+)=(.*)$"
    if not name then
      name, value = word:match "^%-%-(%a+)$", words[at + 1]
      at = at + 1
    end
    if not OPTIONS[name] then error("not an option: " .. word, 0) end
    given[name] = value or error(("--%s needs a value"):format(name), 0)
    at = at + 1
  end
  return given
end

local function number(given, option, default)
  local value = tonumber(given[option] or default)
  if value and value > 0 and value < math.huge then return value end
  error(("--%s is a number above 0"):format(option), 0)
end

return function(words)
  local given = options_of(words)
  local api = APIS[given.api or "openai"]
  if not api then error("--api is one of openai, responses, anthropic, ollama", 0) end
  local function setting(option, variable, default)
    return given[option] or os.getenv(api.name .. variable) or default
  end
  local url, key = setting("url", "_BASE_URL", api.url), setting("key", "_API_KEY")
  if not url:find "^https?://" then error("--url begins with http:// or https://", 0) end
  if (key or ""):find "%c" then
    error("the key has a control character, perhaps a line break at its end", 0)
  end
  return {
    ask = require("examples.models." .. (given.api or "openai")),
    url = url:gsub("/$", ""),
    model = setting("model", "_MODEL", "echo"),
    key = key,
    silence = math.ceil(number(given, "silence", 60) * 1000),
    tries = math.ceil(number(given, "tries", 4)),
  }
end
