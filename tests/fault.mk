# fault.mk - the service under faults: its programs once more, with calls that can be made to fail.

fault_dir  := $(BUILD)/fault
fault_shim := $(BUILD)/obj/tests/fault/shim.o
fault_programs := $(addprefix $(fault_dir)/,$(PROGRAMS))

$(fault_shim): tests/fault/shim.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu17 -O2 $(WARN) -Wno-nonnull $(if $(WERROR),-Werror) -fPIE -MMD -MP -c -o $@ $<
$(fault_dir)/minos-box: $(fault_shim) $(call obj,$(base_src) $(box_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(box_libs))
$(fault_dir)/minos-worker: $(fault_shim) $(call obj,$(base_src) $(client_src) $(schema_src) $(worker_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(worker_libs)) -lnettle
$(fault_dir)/minos-server: $(fault_shim) $(call obj,$(base_src) $(schema_src) $(server_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(server_libs)) -lnettle -lpthread
$(fault_dir)/minos-courier: $(fault_shim) $(call obj,$(base_src) $(schema_src) $(courier_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(courier_libs)) -lnettle
$(fault_dir)/minos: $(fault_shim) $(call obj,$(base_src) $(cli_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(cli_libs))

# In CI: one of each kind.
fault_quick := artifact page "newer Minos" "syncs of the log" "full disk" "turned read-only" "A day back" "A slot without"

check-fault: all $(fault_programs) ## tests/fault: disks that fill up, fail or lie, no memory, no descriptors, clocks that jump (2 min)
	@BUILD=$(abspath $(BUILD)) tests/run-python tests/fault
check-fault-quick: all $(fault_programs) ## half a minute of check-fault, for CI
	@BUILD=$(abspath $(BUILD)) tests/run-python tests/fault $(fault_quick)
.PHONY: check-fault check-fault-quick
