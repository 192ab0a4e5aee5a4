# man.mk - the manual pages: made from docs/man/PAGE.in and what the programs say about themselves.

man_made := $(patsubst docs/man/%.in,$(BUILD)/man/%,$(wildcard docs/man/*.in))

man: $(man_made) ## write the manual pages into build/MODE/man
$(BUILD)/man/%: docs/man/%.in docs/man/generate $(addprefix $(BUILD)/,$(PROGRAMS))
	@mkdir -p $(@D)
	docs/man/generate $< $(BUILD) >$@.new
	@mv $@.new $@
.PHONY: man
