# all.mk - what CI runs: every suite, one after the other, each ending with its counts.

SUITES ?= check model check-box check-api check-api-fuzz check-hostile check-vm-quick check-crash-quick check-fault-quick \
          check-load-quick lint

check-all: ## every test that CI runs: unit, box, api, hostile, lint; needs root
	@tests/run-suites $(SUITES)

check-api: all ## tests/api: the whole service over HTTP and by command
	@BUILD=$(abspath $(BUILD)) tests/run-python tests/api

check-hostile: all ## tests/hostile: programs that try to get out, through HTTP and through minos run
	@BUILD=$(abspath $(BUILD)) tests/hostile/run
.PHONY: check-all check-api check-hostile
