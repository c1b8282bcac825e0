# lua-sse: make demo and make test; the other targets are for those who work on it.
.DEFAULT_GOAL := all
LUA        ?= lua5.4
BUILD      ?= build
CFLAGS     ?= -O2 -g
WARNINGS   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# Another Lua, 5.4 or 5.5, in a build folder of its own; the specs find its busted by LUA_PATH and
# LUA_CPATH:
# make DEPS= BUILD=build-55 LUA=/opt/lua55/bin/lua LUA_CFLAGS=-I/opt/lua55/include
LUA_PC      = $(shell for pc in lua5.4 lua-5.4 lua54 lua5.5 lua-5.5 lua55 lua; do \
                  pkg-config --exists $$pc && echo $$pc && break; done)
LUA_CFLAGS  = $(shell pkg-config --cflags $(LUA_PC))
LUA_LIBS    = $(shell pkg-config --libs $(LUA_PC))
LIBRARIES  := libevent_core libcurl libidn2 libssl libcrypto libnghttp2
CPPFLAGS   += $(LUA_CFLAGS) $(shell pkg-config --cflags $(LIBRARIES) zlib libbrotlidec)
WIRE_LIBS   = $(shell pkg-config --libs zlib libbrotlidec) -lm
LDLIBS     += $(shell pkg-config --libs $(LIBRARIES)) $(WIRE_LIBS)
ifeq ($(shell uname -s),Darwin)
SHARED     := -bundle -undefined dynamic_lookup
PRELOAD    := DYLD_INSERT_LIBRARIES
else
SHARED     := -shared
PRELOAD    := LD_PRELOAD
# Calls of Lua's interface go through a table of addresses, without a jump in between: 6 % of what
# encoding JSON takes.
NO_PLT     := -fno-plt
endif
# Compiler and linker options that make faults in the core harder to exploit; HARDEN= for none,
# which the sanitizers need. FORTIFY needs an optimizer. scripts/check_hardening.sh checks the
# result.
HARDEN     ?= yes
ifneq ($(HARDEN),)
OPTIMIZED  := $(filter-out -O0,$(filter -O%,$(CFLAGS)))
HARDEN_C   := -fstack-protector-strong \
              $(if $(OPTIMIZED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
ifneq ($(shell uname -s),Darwin)
HARDEN_LD  := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
endif
endif
# Prints one short line a step; V=1 prints the commands.
Q           = $(if $(V),,@)
say         = $(if $(V),@:,@echo "  $(1) $@")
PREFIX     ?= /usr/local
LUA_SERIES  = $(shell $(LUA) -e 'print(_VERSION:match "%d+%.%d+$$")' 2>/dev/null || echo 5.4)
LUADIR     ?= $(PREFIX)/share/lua/$(LUA_SERIES)
LIBDIR     ?= $(PREFIX)/lib/lua/$(LUA_SERIES)
# Where editors are told to look for types/sse.lua (docs/install.md); none for nowhere.
TYPESDIR   ?= $(PREFIX)/share/lua-sse/types
LUA_FOLDERS := sse sse/client sse/server sse/shared sse/store sse/workers
OTHER_ROCKS := lua/sse/sqlite.lua lua/sse/redis.lua

WINGS      := wire base tls crypto http http1 http2 push server client bind
SOURCES    := $(foreach wing,$(WINGS),$(wildcard csrc/$(wing)/*.c))
OBJECTS    := $(SOURCES:csrc/%.c=$(BUILD)/obj/%.o)
CORE       := $(BUILD)/sse/core.so
# The rock lua-sse-sqlite: a module of its own, which shares nothing with the core.
SQLITE     := $(BUILD)/sse/sqlite/core.so
SQLITE_SOURCES := $(wildcard csrc/sqlite/*.c)
SQLITE_OBJECTS := $(SQLITE_SOURCES:csrc/%.c=$(BUILD)/obj/%.o)
SQLITE_LIBS = $(shell pkg-config --libs sqlite3) -lpthread
# The rock lua-sse-redis. hiredis has TLS since 1.0, in a library of its own.
REDIS      := $(BUILD)/sse/redis/core.so
REDIS_SOURCES := $(wildcard csrc/redis/*.c)
REDIS_OBJECTS := $(REDIS_SOURCES:csrc/%.c=$(BUILD)/obj/%.o)
REDIS_PC   := hiredis $(shell pkg-config --exists hiredis_ssl 2>/dev/null && echo hiredis_ssl openssl)
REDIS_CPPFLAGS = $(if $(filter hiredis_ssl,$(REDIS_PC)),-DSSE_REDIS_TLS)
REDIS_TLS   = $(if $(filter hiredis_ssl,$(REDIS_PC)),$(shell pkg-config --libs hiredis_ssl openssl))
REDIS_HIREDIS = $(shell pkg-config --libs hiredis)
REDIS_LIBS  = $(REDIS_HIREDIS) $(REDIS_TLS) -lpthread
COMPILE     = $(CC) -std=gnu11 -fPIC -fvisibility=hidden -MMD -MP $(CPPFLAGS) $(WARNINGS) $(CFLAGS) \
              $(HARDEN_C) $(NO_PLT)

# Lua looks for modules in this tree first, then where it always does.
of_series   = $(1)_$(subst .,_,$(LUA_SERIES))
paths       = $(call of_series,$(2))="$(1);$${$(call of_series,$(2)):-$${$(2):-;}}"
LUA_ENV     = $(call paths,$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua,LUA_PATH) \
              $(call paths,$(CURDIR)/$(BUILD)/?.so,LUA_CPATH)
RUN_LUA     = $(LUA_ENV) $(LUA)

# Included files add to these: what the specs need built (TEST_DEPS), targets that run after the
# specs (TEST_EXTRA), benchmarks (BENCH_TARGETS), fuzzers (FUZZ_TARGETS).
TEST_DEPS  :=
TEST_EXTRA :=
BENCH_TARGETS :=
FUZZ_TARGETS :=
-include spec/c/Makefile.inc spec/support/Makefile.inc fuzz/Makefile.inc bench/Makefile.inc

all: core sqlite redis
core: $(CORE)
sqlite: $(SQLITE)
redis: $(REDIS)

$(CORE): $(OBJECTS)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) $(SHARED) $(HARDEN_LD) $(LDFLAGS) -o $@ $(OBJECTS) $(LDLIBS)

$(SQLITE): $(SQLITE_OBJECTS)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) $(SHARED) $(HARDEN_LD) $(LDFLAGS) -o $@ $(SQLITE_OBJECTS) $(SQLITE_LIBS)

$(SQLITE_OBJECTS): CPPFLAGS += $(shell pkg-config --cflags sqlite3)

$(REDIS): $(REDIS_OBJECTS)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) $(SHARED) $(HARDEN_LD) $(LDFLAGS) -o $@ $(REDIS_OBJECTS) $(REDIS_LIBS)

$(REDIS_OBJECTS): CPPFLAGS += $(REDIS_CPPFLAGS) $(shell pkg-config --cflags hiredis)

$(BUILD)/obj/%.o: csrc/%.c | deps
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(COMPILE) -c -o $@ $<

# Options of `make stress`.
$(BUILD)/obj/bind/%.o: CPPFLAGS += $(BIND_CPPFLAGS)

-include $(OBJECTS:.o=.d) $(SQLITE_OBJECTS:.o=.d) $(REDIS_OBJECTS:.o=.d)

# The groups of scripts/deps.sh that the goals need; DEPS= installs nothing.
DEPS ?= build $(filter demo test lint analyze asan valgrind interop bench soak fuzz rock \
                       doc,$(MAKECMDGOALS)) \
        $(if $(filter stress model chaos chaos-plain chaos-workers chaos-redis fuzz fuzz-lua,$(MAKECMDGOALS)),test) \
        $(if $(filter format,$(MAKECMDGOALS)),lint) $(if $(filter demo-workers,$(MAKECMDGOALS)),demo) \
        $(if $(filter demo-cluster,$(MAKECMDGOALS)),cluster)
deps:
	@$(if $(strip $(DEPS)),LUA=$(LUA) scripts/deps.sh $(DEPS))

demo: $(CORE)
	@$(RUN_LUA) examples/demo/main.lua

# The message board of examples/board.lua, by two workers; what is written stays in the build folder.
demo-workers: $(CORE) $(SQLITE)
	@BOARD_FILE=$(CURDIR)/$(BUILD)/board.db $(RUN_LUA) examples/board.lua $${DEMO_PORT:-9522}

# Two machines of two workers each, on DEMO_PORT (9522) and the next port, and the Redis server that
# they share: examples/cluster.lua.
demo-cluster: $(CORE) $(REDIS)
	@$(LUA_ENV) LUA=$(LUA) scripts/demo_cluster.sh

# eval "$(make -s env)" has Lua find the library of this tree, from any folder. What the shell has
# set before, as by `luarocks path`, stays behind it.
OWN_PATH = $${$(call of_series,$(1)):-$${$(1):-;}}
env:
	@$(MAKE) --no-print-directory all >&2
	@echo 'export $(call of_series,LUA_PATH)="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(call OWN_PATH,LUA_PATH)"'
	@echo 'export $(call of_series,LUA_CPATH)="$(CURDIR)/$(BUILD)/?.so;$(call OWN_PATH,LUA_CPATH)"'

# make test SPEC=spec/server/tls_spec.lua runs one file.
SPEC ?=
BUSTED      = $(LUA) scripts/busted.lua --cpath='$(CURDIR)/$(BUILD)/?.so'
SPECS       = $(sort $(wildcard spec/*/*_spec.lua))
test: $(CORE) $(SQLITE) $(REDIS) $(TEST_DEPS)
ifeq ($(SPEC),)
	@$(LUA_ENV) scripts/test_each.sh env $(TEST_ENV) $(BUSTED) -- $(SPECS)
ifneq ($(strip $(TEST_EXTRA)),)
	@$(MAKE) --no-print-directory -j2 DEPS= $(TEST_EXTRA)
endif
else
	@$(LUA_ENV) $(TEST_ENV) $(BUSTED) $(SPEC)
endif

# 10,000 random scripts of channels and their clients against a model, from seed SSE_MODEL_SEED on.
model: $(CORE) $(TEST_DEPS)
	@echo "scripts from seed $${SSE_MODEL_SEED:-1}, $${SSE_MODEL_SCRIPTS:-10000} of them"
	@SSE_MODEL_SCRIPTS=$${SSE_MODEL_SCRIPTS:-10000} $(MAKE) --no-print-directory DEPS= test \
	    SPEC=spec/push/channel_model_spec.lua

# A full collection after every callback, and at one in SSE_STRESS_ALLOC calls of Lua's interface
# that may run the collector (csrc/bind/stress_calls.h), drawn from SSE_STRESS_SEED.
stress: | deps
	@$(MAKE) --no-print-directory test DEPS= BUILD=build-stress TEST_EXTRA= \
	    BIND_CPPFLAGS="-DSSE_STRESS_ALLOC -include csrc/bind/stress_calls.h" \
	    TEST_ENV="SSE_STRESS_GC=1 SSE_TEST_PATIENCE=10"

SANITIZE := -fsanitize=address,undefined
# Keeps the module loaded at the end of the process, when the traces of leaks are resolved.
ifneq ($(shell uname -s),Darwin)
STAYS    := -Wl,-z,nodelete
endif
ASAN_LIB  = $(shell $(CC) -print-file-name=libasan.so)
ASAN_BUILD = DEPS= BUILD=build-asan HARDEN= LDFLAGS="$(SANITIZE) $(STAYS)" \
    CFLAGS="-O1 -g $(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer"
# intercept_tls_get_addr=0: else the leak check takes any block of thread-local memory that lies 16
# bytes into a page for one of another layout, reads its size there, and crashes.
ASAN_ENV   = $(PRELOAD)=$(ASAN_LIB) \
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:handle_abort=1:intercept_tls_get_addr=0 \
    LSAN_OPTIONS=suppressions=$(CURDIR)/scripts/lsan.supp:print_suppressions=0 \
    UBSAN_OPTIONS=print_stacktrace=1 SSE_TEST_PATIENCE=5
asan: | deps
	@$(MAKE) --no-print-directory test $(ASAN_BUILD) TEST_ENV='$(ASAN_ENV)'

# The sanitizers' build in which, as in make stress, the collector may run at any allocation of the
# binding.
ASAN_STRESS = $(ASAN_BUILD) BUILD=build-asan-stress TEST_ENV='$(ASAN_ENV)' \
    BIND_CPPFLAGS="-DSSE_STRESS_ALLOC -include csrc/bind/stress_calls.h"

# CHAOS_SEEDS (200) random programs and clients from seed CHAOS_SEED (1) on, under the sanitizers
# with leak checking; chaos-plain without them. SSE_STRESS_GC=1: with a full collection after every
# callback.
chaos: | deps
	@$(MAKE) --no-print-directory chaos-plain $(ASAN_STRESS)
chaos-plain: $(CORE) $(TEST_DEPS)
	@$(LUA_ENV) scripts/chaos.sh env $(TEST_ENV) $(LUA) spec/chaos/main.lua
# Two workers and a publisher on one SQLite file for CHAOS_SECONDS (60) at CHAOS_RATE (2000) events a
# second, while workers are killed CHAOS_KILLS (2) times, and replaced CHAOS_RELOADS (10) times.
chaos-workers: $(CORE) $(SQLITE) $(TEST_DEPS)
	@$(LUA_ENV) $(LUA) spec/chaos/workers.lua
# Two machines, each a process, that share a channel by Redis at CHAOS_RATE (1000) events a second, for
# CHAOS_SECONDS (60) while Redis is killed, then while it is stopped, emptied and so on; CHAOS_HARM=2
# for the second of these alone. Some ten minutes.
chaos-redis: $(CORE) $(REDIS) $(TEST_DEPS)
	@$(LUA_ENV) $(LUA) spec/chaos/redis.lua
.PHONY: chaos chaos-plain chaos-workers chaos-redis

# valgrind also checks the system's libraries. To name functions it needs a module that stays
# loaded; without slabs, each object is an allocation of its own.
valgrind: | deps
	@$(MAKE) --no-print-directory test DEPS= BUILD=build-valgrind HARDEN= LDFLAGS=$(STAYS) \
	    CFLAGS="-O1 -g -DSSE_NO_SLABS" \
	    TEST_ENV='SSE_TEST_PATIENCE=20 valgrind --quiet --leak-check=full --error-exitcode=9 \
	        --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect \
	        --num-callers=30'

# The interface as the modules have it: functions, classes, options.
api: $(CORE) $(SQLITE) $(REDIS)
	@$(LUA) scripts/api.lua $(BUILD)

LINTS := lint-layers lint-sizes lint-lua lint-api lint-release lint-warnings lint-cppcheck lint-format lint-sh
lint: $(LINTS)
lint-layers: $(OBJECTS) $(SQLITE_OBJECTS) $(REDIS_OBJECTS) $(LOAD_OBJECTS) $(ATTACK_OBJECTS) | deps
	@$(LUA) scripts/lint/layers.lua . $(BUILD)
lint-sizes: | deps
	@$(LUA) scripts/lint/sizes.lua
lint-lua: | deps
	@luacheck --quiet --no-color --codes .
lint-api: $(CORE) $(SQLITE) $(REDIS)
	@$(LUA) scripts/api.lua --check $(BUILD)
lint-release: | deps
	@$(LUA) scripts/release.lua
lint-warnings: | deps
	@$(MAKE) --no-print-directory --silent DEPS= BUILD=build-lint \
	    CFLAGS="-O2 -Werror -Wformat=2 -Wundef -Wwrite-strings" all >/dev/null
	@echo "warnings: none"
	@scripts/check_hardening.sh build-lint/sse/core.so
lint-cppcheck: | deps
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --suppressions-list=scripts/cppcheck.supp \
	    --error-exitcode=1 csrc
	@echo "cppcheck: nothing to complain about"
lint-format: | deps
	@bad=; for file in $(wildcard csrc/*/*.[ch]); do \
	    clang-format $$file | cmp -s - $$file && continue; \
	    bad=yes; echo "$$file: not as \`make format\` lays it out" >&2; \
	done; [ -z "$$bad" ]
	@echo "clang-format: nothing to complain about"
lint-sh: | deps
	@shellcheck scripts/*.sh .ci/run
	@echo "shellcheck: nothing to complain about"

# Static analysis along the paths through the code: clang-tidy, configured by .clang-tidy, and gcc's
# analyzer. A file is analyzed again when it or a header changes; -j2 runs two at a time.
GCC        ?= gcc
ANALYZED   := $(SOURCES:csrc/%.c=$(BUILD)/analyze/%.log) \
              $(SQLITE_SOURCES:csrc/%.c=$(BUILD)/analyze/%.log) \
              $(REDIS_SOURCES:csrc/%.c=$(BUILD)/analyze/%.log)
$(BUILD)/analyze/%.log: csrc/%.c $(wildcard csrc/*/*.h) .clang-tidy | deps
	@mkdir -p $(@D)
	$(call say,analyze)
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(CPPFLAGS) >$@.new 2>&1 || { cat $@.new >&2; exit 1; }
	$(Q)$(GCC) -std=gnu11 -O1 -fanalyzer -Werror $(CPPFLAGS) -c -o /dev/null $<
	$(Q)mv $@.new $@
analyze: $(ANALYZED)
	@echo "clang-tidy, gcc -fanalyzer: nothing to complain about"

format: | deps
	clang-format -i $(wildcard csrc/*/*.[ch])

# Installs the rock into a scratch tree, compares it with the module here, and requires it from
# another folder.
rock: $(CORE) $(SQLITE) $(REDIS)
	@LUA=$(LUA) scripts/check_rock.sh $(CORE) $(SQLITE) $(REDIS)

bench: $(CORE) $(BENCH_TARGETS)

interop: $(CORE) $(SQLITE) $(REDIS)
	@$(LUA_ENV) LUA=$(LUA) node interop/run.mjs $(PARTS)

fuzz: $(FUZZ_TARGETS)

# What is made from docs/reference: its table of contents, types/sse.lua, and LDoc's pages.
doc: | deps
	@$(LUA) scripts/api.lua --write
	rm -rf doc
	ldoc -q .

install: $(CORE)
	install -d $(LUA_FOLDERS:%='$(DESTDIR)$(LUADIR)/%') '$(DESTDIR)$(LIBDIR)/sse'
	$(foreach folder,$(LUA_FOLDERS),\
	    install -m 644 $(filter-out $(OTHER_ROCKS),$(wildcard lua/$(folder)/*.lua)) \
	        '$(DESTDIR)$(LUADIR)/$(folder)' &&) true
	install -m 755 $(CORE) '$(DESTDIR)$(LIBDIR)/sse'
	$(if $(TYPESDIR),install -d '$(DESTDIR)$(TYPESDIR)' && \
	    install -m 644 types/sse.lua '$(DESTDIR)$(TYPESDIR)')

# Removes what `make install` with the same paths has put there, and no other file. A folder that
# has other files, or is not there, stays as it is.
uninstall:
	$(foreach folder,$(LUA_FOLDERS),\
	    rm -f $(patsubst lua/%,'$(DESTDIR)$(LUADIR)/%',$(filter-out $(OTHER_ROCKS),\
	        $(wildcard lua/$(folder)/*.lua))) &&) true
	rm -f '$(DESTDIR)$(LIBDIR)/sse/core.so' $(if $(TYPESDIR),'$(DESTDIR)$(TYPESDIR)/sse.lua')
	@for folder in $(filter-out sse,$(LUA_FOLDERS)) sse; do \
	    rmdir '$(DESTDIR)$(LUADIR)'/$$folder; \
	done 2>/dev/null; \
	rmdir '$(DESTDIR)$(LIBDIR)/sse' $(if $(TYPESDIR),'$(DESTDIR)$(TYPESDIR)' \
	    '$(DESTDIR)$(PREFIX)/share/lua-sse') 2>/dev/null; true

# Makes the rockspec of the version in lua/sse/version.lua, and checks all that names the version.
release: | deps
	@$(LUA) scripts/release.lua --write

# The rock lua-sse-sqlite, beside an installed lua-sse.
install-sqlite: $(SQLITE)
	install -d '$(DESTDIR)$(LUADIR)/sse/sqlite' '$(DESTDIR)$(LIBDIR)/sse/sqlite'
	install -m 644 lua/sse/sqlite.lua '$(DESTDIR)$(LUADIR)/sse'
	install -m 644 $(wildcard lua/sse/sqlite/*.lua) '$(DESTDIR)$(LUADIR)/sse/sqlite'
	install -m 755 $(SQLITE) '$(DESTDIR)$(LIBDIR)/sse/sqlite'

uninstall-sqlite:
	rm -f '$(DESTDIR)$(LUADIR)/sse/sqlite.lua' '$(DESTDIR)$(LIBDIR)/sse/sqlite/core.so' \
	    $(patsubst lua/%,'$(DESTDIR)$(LUADIR)/%',$(wildcard lua/sse/sqlite/*.lua))
	@for folder in '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(LUADIR)'; do \
	    rmdir "$$folder/sse/sqlite" "$$folder/sse"; \
	done 2>/dev/null; true

# The rock lua-sse-redis, in the same way.
install-redis: $(REDIS)
	install -d '$(DESTDIR)$(LUADIR)/sse/redis' '$(DESTDIR)$(LIBDIR)/sse/redis'
	install -m 644 lua/sse/redis.lua '$(DESTDIR)$(LUADIR)/sse'
	install -m 644 $(wildcard lua/sse/redis/*.lua) '$(DESTDIR)$(LUADIR)/sse/redis'
	install -m 755 $(REDIS) '$(DESTDIR)$(LIBDIR)/sse/redis'

uninstall-redis:
	rm -f '$(DESTDIR)$(LUADIR)/sse/redis.lua' '$(DESTDIR)$(LIBDIR)/sse/redis/core.so' \
	    $(patsubst lua/%,'$(DESTDIR)$(LUADIR)/%',$(wildcard lua/sse/redis/*.lua))
	@for folder in '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(LUADIR)'; do \
	    rmdir $$folder/sse/redis $$folder/sse; \
	done 2>/dev/null; true

clean:
	rm -rf build build-* doc

.PHONY: all core sqlite install-sqlite uninstall-sqlite redis install-redis uninstall-redis deps demo \
        demo-workers demo-cluster env test model stress asan \
        valgrind api lint $(LINTS) analyze format rock bench interop fuzz doc install uninstall \
        release clean
