# hostile.mk - the hostile programs in other builds: with a layer missing, and with sanitizers (root needed).

LAYERS_BUILD ?= $(BUILD)/layers

check-layers: all ## switch the cell's layers off one at a time: three hostile programs must notice each
	@$(MAKE) --no-print-directory LAYERS=1 BUILD=$(LAYERS_BUILD) $(LAYERS_BUILD)/minos-box >/dev/null
	@BUILD=$(abspath $(BUILD)) LAYERS_BUILD=$(abspath $(LAYERS_BUILD)) tests/hostile/run --layers
.PHONY: check-layers

ASAN_BUILD ?= build/asan

check-hostile-asan: ## the hostile programs against a build with address and undefined behaviour sanitizers (root needed)
	@$(MAKE) --no-print-directory MODE=asan BUILD=$(ASAN_BUILD) all >/dev/null
	@BUILD=$(abspath $(ASAN_BUILD)) tests/hostile/run
.PHONY: check-hostile-asan
