# man.mk - the manual: docs/man/PAGE is made from docs/man/PAGE.in and what the programs say about themselves.

man_made := $(patsubst %.in,%,$(wildcard docs/man/*.in))

man: all ## write the manual pages anew from docs/man/*.in and the programs' own help
	@for page in $(man_made); do docs/man/generate $$page.in $(BUILD) >$$page.new && mv $$page.new $$page; done
check-man: all ## whether the manual pages in docs/man are those `make man` writes
	@for page in $(man_made); do docs/man/generate $$page.in $(BUILD) | cmp -s - $$page || \
	    { echo "$$page is out of date: make man"; exit 1; }; done
.PHONY: man check-man
