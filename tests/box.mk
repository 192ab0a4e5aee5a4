# box.mk - the client library's second file, and the tests that start real keepers (root needed).

# Who links the client (client_src) needs both of its files.
$(BUILD)/minos-worker: $(call obj,sandbox/box_run.c)
$(filter $(BUILD)/unit/worker/%,$(unit_bin)): $(call obj,sandbox/box_run.c)
