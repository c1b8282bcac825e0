--- The listeners of an event target: in `state.listeners`, a list of entries for each event type.
-- An entry has `fn`, or `object` with a method handleEvent. The other fields are set only where
-- they apply, to keep entries small: `once`; `is_handler`, for an `on<type>` handler;
-- `remove_abort_listener`, called when the entry is removed; `removed`.
-- @module sse.shared.listeners
local listeners = {}

-- Lists of listeners are replaced, never changed, so that a dispatch under way keeps its list.
local function with(list, entry)
  if not list then return { entry } end
  local longer = { table.unpack(list) }
  longer[#longer + 1] = entry
  return longer
end

local function without(list, entry)
  local shorter = {}
  for _, other in ipairs(list) do
    if other ~= entry then shorter[#shorter + 1] = other end
  end
  return #shorter > 0 and shorter or nil
end

--- The entry of a listener, handlers apart, or nil.
-- @tparam table state the target's
-- @tparam string type_
-- @tparam function|table callback
function listeners.find(state, type_, callback)
  for _, entry in ipairs(state.listeners[type_] or {}) do
    local same = entry.fn == callback or entry.object == callback
    if same and not entry.is_handler then return entry end
  end
end

--- The entry of the handler of a type, or nil.
function listeners.find_handler(state, type_)
  for _, entry in ipairs(state.listeners[type_] or {}) do
    if entry.is_handler then return entry end
  end
end

--- Adds an entry at the end of the list of a type.
function listeners.add(state, type_, entry)
  state.listeners[type_] = with(state.listeners[type_], entry)
  if state.on_listeners_changed then state:on_listeners_changed() end
end

--- Removes an entry. Harmless if it has been removed.
function listeners.remove(state, type_, entry)
  if entry.removed then return end
  entry.removed = true
  state.listeners[type_] = without(state.listeners[type_], entry)
  if entry.remove_abort_listener then entry.remove_abort_listener() end
  if state.on_listeners_changed then state:on_listeners_changed() end
end

return listeners
