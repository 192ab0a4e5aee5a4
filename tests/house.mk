# house.mk - the house: lints, format, coverage, compile_commands.json, install.

all_src := $(sort $(base_src) $(client_src) $(box_src) $(schema_src) $(worker_src) $(server_src) $(cli_src) $(courier_src) \
           $(unit_src) $(extra_src))
ch_files = $(shell . tests/lint/files.sh && ch_files)

# --- lints: programs in tests/lint, one line each -----------------------------------------------------------------
export CC BUILD

lint: all unit ## every lint of tests/lint: a line each, then the counts
	@LINT_CPPFLAGS='$(CPPFLAGS)' MAKE='$(MAKE)' tests/lint/run
lint-%: ## one lint by name, such as lint-sizes
	@LINT_CPPFLAGS='$(CPPFLAGS)' MAKE='$(MAKE)' tests/lint/run $*
format: ## let clang-format rewrite every C file
	clang-format -i $(ch_files)
format-check: lint-format ## say which C files clang-format would change
.PHONY: lint format format-check

# A file is looked at again when its object is newer: that is when it or a header of its has changed.
tidy_ok := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(all_src))
tidy: $(tidy_ok)
$(BUILD)/tidy/%.ok: %.c .clang-tidy $(BUILD)/obj/%.o
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(CPPFLAGS) -std=gnu17 -Wall -Wextra 2>/dev/null
	@touch $@
.PHONY: tidy

# --- compile_commands.json: written by make itself, no shell in between -------------------------------------------
comma   := ,
quoted   = "$(subst ",\",$(subst \,\\,$(1)))"
command  = $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $(call obj,$(1)) $(1)
entry    = {"directory": $(call quoted,$(CURDIR)), "file": $(call quoted,$(1)), "command": $(call quoted,$(command))}
compile_commands.json: $(MAKEFILE_LIST) ## for editors and clang tools
	$(file >$@,[)
	$(foreach s,$(all_src),$(file >>$@,$(call entry,$(s))$(if $(filter-out $(lastword $(all_src)),$(s)),$(comma))))
	$(file >>$@,])
	@echo wrote $@
.PHONY: compile_commands.json

# --- coverage ------------------------------------------------------------------------------------------------------
COVER ?= check
coverage: ## lines covered by `make check`, by file, in a build of its own (COVER=check-all: by every test)
	$(MAKE) MODE=cov BUILD=build/cov $(COVER); status=$$?; tests/coverage build/cov; exit $$status
.PHONY: coverage

# --- install -------------------------------------------------------------------------------------------------------
# `minos` finds the other programs beside itself or in PREFIX/libexec/minos, the worker its languages in
# PREFIX/share/minos/languages; PREFIX is built in, so it must be the same for `make` and `make install`.
bindir       = $(DESTDIR)$(PREFIX)/bin
libexecdir   = $(DESTDIR)$(PREFIX)/libexec/minos
sharedir     = $(DESTDIR)$(PREFIX)/share/minos
docdir       = $(DESTDIR)$(PREFIX)/share/doc/minos
mandir       = $(DESTDIR)$(PREFIX)/share/man
libdir       = $(DESTDIR)$(PREFIX)/lib
languages    = $(wildcard deploy/languages/*.yaml)
system_units = $(notdir $(wildcard deploy/systemd/*.service deploy/systemd/*.socket deploy/systemd/*.slice \
               deploy/systemd/*.target))
man_pages    = $(notdir $(patsubst %.in,%,$(wildcard docs/man/*.in)))
man_path     = $(mandir)/man$(subst .,,$(suffix $(1)))/$(1)
system_files = $(addprefix $(libdir)/systemd/system/,$(system_units)) $(libdir)/sysusers.d/minos.conf \
               $(libdir)/tmpfiles.d/minos.conf

install: all ## copy programs, languages, manual and units below DESTDIR and PREFIX
	install -d $(bindir) $(libexecdir) $(sharedir)/languages $(docdir)
	install -m 0755 $(BUILD)/minos $(bindir)/minos
	install -m 0755 $(addprefix $(BUILD)/,$(filter-out minos,$(PROGRAMS))) $(libexecdir)/
	install -m 0644 $(languages) $(sharedir)/languages/
	install -d $(sort $(dir $(foreach m,$(man_pages),$(call man_path,$(m)))) $(dir $(system_files)))
	set -e; $(foreach m,$(man_pages),docs/man/generate docs/man/$(m).in $(BUILD) >$(call man_path,$(m));)
	set -e; $(foreach u,$(system_units),sed 's|/usr/local/|$(PREFIX)/|g' deploy/systemd/$(u) >$(libdir)/systemd/system/$(u);)
	install -m 0644 deploy/systemd/minos.sysusers.conf $(libdir)/sysusers.d/minos.conf
	install -m 0644 deploy/systemd/minos.tmpfiles.conf $(libdir)/tmpfiles.d/minos.conf
	install -m 0644 $(wildcard README.md CHANGELOG.md LICENSE) $(docdir)/
	$(BUILD)/minos config >$(docdir)/minos.yaml.example

uninstall: ## remove what install copied; configuration and data stay
	rm -f $(bindir)/minos $(system_files) $(foreach m,$(man_pages),$(call man_path,$(m)))
	rm -rf $(libexecdir) $(sharedir) $(docdir)
.PHONY: install uninstall
