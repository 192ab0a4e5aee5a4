# bench.mk - the instrument of docs/PERFORMANCE.md: what Minos costs, beside other ways to start a program (root needed).
#
# BENCH_SUITE=launch,steady,service chooses; BENCH_SECONDS is the time for all of them; BENCH_JSON is where the figures go.

BENCH_SUITE   ?= launch,steady,service
BENCH_SECONDS ?= 180
BENCH_JSON    ?= $(BUILD)/bench.json

bench_src := $(filter-out tests/bench/store.c,$(wildcard tests/bench/*.c)) # store.c is a program of its own: store.mk
extra_src += $(bench_src)

bench: all $(addprefix $(BUILD)/bench/,minos-bench true tiny) ## measure, 3 to 4 minutes: BENCH_SUITE= BENCH_SECONDS= BENCH_JSON=
	$(BUILD)/bench/minos-bench --programs $(BUILD) --extras $(BUILD)/bench --languages deploy/languages \
	    --suite $(BENCH_SUITE) --seconds $(BENCH_SECONDS) --json $(BENCH_JSON)
.PHONY: bench

$(BUILD)/bench/minos-bench: $(call obj,$(base_src) $(client_src) sandbox/box_run.c $(bench_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,libcurl jansson yaml-0.1) -lm -lpthread

# Static, as judges often are given them; the second without any library, so that only the launch is left.
$(BUILD)/bench/true: tests/bench/programs/true.c
	@mkdir -p $(@D)
	$(CC) -O2 -static -o $@ $<
$(BUILD)/bench/tiny: tests/bench/programs/tiny.c
	@mkdir -p $(@D)
	$(CC) -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fcf-protection=none -o $@ $<
