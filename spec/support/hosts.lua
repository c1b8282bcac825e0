--- Hosts of one test, each a network namespace, around this process's own, the hub. Only for a
-- process that has namespaces of its own: `hosts.COMMAND` starts it.
local child = require "spec.support.child"

local hosts = {}

--- The hub's address.
hosts.HUB = "192.0.2.1"

--- What starts a program with namespaces of its own. Nothing of them is left behind its end.
hosts.COMMAND = "unshare --map-root-user --net --mount"

local TRY = ("%s %s sh -c 'mount -t tmpfs tmpfs /run && ip link set lo up && ip netns add host && "
  .. "ip link add veth0 type veth peer name veth1 netns host' 2>&1")
  :format(child.UNLOADED, hosts.COMMAND)

--- Why this system has no such hosts; nil where it has.
function hosts.why_not()
  local tried <close> = assert(io.popen(TRY))
  local said = tried:read "a"
  if tried:close() then return nil end
  return "no network namespaces here: " .. said:gsub("%s+$", "")
end

local function run(command, ...)
  command = ("%s %s"):format(child.UNLOADED, command:format(...))
  assert(os.execute(command), command)
end

-- A link between the hub and a host, with addresses of their own.
local function link(host, name, hub, address)
  run("ip link add %s type veth peer name %s netns %s", name, name, host)
  run("ip addr add %s peer %s dev %s", hub, address, name)
  run("ip -n %s addr add %s peer %s dev %s", host, address, hub, name)
  run("ip link set %s up", name)
  run("ip -n %s link set %s up", host, name)
end

--- Makes hosts. Each has a link to the hub for clients, and one by which it reaches HUB.
-- @treturn {table,...} of each `address`, for clients; `command`, which starts a program there;
-- cut() and mend(), of the link to HUB
function hosts.open(count)
  local list = {}
  run "mount -t tmpfs tmpfs /run"
  run "ip link set lo up"
  run("ip addr add %s dev lo", hosts.HUB)
  for i = 1, count do
    local name, address = "host" .. i, "198.51.100." .. i * 4 + 2
    local back = "198.51.100." .. i * 4 + 130
    run("ip netns add %s", name)
    run("ip -n %s link set lo up", name)
    link(name, "clients" .. i, "198.51.100." .. i * 4 + 1, address)
    link(name, "back" .. i, "198.51.100." .. i * 4 + 129, back)
    run("ip -n %s route add %s dev back%d src %s", name, hosts.HUB, i, back)
    list[i] = { address = address, command = "ip netns exec " .. name,
      cut = function() run("ip link set back%d down", i) end,
      mend = function() run("ip link set back%d up", i) end }
  end
  return list
end

return hosts
