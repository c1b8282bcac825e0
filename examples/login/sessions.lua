-- The sessions of examples/login.lua: who is logged in, and until when. They are kept in this
-- process, and end with it.
local sse = require "sse"

local sessions = {
  life = 8 * 3600, -- seconds from a login to its end
  most = 20, -- sessions of one user; one more ends the oldest
}

local by_id, of_user = {}, {} -- id -> session; name -> list of sessions, the oldest first

--- Called with each session that ends before its time. For the program to set.
function sessions.on_end() end

local function list_of(name)
  of_user[name] = of_user[name] or {}
  return of_user[name]
end

--- Ends a session.
function sessions.finish(session)
  local list = list_of(session.user)
  for i = #list, 1, -1 do
    if list[i] == session then table.remove(list, i) end
  end
  by_id[session.id] = nil
  sessions.on_end(session)
end

--- Begins a session. Its id is new, so that nobody knows it who has given the browser another one.
function sessions.begin(name)
  local list = list_of(name)
  if #list == sessions.most then sessions.finish(list[1]) end
  local session = { id = sse.crypto.token(), user = name, expires = os.time() + sessions.life }
  by_id[session.id] = session
  table.insert(list, session)
  return session
end

--- The session of that id, or nil where there is none any more.
function sessions.find(id)
  local session = id and by_id[id]
  if not session or os.time() < session.expires then return session end
  sessions.finish(session)
end

--- Ends all sessions of a user, in whatever window or browser they are.
function sessions.finish_all(name)
  local list = list_of(name)
  while list[1] do sessions.finish(list[1]) end
end

return sessions
