--- A cluster's slots: which one a channel has, and which node has which.
-- @module sse.redis.slots
local slots = {}

local COUNT = 16384

-- CRC16 as Redis Cluster uses it: polynomial 0x1021, from 0.
local function crc16(text)
  local crc = 0
  for byte in text:gmatch "." do
    crc = crc ~ byte:byte() << 8
    for _ = 1, 8 do
      crc = crc << 1
      if crc & 0x10000 ~= 0 then crc = crc ~ 0x11021 end
    end
  end
  return crc
end

--- The slot of a key: that of its hash tag, the first text in braces that is not empty.
function slots.of(key)
  local tag = key:match "{([^}]+)}"
  return crc16(tag or key) % COUNT
end

-- A node of the reply: host and port. A host that the node does not know is the one that was asked.
local function node_of(node, asked_host)
  local host, port = table.unpack(type(node) == "table" and node or {}, 1, 2)
  if math.type(port) ~= "integer" or port < 1 or port > 65535 then return nil end
  if type(host) ~= "string" or host == "" or host == "?" then host = asked_host end
  return { host = host, port = port }
end

local function is_slot(value)
  return math.type(value) == "integer" and value >= 0 and value < COUNT
end

--- Reads the reply of CLUSTER SLOTS.
-- @param reply
-- @tparam string asked_host of the node that has sent it
-- @treturn table|nil a list of ranges: `first`, `last`, `node` (`host`, `port`), `replicas`, more
-- such; nil: the reply has another form
function slots.parse(reply, asked_host)
  if type(reply) ~= "table" or reply.error then return nil end
  local ranges = {}
  for i, range in ipairs(reply) do
    if type(range) ~= "table" or not is_slot(range[1]) or not is_slot(range[2]) then return nil end
    local node = node_of(range[3], asked_host)
    if not node then return nil end
    ranges[i] = { first = range[1], last = range[2], node = node, replicas = {} }
    for n = 4, #range do table.insert(ranges[i].replicas, node_of(range[n], asked_host)) end
  end
  return ranges
end

--- The node of a slot; nil: no node has it.
function slots.find(ranges, slot)
  for _, range in ipairs(ranges) do
    if slot >= range.first and slot <= range.last then return range.node end
  end
end

--- Takes MOVED and ASK apart.
-- @tparam string err "MOVED 3999 127.0.0.1:6381"
-- @tparam string asked_host of the node that has sent it
-- @return host, port; nil: they are not there
function slots.redirection(err, asked_host)
  local host, port = err:match "^%u+ %d+ (.*):(%d+)$"
  port = math.tointeger(port)
  local node = port and node_of({ host, port }, asked_host)
  if node then return node.host, node.port end
end

return slots
