# box.mk - the tests that start real keepers (root needed).

box_test_bin  := $(patsubst tests/box/%.c,$(BUILD)/box/%,$(wildcard tests/box/test_*.c))
box_test_objs := $(call obj,$(base_src) $(client_src) tests/box/kit.c tests/box/raw.c)

$(box_test_bin): $(BUILD)/box/%: $(BUILD)/obj/tests/box/%.o $(box_test_objs)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,check yaml-0.1 libseccomp)

# What the tests run in cells: static and plain in every MODE, for a cell has neither our libraries nor room for
# a sanitizer.
$(BUILD)/box/inside: tests/box/inside.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -O1 -static -o $@ $<

box-tests: $(box_test_bin) $(BUILD)/box/inside $(BUILD)/minos-box
check-box: box-tests ## real cells: limits, files, joins, isolation, leftovers (needs root)
	@if [ "$$(id -u)" = 0 ] || [ "$$MINOS_MUST_WORK" = 1 ]; then tests/run-unit $(box_test_bin); \
	else echo "check-box: skipped, cells need root"; fi
.PHONY: box-tests check-box
