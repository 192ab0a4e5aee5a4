# bench.mk - the instrument of docs/PERFORMANCE.md: what Minos costs, beside other ways to start a program (root needed).
#
# BENCH_SUITE=launch,steady,... chooses; BENCH_SECONDS is the time for all of them; BENCH_ROWS (100000
# to 10000000) the largest table of `backlog`; BENCH_JSON is where the figures go.

BENCH_SUITE   ?= all
BENCH_SECONDS ?= 400
BENCH_ROWS    ?= 1000000
BENCH_JSON    ?= $(BUILD)/bench.json

bench_src := $(filter-out tests/bench/store%,$(wildcard tests/bench/*.c)) # a program of its own: store.mk
extra_src += $(bench_src)

bench: all $(addprefix $(BUILD)/bench/,minos-bench store true tiny spin) ## measure, 7 to 9 minutes: BENCH_SUITE= BENCH_SECONDS= BENCH_ROWS= BENCH_JSON=
	$(BUILD)/bench/minos-bench --programs $(abspath $(BUILD)) --extras $(abspath $(BUILD))/bench --languages $(abspath deploy/languages) \
	    --suite $(BENCH_SUITE) --seconds $(BENCH_SECONDS) --rows $(BENCH_ROWS) --json $(abspath $(BENCH_JSON))
.PHONY: bench

$(BUILD)/bench/minos-bench: $(call obj,$(base_src) $(client_src) sandbox/box_run.c $(bench_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,libcurl jansson libseccomp yaml-0.1) -lm -lpthread

# Static, as judges often are given them; the second without any library, so that only the launch is left.
$(BUILD)/bench/true: tests/bench/programs/true.c
	@mkdir -p $(@D)
	$(CC) -O2 -static -o $@ $<
$(BUILD)/bench/spin: tests/bench/programs/spin.c
	@mkdir -p $(@D)
	$(CC) -O2 -static -o $@ $<
$(BUILD)/bench/tiny: tests/bench/programs/tiny.c
	@mkdir -p $(@D)
	$(CC) -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fcf-protection=none -o $@ $<
