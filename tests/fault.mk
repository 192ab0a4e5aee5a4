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
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(worker_libs)) -lcrypto
$(fault_dir)/minos-server: $(fault_shim) $(call obj,$(base_src) $(schema_src) $(server_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(server_libs)) -lcrypto -lpthread
$(fault_dir)/minos: $(fault_shim) $(call obj,$(base_src) $(cli_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,$(cli_libs))
