# hostile.mk - the proof that the hostile programs see a missing layer (root needed).

LAYERS_BUILD ?= $(BUILD)/layers

check-layers: all ## switch the cell's layers off one at a time: three hostile programs must notice each
	@$(MAKE) --no-print-directory LAYERS=1 BUILD=$(LAYERS_BUILD) $(LAYERS_BUILD)/minos-box >/dev/null
	@BUILD=$(abspath $(BUILD)) LAYERS_BUILD=$(abspath $(LAYERS_BUILD)) tests/hostile/run --layers
.PHONY: check-layers
