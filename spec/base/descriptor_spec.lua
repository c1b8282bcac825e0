-- sse.readable and sse.writable, with real pipes, sockets, terminals and files.
local child = require "spec.support.child"
local core = require "sse.core"
local descriptors = require "spec.descriptors"
local socket = require "socket"
local sse = require "sse"
local wait = require "spec.support.wait"

-- Runs fn as a task, and the loop for one turn, in which the task begins to wait.
local function start(fn, ...)
  local task = sse.spawn(fn, ...)
  core.turn()
  return task
end

-- Writes until nothing more is taken.
local function fill(fd)
  while descriptors.write(fd, ("x"):rep(65536)) do end
end

-- A pair of connected sockets of LuaSocket.
local function sockets()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local one = assert(socket.connect("127.0.0.1", (select(2, listener:getsockname()))))
  local other = assert(listener:accept())
  listener:close()
  one:settimeout(0)
  other:settimeout(0)
  return one, other
end

describe("sse.readable", function()
  after_each(wait.idle)

  it("waits for the bytes of a pipe, and for its end", function()
    local read, write = descriptors.pipe()
    local got
    local task = start(function()
      assert(sse.readable(read))
      got = descriptors.read(read)
      assert(sse.readable(read))
      return descriptors.read(read)
    end)
    assert.is_nil(got)
    descriptors.write(write, "bytes")
    wait.till(function() return got end, "the bytes")
    assert.equal("bytes", got)
    descriptors.close(write)
    assert.equal("", task:wait())
    descriptors.close(read)
  end)

  it("is true at once where there are bytes, and lets others have their turn", function()
    local read, write = descriptors.pipe()
    descriptors.write(write, "x")
    assert.is_true(sse.readable(read))
    local rounds, other = 0, false
    sse.spawn(function()
      while not other do
        sse.readable(read)
        rounds = rounds + 1
      end
    end)
    sse.after(1, function() other = true end)
    sse.run()
    assert.is_true(rounds > 0)
    descriptors.close(read, write)
  end)

  it("keeps sse.run running", function()
    local read, write = descriptors.pipe()
    local slept = false
    local task = start(function() return sse.readable(read) end)
    local timer = core.timer(20, function()
      slept = true
      descriptors.write(write, "x")
    end)
    timer:unref()
    sse.run()
    assert.is_true(slept)
    assert.is_true(task:wait())
    descriptors.close(read, write)
  end)

  it("waits outside of tasks, and raises in a callback", function()
    local read, write = descriptors.pipe()
    core.timer(1, function() descriptors.write(write, "x") end)
    assert.is_true(sse.readable(read))
    local message
    core.defer(function() message = select(2, pcall(sse.readable, read)) end)
    sse.run()
    assert.matches("sse.readable: a callback can't wait; do this in a task (sse.spawn)", message, 1,
      true)
    descriptors.close(read, write)
  end)

  it("has several who wait for one descriptor", function()
    local read, write = descriptors.pipe()
    local woken = 0
    for _ = 1, 3 do
      start(function()
        sse.readable(read)
        woken = woken + 1
      end)
    end
    descriptors.write(write, "x")
    sse.run()
    assert.equal(3, woken)
    descriptors.close(read, write)
  end)

  it("stops watching when its task is cancelled, and leaves the others", function()
    local read, write = descriptors.pipe()
    local before = core.events()
    local task, other = start(sse.readable, read), start(sse.readable, read)
    assert.is_true(core.events() > before)
    task:cancel()
    descriptors.write(write, "x")
    assert.is_true(other:wait())
    assert.equal(before, core.events())
    assert.equal("cancelled", select(2, task:wait()))
    local ready = sse.spawn(sse.readable, read)
    start(function() ready:cancel() end) -- it waits, and the descriptor is ready
    sse.run()
    assert.equal("cancelled", select(2, ready:wait()))
    descriptors.close(read, write)
  end)

  it("takes a Lua file", function()
    local pipe <close> = io.popen("read line; echo heard", "r")
    assert.is_true(sse.readable(pipe))
    pipe:read "a"
    local closed = io.tmpfile()
    closed:close()
    assert.same({ nil, "the descriptor is not open", "ECLOSED" }, { sse.readable(closed) })
  end)

  it("takes a socket of LuaSocket", function()
    local one, other = sockets()
    local task = start(function()
      assert(sse.readable(one))
      return one:receive(5)
    end)
    other:send "hello"
    assert.equal("hello", task:wait())
    one:close()
    other:close()
    assert.same({ nil, "the descriptor is not open", "ECLOSED" }, { sse.readable(one) })
  end)

  it("waits for a terminal's line", function()
    local program, user = descriptors.pty()
    local task = start(function()
      assert(sse.readable(program))
      return descriptors.read(program)
    end)
    descriptors.write(user, "a line\n")
    assert.equal("a line\n", task:wait())
    descriptors.close(program, user)
  end)

  it("reads standard input, line by line, beside what else goes on", function()
    local program = child.script([[
      local sse = require "sse"
      io.stdin:setvbuf "no"
      local timer = sse.every(1, function() io.write "tick\n" io.flush() end)
      sse.run(function()
        io.write "ready\n" io.flush()
        while sse.readable(io.stdin) do
          local line = io.read()
          if not line then break end
          io.write("heard ", line, "\n") io.flush()
        end
        timer:stop()
        io.write "end\n"
      end)
    ]], nil, true)
    program:till "ready"
    program:write "one\n"
    program:till "heard one"
    program:write "two\n"
    program:till "heard two.*tick"
    program:shut()
    program:till "end"
    child.stop()
  end)

  it("finds files, folders and /dev/null ready", function()
    for _, path in ipairs { "README.md", "/dev/null" } do
      local fd = descriptors.open(path)
      assert.is_true(sse.readable(fd))
      assert.is_true(sse.writable(fd))
      descriptors.close(fd)
    end
    local file <close> = assert(io.open "README.md")
    assert.is_true(start(sse.readable, file):wait())
  end)

  it("says so where the descriptor is not open", function()
    local read, write = descriptors.pipe()
    descriptors.close(read, write)
    for _, fd in ipairs { read, -1, math.maxinteger, { getfd = function() return -1 end } } do
      assert.same({ nil, "the descriptor is not open", "ECLOSED" }, { sse.readable(fd) })
      assert.same({ nil, "the descriptor is not open", "ECLOSED" },
        { start(sse.writable, fd):wait() })
    end
  end)

  it("raises for what is no descriptor", function()
    for _, value in ipairs { "1", 1.5, {}, print, { getfd = 7 }, { getfd = function() end },
      sse.server {} } do
      local ok, message = pcall(function() sse.readable(value) end)
      assert.is_false(ok)
      assert.matches("^spec/base/descriptor_spec.lua:%d+: sse.readable: expected a descriptor, a "
        .. "file or an object with getfd, got ", message)
    end
  end)
end)

describe("sse.writable", function()
  after_each(wait.idle)

  it("waits until a pipe takes bytes again, or has no reader", function()
    local read, write = descriptors.pipe()
    assert.is_true(sse.writable(write))
    fill(write)
    local task = start(sse.writable, write)
    while descriptors.read(read) do end
    assert.is_true(task:wait())
    fill(write)
    task = start(sse.writable, write)
    descriptors.close(read)
    assert.is_true(task:wait())
    descriptors.close(write)
  end)

  it("waits for a socket beside one who reads from it", function()
    local one, other = sockets()
    local reader = start(sse.readable, one)
    fill(one:getfd())
    local writer = start(sse.writable, one)
    while other:receive(65536) do end
    assert.is_true(writer:wait())
    other:send "x"
    assert.is_true(reader:wait())
    one:close()
    other:close()
  end)
end)
