# truth.mk - whether the numbers Minos reports are the program's: `make truth` measures, test_truth_* assert.
#
# TRUTH_RUNS is how often each question is asked; TRUTH_ONLY is a part of the questions' names.

TRUTH_RUNS ?= 300

truth_objs := $(box_test_objs) $(call obj,tests/truth/truth.c)
extra_src  += $(wildcard tests/truth/*.c)

$(BUILD)/box/known: tests/truth/known.c tests/truth/known_memory.c tests/truth/known.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -I. $(WARN) -O1 -static -o $@ $(filter %.c,$^) -lpthread
$(BUILD)/box/large: tests/truth/large.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARN) -O1 -static -o $@ $<
$(BUILD)/box/truth: $(truth_objs) $(call obj,tests/truth/measure.c)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,check yaml-0.1 libseccomp)

truth_test_bin := $(patsubst tests/truth/%.c,$(BUILD)/box/%,$(wildcard tests/truth/test_*.c))
$(truth_test_bin): $(BUILD)/box/%: $(BUILD)/obj/tests/truth/%.o $(truth_objs)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,check yaml-0.1 libseccomp)

box_test_bin += $(truth_test_bin)
box-tests: $(truth_test_bin) $(addprefix $(BUILD)/box/,known large truth)

truth: box-tests ## measure how near the reported numbers are to the truth, about 5 minutes: TRUTH_RUNS= TRUTH_ONLY=
	TRUTH_RUNS=$(TRUTH_RUNS) TRUTH_ONLY="$(TRUTH_ONLY)" $(BUILD)/box/truth
check-truth: box-tests ## the part of check-box that compares numbers with what programs used
	@tests/run-unit $(truth_test_bin)
.PHONY: truth check-truth
