# fuzz.mk - fuzzers: tests/fuzz/fuzz_NAME.c, any bytes as input.
#
# A fuzzer is linked with the base and what fuzz_with_NAME says, and begins with the files of tests/fuzz/seeds/NAME and
# tests/fuzz/crashes/NAME. The same file is built three times: for libFuzzer, for AFL++ (FUZZ_ENGINE=afl), and as a
# program of the unit tests that gives it each of those files (replay.c), which needs neither.

FUZZ_SECONDS   ?= 60
FUZZ_ENGINE    ?= libfuzzer
fuzz_server    := $(schema_src) $(filter-out server/main.c,$(server_src))
fuzz_worker    := $(schema_src) $(client_src) $(filter-out worker/main.c,$(worker_src))
fuzz_with_wire := sandbox/wire.c
fuzz_with_collect := sandbox/keeper_collect.c sandbox/keeper_furnish.c sandbox/wire.c
fuzz_with_outcome := sandbox/keeper_outcome.c sandbox/wire.c worker/decide.c schema/verdict.c
fuzz_with_target := server/target.c
fuzz_with_compare := worker/compare.c worker/number.c
fuzz_with_text := $(fuzz_server)
fuzz_with_body := $(fuzz_server)
fuzz_with_request := $(schema_src) tests/fuzz/fake.c tests/fuzz/scene.c $(filter-out $(addprefix server/,main.c \
                     serve.c maintain.c writer.c hub.c offload.c readers.c slow.c first_key.c reload.c),$(server_src))
fuzz_with_language := $(fuzz_worker)
fuzz_with_manifest := $(schema_src)
fuzz_with_reply := $(schema_src) $(filter-out server/courier/main.c,$(courier_src))
fuzz_libs_target := libseccomp yaml-0.1 libcurl
fuzz_libs_text := $(server_libs)
fuzz_libs_body := $(server_libs)
fuzz_libs_request := $(filter-out libmicrohttpd,$(server_libs))
fuzz_libs_language := $(worker_libs)
fuzz_libs_manifest := libseccomp sqlite3 yaml-0.1
fuzz_libs_reply := $(courier_libs)
fuzz_names     := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_src        = $(base_src) $(fuzz_with_$(1))
fuzz_link       = $(call pkg,$(or $(fuzz_libs_$(1)),libseccomp yaml-0.1)) -lnettle -lm -lpthread

# --- with an engine ------------------------------------------------------------------------------------------------
fuzz_cc_libfuzzer := clang
fuzz_cc_afl       := afl-clang-fast
fuzz_compile   := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
fuzz_dir       := $(BUILD)/fuzz/$(FUZZ_ENGINE)
fuzz_cc        := $(fuzz_cc_$(FUZZ_ENGINE))
fuzz_obj        = $(patsubst %.c,$(fuzz_dir)/obj/%.o,$(1))

$(fuzz_dir)/obj/%.o: %.c | fuzz-tools
	@mkdir -p $(@D)
	$(fuzz_cc) $(CPPFLAGS) -DMINOS_UNGUARDED -std=gnu17 $(fuzz_compile) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(fuzz_dir)/obj/server/openapi.o: server/openapi.json
define fuzz_rules
$(fuzz_dir)/$(1): $(call fuzz_obj,tests/fuzz/fuzz_$(1).c $(call fuzz_src,$(1)))
	$(fuzz_cc) $(fuzz_compile) -fsanitize=fuzzer -o $$@ $$^ $$(call fuzz_link,$(1))
fuzz-$(1): $(fuzz_dir)/$(1) $(BUILD)/fuzz/words
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_ENGINE) $(BUILD)/fuzz $(1)
.PHONY: fuzz-$(1)
endef
$(foreach n,$(fuzz_names),$(eval $(call fuzz_rules,$(n))))
fuzz: $(fuzz_names:%=$(fuzz_dir)/%) $(BUILD)/fuzz/words ## each fuzzer for FUZZ_SECONDS (60), with counts; FUZZ_ENGINE=libfuzzer or afl
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_ENGINE) $(BUILD)/fuzz $(fuzz_names)
fuzz-tools:
	@tests/fuzz/tools $(FUZZ_ENGINE)
fuzz-seeds: $(fuzz_names:%=$(fuzz_dir)/%) ## add to the kept seeds what the corpora reach beyond them
	@tests/fuzz/run --merge $(FUZZ_ENGINE) $(BUILD)/fuzz $(fuzz_names)
$(BUILD)/fuzz/words: tests/fuzz/words server/openapi.json $(wildcard sandbox/base/*.def server/*.def worker/*.def schema/*.def)
	@mkdir -p $(@D)
	@tests/fuzz/words $@
.PHONY: fuzz fuzz-tools fuzz-seeds

# --- as a unit test -------------------------------------------------------------------------------------------------
replay_bin := $(if $(filter tsan,$(MODE)),,$(fuzz_names:%=$(BUILD)/replay/%))
define replay_rule
$(BUILD)/replay/$(1): $(call obj,tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c $(call fuzz_src,$(1)))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(call fuzz_link,$(1))
endef
$(foreach n,$(fuzz_names),$(eval $(call replay_rule,$(n))))
unit: $(replay_bin)

-include $(shell find $(fuzz_dir)/obj -name '*.d' 2>/dev/null)

# --- the whole API, by what its document says ------------------------------------------------------------------------
FUZZ_REQUESTS ?= 1000000
FUZZ_SEED     ?= 1
FUZZ_BUILD    ?= build/asan
fuzz-api: ## a million requests made from the OpenAPI document, to a build with sanitizers (root needed); FUZZ_REQUESTS, FUZZ_SEED
	@$(MAKE) --no-print-directory MODE=asan BUILD=$(FUZZ_BUILD) all >/dev/null
	@BUILD=$(abspath $(FUZZ_BUILD)) tests/fuzz/api/run --requests $(FUZZ_REQUESTS) --seed $(FUZZ_SEED)
check-api-fuzz: all ## some thousand of them, to a server with sanitizers, for CI (root needed)
	@$(MAKE) --no-print-directory MODE=asan BUILD=$(FUZZ_BUILD) $(FUZZ_BUILD)/minos-server >/dev/null
	@mkdir -p $(BUILD)/api-fuzz
	@install -m 0755 $(addprefix $(BUILD)/,$(filter-out minos-server,$(PROGRAMS))) $(FUZZ_BUILD)/minos-server $(BUILD)/api-fuzz
	@BUILD=$(abspath $(BUILD)/api-fuzz) tests/fuzz/api/run --requests 12000 --seed $(FUZZ_SEED)
.PHONY: fuzz-api check-api-fuzz
