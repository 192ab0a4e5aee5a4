# vm.mk - tests in virtual machines with Debian's own kernels and pure cgroup v2.

vm_unit := $(addprefix $(BUILD)/unit/sandbox/,test_cgroup test_filter)

# All that a guest needs is made here: it only runs.
vm-parts: all box-tests $(vm_unit)
	@rm -rf $(BUILD)/vm
	@$(MAKE) --no-print-directory DESTDIR=$(BUILD)/vm/installed install >/dev/null
	@BUILD=$(abspath $(BUILD)) tests/hostile/run --build
check-vm-quick: vm-parts ## some 3 minutes: cells on cgroup v2 as root and as an ordinary user
	@BUILD=$(abspath $(BUILD)) tests/vm/run quick
check-vm: vm-parts ## the same whole, and on more kernels (some two hours when emulated)
	@BUILD=$(abspath $(BUILD)) tests/vm/run whole
.PHONY: vm-parts check-vm check-vm-quick
