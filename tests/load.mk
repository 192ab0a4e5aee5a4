# load.mk - the service under load (root needed): ten thousand connections, a hundred thousand submissions.
check-load: all ## tests/load: slow, silent, greedy and vanishing callers; about 5 minutes, LOAD=--short takes one
	@BUILD=$(abspath $(BUILD)) tests/load/run $(LOAD)
check-load-quick: all ## a minute of check-load, for CI
	@BUILD=$(abspath $(BUILD)) tests/load/run --short
.PHONY: check-load check-load-quick
