# lua-sse: make demo, make test; the other targets are for those who work on it.
LUA        ?= lua5.4
BUILD      ?= build
CFLAGS     ?= -O2 -g
WARNINGS   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
PKGS       := lua5.4 libevent_core libcurl
CPPFLAGS   += $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDLIBS     += $(shell pkg-config --libs libevent_core libcurl 2>/dev/null) -lm
ifeq ($(shell uname -s),Darwin)
SHARED     := -bundle -undefined dynamic_lookup
else
SHARED     := -shared
endif

SOURCES    := $(wildcard csrc/wire/*.c csrc/net/*.c csrc/bind/*.c)
OBJECTS    := $(SOURCES:csrc/%.c=$(BUILD)/obj/%.o)
CORE       := $(BUILD)/sse/core.so

all: $(CORE)

$(CORE): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(LDFLAGS) -o $@ $(OBJECTS) $(LDLIBS)

$(BUILD)/obj/%.o: csrc/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -fPIC -fvisibility=hidden -MMD -MP $(CPPFLAGS) $(WARNINGS) $(CFLAGS) -c -o $@ $<

-include $(OBJECTS:.o=.d)

include spec/support/Makefile.inc

clean:
	rm -rf build build-*

.PHONY: all clean
