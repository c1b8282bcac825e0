-- The client of examples/login.lua: logs in, and prints what comes for that user.
local sse = require "sse"

--- Logs in; returns the options by which further requests are the user's, or nil and a message.
local function log_in(url, name, password)
  local res, message = sse.fetch(url .. "login", {
    method = "POST", redirect = "manual",
    headers = {
      Origin = url:match "^https?://[^/]+", -- as a page of the site would send it
      ["Content-Type"] = "application/x-www-form-urlencoded",
    },
    body = ("name=%s&password=%s"):format(sse.url.encode(name), sse.url.encode(password)),
  })
  local cookie = res and (res.headers["set-cookie"] or ""):match "^[^;]+"
  if not cookie then return nil, message or "not logged in" end
  return { headers = { Cookie = cookie, Origin = url:match "^https?://[^/]+" } }
end

--- Prints the user's events until the user logs out anywhere.
local function listen(example, url, name, password)
  local options, message = log_in(url, name or "ann", password or "correct horse")
  if not options then return example.log("client", "error", message) end
  local source = sse.EventSource(url .. "events", options)
  source:addEventListener("*", function(ev)
    example.log("client", ev.type, ev.data)
    if ev.type == "logout" then source:close() end
  end)
  source.onerror = function(ev) example.log("client", "error", ev.message or ev.data) end
  return source
end

return { listen = listen, log_in = log_in }
