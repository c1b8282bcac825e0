-- What examples/login.lua refuses before any handler runs, and where it leads.
local sessions = require "examples.login.sessions"

local guard = {}

--- Where pages of this server come from. Behind a proxy that speaks TLS, LOGIN_ORIGIN says it:
-- LOGIN_ORIGIN=https://chat.example
function guard.origin(req)
  return os.getenv "LOGIN_ORIGIN" or ("%s://%s"):format(req.scheme, req.host)
end

--- The name and the options of the cookie. Over HTTPS a browser takes a cookie of such a name from
-- this host alone.
function guard.cookie(req)
  local secure = guard.origin(req):find "^https:" ~= nil
  return secure and "__Host-session" or "session",
    { secure = secure, same_site = "Lax", max_age = sessions.life * 1000 }
end

--- The path of this site to which a login leads. Another site's would be "//evil.example", or
-- "/\evil.example", which browsers read in the same way.
function guard.safe_path(text, otherwise)
  local is_safe = text and text:find "^/[%w/._~-]*$" and not text:find "^//"
  return is_safe and text or otherwise
end

--- Makes a function for server:before: a request that changes something must come from a page of
-- this site, whatever cookie the browser sends along; and without a login there is only the form.
function guard.new(prefix)
  return function(req, res)
    local changes = req.method ~= "GET" and req.method ~= "HEAD"
    if changes and req:header "Origin" ~= guard.origin(req) then
      return res:reply(403, "only this site's pages may ask that\n")
    end
    req.session = sessions.find(req.cookies[guard.cookie(req)])
    if req.session or req.path == prefix .. "/login" then return end
    if req.path == prefix .. "/" and not changes then
      return res:redirect(("%s/login?next=%s/"):format(prefix, prefix), 303)
    end
    res:reply(401, "log in first\n")
  end
end

return guard
