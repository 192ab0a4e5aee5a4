# store.mk - the store under many rows: a program of its own, since the bench itself links no database.
$(BUILD)/bench/store: $(call obj,tests/bench/store.c tests/bench/store_fill.c $(base_src) $(schema_src))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg,sqlite3 libseccomp yaml-0.1) -lnettle

bench-store: $(BUILD)/bench/store ## accept, claim and finish rates with 10^5 and 10^6 rows beside none
	@dir=$$(mktemp -d) && for state in waiting done; do mkdir "$$dir/$$state"; \
	    $(BUILD)/bench/store "$$dir/$$state" $$state 100000 1000000; done; rm -rf "$$dir"
.PHONY: bench-store
