# crash.mk - kill -9 under load.

CRASH_SECONDS ?= 600
crash_programs := $(addprefix $(BUILD)/fault/,$(PROGRAMS))
check-crash: all $(crash_programs) ## tests/crash: kill -9 under load for CRASH_SECONDS (600; 3600 is the full run)
	@BUILD=$(abspath $(BUILD)) CRASH_SECONDS=$(CRASH_SECONDS) tests/run-python tests/crash
check-crash-quick: all $(crash_programs) ## a minute of check-crash, for CI
	@BUILD=$(abspath $(BUILD)) CRASH_SECONDS=60 tests/run-python tests/crash
.PHONY: check-crash check-crash-quick
