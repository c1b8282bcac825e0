-- A login, and what is only for one user: a channel for each, who is online, and a logout that ends
-- all streams of the user, in every window and browser.
local program = require "examples.program" -- first: finds the library in a clone
local client = require "examples.login.client"
local guard = require "examples.login.guard"
local sessions = require "examples.login.sessions"
local sse = require "sse"
local streams = require "examples.login.streams"
local users = require "examples.login.users"

local login = { path = "/", limit = { rate = 1, burst = 20 } } -- for each address

local FOLDER = debug.getinfo(1, "S").source:match "^@(.*)%.lua$" .. "/" -- examples/login/
local PAGE = { headers = { ["Cache-Control"] = "no-store", ["X-Frame-Options"] = "DENY" } }

function login.mount(server, prefix)
  function sessions.on_end(session) streams.finish(server, session) end
  server:before(prefix .. "/", guard.new(prefix))
  server:limit(prefix .. "/login", login.limit)
  server:get(prefix .. "/", sse.file(FOLDER .. "home.html", PAGE))
  server:get(prefix .. "/login", sse.file(FOLDER .. "form.html", PAGE))
  server:post(prefix .. "/login", function(req, res)
    local fields = req:form() or {}
    local is_right = users.check(fields.name, fields.password)
    if is_right == nil then return res:reply(503, "busy\n", { ["Retry-After"] = 5 }) end
    local to = guard.safe_path(req.query.next, prefix .. "/")
    if not is_right then return res:redirect(prefix .. "/login?failed&next=" .. to, 303) end
    if req.session then sessions.finish(req.session) end
    local name, options = guard.cookie(req)
    res:cookie(name, sessions.begin(fields.name).id, options):redirect(to, 303)
  end)
  server:post(prefix .. "/logout", function(req, res)
    sessions.finish_all(req.session.user)
    local name, options = guard.cookie(req)
    res:cookie(name, nil, options):redirect(prefix .. "/login", 303)
  end)
  server:post(prefix .. "/messages", function(req, res)
    local fields = req:form() or {}
    if not users.exists(fields.to) then return res:reply(404, "no such user\n") end
    local message = { from = req.session.user, text = fields.text or "" }
    local id = streams.channel_of(fields.to):publish { event = "message", data = message }
    res:reply(id and 204 or 413)
  end)
  server:get(prefix .. "/events", function(req, res)
    streams.begin(server, req.session, res:event_stream())
  end)
end

function login.client(url, ...) return client.listen(login, url, ...) end

return program(login, ...)
