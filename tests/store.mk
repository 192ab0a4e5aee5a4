# store.mk - the store under many rows.
$(BUILD)/bench/store: $(BUILD)/obj/tests/bench/store.o $(call obj,$(base_src) $(schema_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,sqlite3 yaml-0.1) -lcrypto

bench-store: $(BUILD)/bench/store ## accept, claim and finish rates with 0, 10^5 and 10^6 rows
	@dir=$$(mktemp -d) && for state in waiting done; do \
	    $(BUILD)/bench/store "$$dir/$$state" $$state 0 100000 1000000; done; rm -rf "$$dir"
.PHONY: bench-store
