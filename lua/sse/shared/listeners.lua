--- The listeners of an event target: in `state.listeners`, a list for each event type that has any;
-- `state.listener_types` is the number of these types.
--
-- A list links its entries by `next` and `previous`, from `first` to `last`, in the order in which
-- they were added, and has in `added` how many that were. It also has each entry under its
-- callback, and that of the `on<type>` handler under `handler`. So adding, finding and removing
-- cost the same however many there are.
--
-- An entry has `fn`, or `object` with a method handleEvent, and `number`, the how many-th it was.
-- The other fields are set only where they apply, to keep entries small: `once`; `is_handler`;
-- `remove_abort_listener`, called when the entry is removed; `removed`. A removed entry keeps its
-- `next`: a dispatch under way that stands on it goes on from there.
-- @module sse.shared.listeners
local listeners = {}

--- Gives a target that has no listeners yet the fields that are needed here.
function listeners.prepare(state)
  state.listeners, state.listener_types = {}, 0
end

--- The entry of a listener, handlers apart, or nil.
-- @tparam table state the target's
-- @tparam string type_
-- @tparam function|table callback
function listeners.find(state, type_, callback)
  local list = state.listeners[type_]
  return list and callback ~= nil and list[callback] or nil
end

--- The entry of the handler of a type, or nil.
function listeners.find_handler(state, type_)
  local list = state.listeners[type_]
  return list and list.handler
end

--- Adds an entry at the end of the list of a type.
function listeners.add(state, type_, entry)
  local list = state.listeners[type_]
  local key = entry.is_handler and "handler" or entry.fn or entry.object
  if list then
    local last = list.last
    list.added = list.added + 1
    entry.number, entry.previous, last.next = list.added, last, entry
    list.last, list[key] = entry, entry
  else
    entry.number = 1
    state.listeners[type_] = { first = entry, last = entry, added = 1, [key] = entry }
    state.listener_types = state.listener_types + 1
  end
  if state.on_listeners_changed then state:on_listeners_changed() end
end

local function unlink(list, entry)
  local previous, following = entry.previous, entry.next
  if previous then previous.next = following else list.first = following end
  if following then following.previous = previous else list.last = previous end
  entry.previous = nil
  list[entry.is_handler and "handler" or entry.fn or entry.object] = nil
end

--- Removes an entry. Harmless if it has been removed.
function listeners.remove(state, type_, entry)
  if entry.removed then return end
  entry.removed = true
  local list = state.listeners[type_]
  unlink(list, entry)
  if not list.first then
    state.listeners[type_] = nil
    state.listener_types = state.listener_types - 1
  end
  if entry.remove_abort_listener then entry.remove_abort_listener() end
  if state.on_listeners_changed then state:on_listeners_changed() end
end

return listeners
