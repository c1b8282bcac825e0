-- The service that examples/chat.lua talks to, by its command line and the environment: `ask` of
-- the API's module, and what that function needs.
local DEFAULT = "http://127.0.0.1:9522" -- examples/chat_server.lua
local APIS = {
  openai = { name = "OPENAI", url = DEFAULT .. "/v1" },
  responses = { name = "OPENAI", url = DEFAULT .. "/v1" },
  anthropic = { name = "ANTHROPIC", url = DEFAULT },
  ollama = { name = "OLLAMA", url = DEFAULT },
}

-- "--name=value" or "--name value"
local function options_of(words)
  local given = {}
  for name, value in (table.concat(words, " ") .. "  "):gmatch "([^%s=]+)[= ](%S*) " do
    given[name:match "^%-%-(%a+)$" or error("not an option: " .. name, 0)] = value
  end
  return given
end

local function number(given, option, default)
  return tonumber(given[option] or default) or error(("--%s is a number"):format(option), 0)
end

return function(words)
  local given = options_of(words)
  local api = APIS[given.api or "openai"]
  if not api then error("--api is one of openai, responses, anthropic, ollama", 0) end
  local function setting(option, variable, default)
    return given[option] or os.getenv(api.name .. variable) or default
  end
  return {
    ask = require("examples.models." .. (given.api or "openai")),
    url = setting("url", "_BASE_URL", api.url):gsub("/$", ""),
    model = setting("model", "_MODEL", "echo"),
    key = setting("key", "_API_KEY"),
    silence = math.ceil(number(given, "silence", 60) * 1000), tries = number(given, "tries", 4),
  }
end
