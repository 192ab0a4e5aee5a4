# Makefile - builds Minos: five programs, their tests, and everything `make help` lists.
#
# MODE=release|debug|asan|tsan|cov chooses a build; each has its own build/MODE. BUILD overrides the folder.
# WERROR=1 turns warnings into errors (CI does; packagers need not).

MODE    ?= release
BUILD   ?= build/$(MODE)
# One name for one folder: objects made under another are not rebuilt when a header of theirs changes.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
VERSION := $(shell cat deploy/VERSION)

PKGS    := libmicrohttpd libseccomp jansson sqlite3 yaml-0.1 libcurl check
pkg      = $(shell pkg-config --libs $(1))
pkgcheck = pkg-config --cflags --libs

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wswitch -Wimplicit-fallthrough -Wnull-dereference
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack

CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN)
CFLAGS_debug   := -O0 -g3 $(HARDEN)
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -fPIE
CFLAGS_tsan    := -O1 -g -fsanitize=thread -fPIE
CFLAGS_cov     := -O0 -g --coverage -fPIE

CPPFLAGS += -D_GNU_SOURCE -I. -DMINOS_VERSION='"$(VERSION)"' -DMINOS_PREFIX='"$(PREFIX)"'
CPPFLAGS += $(if $(filter asan tsan cov,$(MODE)),-DMINOS_UNGUARDED)
CPPFLAGS += $(if $(LAYERS),-DMINOS_TEST_LAYERS)
CFLAGS   += -std=gnu17 $(WARN) $(if $(WERROR),-Werror) $(CFLAGS_$(MODE))
LDFLAGS  += $(if $(filter release debug,$(MODE)),$(LDHARDEN),-pie) $(filter -fsanitize% --coverage,$(CFLAGS_$(MODE)))

# --- what each program is made of: the link line is the boundary -------------------------------------------------
base_src   := $(wildcard sandbox/base/*.c)
client_src := sandbox/box.c sandbox/box_run.c sandbox/wire.c
box_src    := $(wildcard sandbox/*.c)
schema_src := $(wildcard schema/*.c)
worker_src := $(wildcard worker/*.c)
server_src := $(wildcard server/*.c)
cli_src    := $(wildcard server/cli/*.c)
courier_src := $(wildcard server/courier/*.c) $(addprefix server/,base64.c encode.c fields.c jsonw.c target.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

box_libs    := libseccomp yaml-0.1
worker_libs := libseccomp sqlite3 jansson yaml-0.1
server_libs := libseccomp libmicrohttpd jansson sqlite3 yaml-0.1
cli_libs    := libseccomp jansson libcurl yaml-0.1
courier_libs := libseccomp sqlite3 libcurl yaml-0.1

PROGRAMS := minos minos-server minos-worker minos-box minos-courier

all: $(addprefix $(BUILD)/,$(PROGRAMS)) ## build the five programs into build/MODE
.PHONY: all $(PROGRAMS)
$(PROGRAMS): %: $(BUILD)/%

# Static, for it forks twice a cell, and the kernel copies a small address space sooner: 0.1 ms of 2.3 less.
box_ldflags = $(if $(filter release debug,$(MODE)),$(filter-out -pie,$(LDFLAGS)) -static-pie,$(LDFLAGS))
$(BUILD)/minos-box: $(call obj,$(base_src) $(box_src))
	$(CC) $(box_ldflags) -o $@ $^ $(shell pkg-config --static --libs $(box_libs))
$(BUILD)/minos-worker: $(call obj,$(base_src) $(client_src) $(schema_src) $(worker_src))
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(worker_libs)) -lnettle
$(BUILD)/minos-server: $(call obj,$(base_src) $(schema_src) $(server_src))
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(server_libs)) -lnettle -lpthread
$(BUILD)/minos-courier: $(call obj,$(base_src) $(schema_src) $(courier_src))
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(courier_libs)) -lnettle
$(BUILD)/minos: $(call obj,$(base_src) $(cli_src))
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(cli_libs))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

LISTEN ?= 127.0.0.1:8080
DATA   ?= $(BUILD)/data
run: all ## start the service in the foreground, until Ctrl-C: LISTEN= DATA=
	$(BUILD)/minos up --listen $(LISTEN) --data $(DATA)
.PHONY: run

# --- unit tests: one program a file, tests/unit/FOLDER/test_NAME.c -----------------------------------------------
# The runtime of tsan adds a thread to every process, which cells count, so the tests of cells are not for it.
unit_dirs := $(if $(filter tsan,$(MODE)),base schema server cli,*)
unit_src := $(wildcard $(unit_dirs:%=tests/unit/%/test_*.c))
unit_bin := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(unit_src))
no_main   = $(filter-out %/main.o,$(1))
unit_objs_base    := $(call obj,$(base_src))
unit_objs_sandbox := $(call no_main,$(call obj,$(base_src) $(box_src)))
unit_objs_schema  := $(call obj,$(base_src) $(schema_src))
unit_objs_worker  := $(call no_main,$(call obj,$(base_src) $(client_src) $(schema_src) $(worker_src)))
unit_objs_server  := $(call no_main,$(call obj,$(base_src) $(schema_src) $(server_src)))
unit_objs_courier := $(call no_main,$(call obj,$(base_src) $(schema_src) $(courier_src)))
unit_objs_cli     := $(call no_main,$(call obj,$(base_src) $(cli_src)))

define unit_rule
$(BUILD)/unit/$(1)/%: $(BUILD)/obj/tests/unit/$(1)/%.o $$(unit_objs_$(1))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(call pkg,check $(2)) -lnettle -lpthread
endef
$(eval $(call unit_rule,base,libseccomp yaml-0.1))
$(eval $(call unit_rule,sandbox,$(box_libs)))
$(eval $(call unit_rule,schema,libseccomp sqlite3 yaml-0.1))
$(eval $(call unit_rule,worker,$(worker_libs)))
$(eval $(call unit_rule,server,$(server_libs)))
$(eval $(call unit_rule,cli,$(cli_libs)))
$(eval $(call unit_rule,courier,$(courier_libs)))

unit: $(unit_bin)
check: all unit ## unit tests: no privilege needed, under 30 s
	@tests/run-unit $(unit_bin) $(replay_bin)
.PHONY: unit check

include $(wildcard tests/*.mk deploy/*.mk)

help: ## this list
	@grep -hE '^[a-z_.%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
clean: ## remove the build folder
	rm -rf build
.PHONY: help clean

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:
.DEFAULT_GOAL := all
