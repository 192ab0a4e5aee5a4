# vm.mk - tests in virtual machines with Debian's own kernels and pure cgroup v2.

vm_tests = $(BUILD)/unit/sandbox/test_cgroup $(BUILD)/unit/sandbox/test_filter

check-vm-quick: all box-tests $(vm_tests) ## under 4 minutes: cells on cgroup v2 as root and as an ordinary user, and systemd
	@BUILD=$(abspath $(BUILD)) tests/vm/run quick
check-vm: all box-tests $(vm_tests) ## the same whole, and on more kernels (half an hour when emulated)
	@BUILD=$(abspath $(BUILD)) tests/vm/run whole
.PHONY: check-vm check-vm-quick
