rockspec_format = "3.0"
package = "lua-sse"
version = "scm-1"

source = {
  url = "git+https://github.com/lua-sse/lua-sse.git",
}

description = {
  summary = "Server-Sent Events: a client and a server, with a C core on libevent and libcurl",
  detailed = [[
    The client is the web's EventSource, and a fetch that iterates over events. The server has
    routes and event streams. The parser and the encoder can be used alone, without sockets.
  ]],
  license = "MIT",
  labels = { "sse", "eventsource", "http", "async", "libevent" },
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.5",
  "lua-cjson >= 2.1",
}

-- Of libcurl the library alone: LuaRocks doesn't look into the folder by architecture where Debian
-- keeps the headers, and the compiler does.
external_dependencies = {
  EVENT = { header = "event2/event.h", library = "event_core" },
  CURL = { library = "curl" },
  OPENSSL = { header = "openssl/ssl.h", library = "ssl" },
  NGHTTP2 = { header = "nghttp2/nghttp2.h", library = "nghttp2" },
  ZLIB = { header = "zlib.h", library = "z" },
  BROTLI = { header = "brotli/decode.h", library = "brotlidec" },
}

test_dependencies = {
  "busted >= 2.1",
  "luasocket >= 3.0",
  "luafilesystem >= 1.8",
}

test = {
  type = "command",
  command = "make test",
}

build = {
  type = "builtin",
  modules = {
    -- modules: made by `make rockspec`
    ["sse.core"] = {
      sources = {
        "csrc/bind/channel.c",
        "csrc/bind/class.c",
        "csrc/bind/core.c",
        "csrc/bind/encoder.c",
        "csrc/bind/file.c",
        "csrc/bind/loop.c",
        "csrc/bind/parser.c",
        "csrc/bind/random.c",
        "csrc/bind/request.c",
        "csrc/bind/server.c",
        "csrc/bind/stream.c",
        "csrc/bind/stress.c",
        "csrc/bind/tls_options.c",
        "csrc/bind/transfer.c",
        "csrc/bind/url.c",
        "csrc/net/addresses.c",
        "csrc/net/bodies.c",
        "csrc/net/channel.c",
        "csrc/net/connection.c",
        "csrc/net/exchange.c",
        "csrc/net/follow.c",
        "csrc/net/follower.c",
        "csrc/net/greeting.c",
        "csrc/net/http1_answer.c",
        "csrc/net/http1_reading.c",
        "csrc/net/http1_session.c",
        "csrc/net/http2_answer.c",
        "csrc/net/http2_data.c",
        "csrc/net/http2_debt.c",
        "csrc/net/http2_guard.c",
        "csrc/net/http2_request.c",
        "csrc/net/http2_session.c",
        "csrc/net/http2_stream.c",
        "csrc/net/inherited.c",
        "csrc/net/loop.c",
        "csrc/net/multi.c",
        "csrc/net/negotiated.c",
        "csrc/net/packer.c",
        "csrc/net/pool.c",
        "csrc/net/private_file.c",
        "csrc/net/queue.c",
        "csrc/net/random.c",
        "csrc/net/resident.c",
        "csrc/net/resume.c",
        "csrc/net/server.c",
        "csrc/net/slab.c",
        "csrc/net/sniff.c",
        "csrc/net/stream.c",
        "csrc/net/tls.c",
        "csrc/net/tls_load.c",
        "csrc/net/tls_shared.c",
        "csrc/net/tls_tickets.c",
        "csrc/net/transfer_body.c",
        "csrc/net/transfer_code.c",
        "csrc/net/transfer_head.c",
        "csrc/net/transfer_life.c",
        "csrc/net/transfer_setup.c",
        "csrc/net/url.c",
        "csrc/net/wheel.c",
        "csrc/wire/block.c",
        "csrc/wire/buffer.c",
        "csrc/wire/coding.c",
        "csrc/wire/decoder.c",
        "csrc/wire/deflater.c",
        "csrc/wire/encoder.c",
        "csrc/wire/error.c",
        "csrc/wire/frame.c",
        "csrc/wire/gap.c",
        "csrc/wire/hash.c",
        "csrc/wire/http1_body.c",
        "csrc/wire/http1_chars.c",
        "csrc/wire/http1_check.c",
        "csrc/wire/http1_head.c",
        "csrc/wire/http1_response.c",
        "csrc/wire/log.c",
        "csrc/wire/parser.c",
        "csrc/wire/position.c",
        "csrc/wire/url.c",
        "csrc/wire/url_host.c",
        "csrc/wire/utf8.c",
      },
      libraries = { "brotlidec", "curl", "event_core", "nghttp2", "ssl", "z", "crypto", "m" },
      incdirs = {
        "$(BROTLI_INCDIR)",
        "$(EVENT_INCDIR)",
        "$(NGHTTP2_INCDIR)",
        "$(OPENSSL_INCDIR)",
        "$(ZLIB_INCDIR)",
      },
      libdirs = {
        "$(BROTLI_LIBDIR)",
        "$(CURL_LIBDIR)",
        "$(EVENT_LIBDIR)",
        "$(NGHTTP2_LIBDIR)",
        "$(OPENSSL_LIBDIR)",
        "$(ZLIB_LIBDIR)",
      },
    },
    ["sse.abort"] = "lua/sse/abort.lua",
    ["sse.backoff"] = "lua/sse/backoff.lua",
    ["sse.body"] = "lua/sse/body.lua",
    ["sse.channel"] = "lua/sse/channel.lua",
    ["sse.client"] = "lua/sse/client.lua",
    ["sse.cors"] = "lua/sse/cors.lua",
    ["sse.encode"] = "lua/sse/encode.lua",
    ["sse.event"] = "lua/sse/event.lua",
    ["sse.eventsource"] = "lua/sse/eventsource.lua",
    ["sse.eventtarget"] = "lua/sse/eventtarget.lua",
    ["sse.failure"] = "lua/sse/failure.lua",
    ["sse.fetch"] = "lua/sse/fetch.lua",
    ["sse.fetcheventsource"] = "lua/sse/fetcheventsource.lua",
    ["sse.files"] = "lua/sse/files.lua",
    ["sse.headers"] = "lua/sse/headers.lua",
    ["sse"] = "lua/sse/init.lua",
    ["sse.json"] = "lua/sse/json.lua",
    ["sse.log"] = "lua/sse/log.lua",
    ["sse.metrics"] = "lua/sse/metrics.lua",
    ["sse.options"] = "lua/sse/options.lua",
    ["sse.parser"] = "lua/sse/parser.lua",
    ["sse.policy"] = "lua/sse/policy.lua",
    ["sse.queue"] = "lua/sse/queue.lua",
    ["sse.reader"] = "lua/sse/reader.lua",
    ["sse.refusal"] = "lua/sse/refusal.lua",
    ["sse.request"] = "lua/sse/request.lua",
    ["sse.router"] = "lua/sse/router.lua",
    ["sse.server"] = "lua/sse/server.lua",
    ["sse.server_options"] = "lua/sse/server_options.lua",
    ["sse.server_request"] = "lua/sse/server_request.lua",
    ["sse.server_response"] = "lua/sse/server_response.lua",
    ["sse.source"] = "lua/sse/source.lua",
    ["sse.stream"] = "lua/sse/stream.lua",
    ["sse.task"] = "lua/sse/task.lua",
    ["sse.tls"] = "lua/sse/tls.lua",
    ["sse.url"] = "lua/sse/url.lua",
    ["sse.version"] = "lua/sse/version.lua",
    -- end of modules
  },
}
