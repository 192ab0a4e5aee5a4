# power.mk - power cuts, in a virtual machine.

POWER_CUTS ?= 10
check-power: vm-parts ## tests/power: the machine loses its power, and its disk what was not flushed (POWER_CUTS=10)
	@BUILD=$(abspath $(BUILD)) tests/power/run $(POWER_CUTS)
.PHONY: check-power
