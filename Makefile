# SPDX-License-Identifier: Apache-2.0
# Build, install, demo and test gpuprov. `make help` lists the targets.

VERSION := 0.1.0
O ?= build
V ?= 0
CC ?= cc
CXX ?= c++
prefix ?= /usr
libdir ?= $(prefix)/lib
DESTDIR ?=

# ---- how to compile -------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef -Wcast-qual -Wwrite-strings -Wconversion \
	-Wnull-dereference -Wimplicit-fallthrough
WARN_C := -Wstrict-prototypes -Wmissing-prototypes
ifeq (,$(findstring clang,$(CC)))
WARN_C += -Wlogical-op -Wduplicated-cond -Wjump-misses-init
AUTO_INIT := -ftrivial-auto-var-init=zero
endif
ifdef DEVELOPER
WARN += -Werror
endif
HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
ifeq (x86_64,$(shell uname -m))
HARDEN += -fcf-protection
endif
SANITIZE :=
CFLAGS ?= -O2 -g
CXXFLAGS ?= $(CFLAGS)
CPP_ALL := -D_GNU_SOURCE -Isrc -I$(O) -DVERSION='"$(VERSION)"' -DLIBDIR='"$(libdir)"' \
	-DCATALOG_TEXT='"$(O)/gen/catalog.txt"' -DWHY_TEXT='"$(O)/gen/why.txt"' \
	-DTEMPLATES_TEXT='"$(O)/gen/templates.txt"'
C_ALL = $(CPP_ALL) -std=gnu17 $(WARN) $(WARN_C) $(HARDEN) $(AUTO_INIT) -fPIE $(SANITIZE) $(CFLAGS)
CXX_ALL = $(CPP_ALL) -std=c++17 -Wall -Wextra -Wshadow -Wconversion -Wundef \
	$(if $(DEVELOPER),-Werror) $(HARDEN) -fPIC -fvisibility=hidden $(SANITIZE) $(CXXFLAGS)
LINK := -pie -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections
# The one C++ file of the program, edit/toml_reader.cc, brings a static libstdc++ along. Without sections
# that nobody needs it adds 0.25 MB and 0.1 ms to a start, and libm is not missed; the shared one
# would be one more library to find, and 0.6 ms.
# Of libcrypto only the plain hashes are linked, static too (sys/hash.c); sys/cert.c loads the rest.
LIBS := -lyaml -ljansson -ldl -Wl,-Bstatic -lcrypto -lstdc++ -Wl,-Bdynamic -static-libgcc \
	$(if $(SANITIZE),-lm)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' $(1) $(2))

# ---- what to compile ------------------------------------------------------------------------------

SRC := $(filter-out src/main.c,$(wildcard src/*.c src/*/*.c))
OBJ := $(SRC:src/%.c=$(O)/obj/%.o) $(O)/obj/edit/toml_reader.o
# What the apt back end links too, compiled for a shared object.
PIC := $(patsubst %,$(O)/pic/%.o,$(addprefix base/,err mem buf arena str utf8 ver code) sys/apt_fault sys/apt_holder)
# Empty without libapt-pkg-dev, so that installing it later is noticed.
APT := $(if $(wildcard /usr/include/apt-pkg/macros.h),\
	$(patsubst src/%.cc,$(O)/pic/cc/%.o,$(wildcard src/sys/apt*.cc)))

drop_ins = $(sort $(basename $(notdir $(filter-out $(2),$(wildcard src/$(1)/*.c)))))
PROBES := $(call drop_ins,probes,src/probes/probe.c)
DISTROS := $(call drop_ins,distros,src/distros/distro.c)
RUNTIMES := $(call drop_ins,runtimes,src/runtimes/runtime.c)
STEPS := $(call drop_ins,steps,src/steps/step.c)
COMMANDS := $(call drop_ins,commands,$(patsubst %,src/commands/%.c,common acting saving sitting fleet outcome metrics))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/gpuprov $(O)/apt-backend $(O)/man/made $(O)/completion/made $(O)/profile.schema.json ## build everything (the default)

$(O)/gpuprov: $(O)/obj/main.o $(O)/libgpuprov.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(C_ALL) $(LINK) -o $@ $^ $(LIBS)

$(O)/libgpuprov.a: $(OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/obj/%.o: src/%.c $(O)/gen/tables.inc $(O)/gen/commands.inc
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_ALL) -MMD -MP -c -o $@ $<

# An exception could only mean that memory is out, and then we abort like everywhere.
$(O)/obj/%.o: src/%.cc
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CXX_ALL) -fno-exceptions -MMD -MP -c -o $@ $<

$(O)/obj/catalog.o: $(O)/gen/catalog.txt

$(O)/pic/%.o: src/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_ALL) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# The back end is named after the ABI of the libapt-pkg it is built against. Where that is not
# installed, everything else still works, and gpuprov says what is missing when it needs apt.
$(O)/apt-backend: $(APT) $(PIC)
	$(Q)if [ -n '$(APT)' ]; then \
		abi=$$(sed -n 's/^#define APT_PKG_\(MAJOR\|MINOR\) *//p' \
			/usr/include/apt-pkg/macros.h | paste -sd.); \
		[ '$(V)' = 1 ] || printf '  %-6s %s\n' LINK $(O)/gpuprov-apt-$$abi.so; \
		$(CXX) $(CXX_ALL) -shared -Wl,-z,relro -Wl,-z,now -Wl,--exclude-libs,ALL \
			-o $(O)/gpuprov-apt-$$abi.so $^ -lapt-pkg && echo $$abi >$@; \
	else \
		echo "no libapt-pkg-dev: built without the apt back end" >&2; echo none >$@; \
	fi

$(O)/pic/cc/%.o: src/%.cc
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CXX_ALL) -MMD -MP -c -o $@ $<

# The tables of drop-ins, from the folder listing.
define table
	$(foreach n,$(2),echo 'extern const struct $(3) $(4)_$(n);';) \
	echo 'const struct $(3) *const $(1)[] = {'; \
	$(foreach n,$(2),echo '	&$(4)_$(n),';) \
	echo '	0,'; echo '};';
endef

$(O)/gen/tables.inc: Makefile $(wildcard src/probes src/distros src/runtimes src/steps)
	@mkdir -p $(@D)
	$(Q){ echo '/* Made by the Makefile from the folder listing. */'; \
	$(call table,probe_table,$(PROBES),probe,probe) \
	$(call table,distro_table,$(DISTROS),distro,distro) \
	$(call table,runtime_table,$(RUNTIMES),runtime,runtime) \
	$(call table,step_table,$(STEPS),step_kind,step) } >$@

$(O)/gen/commands.inc: Makefile $(wildcard src/commands)
	@mkdir -p $(@D)
	$(Q){ echo '/* Made by the Makefile from the folder listing. */'; \
	$(call table,command_table,$(COMMANDS),command,command) } >$@

CATALOG := $(sort $(wildcard catalog/*.cat))
$(O)/gen/catalog.txt: $(CATALOG) catalog
	@mkdir -p $(@D)
	$(Q)for f in $(CATALOG); do echo "file $${f##*/}"; cat $$f; done >$@

WHY := $(sort $(wildcard docs/why/*.md))
$(O)/obj/why.o: $(O)/gen/why.txt
$(O)/gen/why.txt: $(WHY)
	@mkdir -p $(@D)
	$(Q)cat $(WHY) >$@

# Manual pages: NAME to OPTIONS from the program's own tables, the rest from docs/man. Without scdoc
# there are none, and everything else is built.
page = $(O)/gpuprov help $(1) --man && cat $(firstword $(wildcard docs/man/$(2).scd) /dev/null)
$(O)/man/made: $(O)/gpuprov $(wildcard docs/man/*.scd)
	@mkdir -p $(@D)
	$(call say,MAN,$(@D))
	$(Q)rm -f $(@D)/*.[157]
	$(Q)if command -v scdoc >/dev/null; then set -e; \
		{ $(call page,,gpuprov); } | scdoc >$(@D)/gpuprov.1; \
		$(O)/gpuprov help profile --man >$(@D)/keys; \
		sed -e '/^@KEYS@$$/{r $(@D)/keys' -e 'd}' docs/man/gpuprov-profile.5.scd | \
			scdoc >$(@D)/gpuprov-profile.5; \
		scdoc <docs/man/gpuprov-exit.7.scd >$(@D)/gpuprov-exit.7; \
		$(foreach c,$(subst _,-,$(COMMANDS)),{ $(call page,$(c),gpuprov-$(c)) && \
			cat docs/man/command.scd; } | scdoc >$(@D)/gpuprov-$(c).1;) \
	else \
		echo "no scdoc: built without manual pages" >&2; \
	fi
	$(Q)touch $@

$(O)/completion/made: $(O)/gpuprov
	@mkdir -p $(@D)
	$(Q)for shell in bash zsh fish; do \
		$(O)/gpuprov completion $$shell >$(@D)/gpuprov.$$shell || exit; done
	$(Q)touch $@

$(O)/profile.schema.json: $(O)/gpuprov
	$(Q)$(O)/gpuprov help profile --json-schema >$@

TEMPLATES := $(sort $(wildcard templates/*.* templates/*/*.*))
$(O)/obj/emit/template.o: $(O)/gen/templates.txt
$(O)/gen/templates.txt: $(TEMPLATES) $(wildcard templates templates/*)
	@mkdir -p $(@D)
	$(Q)for f in $(TEMPLATES); do echo "file $${f#templates/}"; cat $$f; done >$@

# Only the folders that the rules fill: scratch roots beside them have directories like rc2.d.
-include $(shell find $(addprefix $(O)/,obj pic testlib unit exec) -name '*.d' 2>/dev/null)

# ---- use ------------------------------------------------------------------------------------------

deps-build: ## install what building needs (root)
	@deps/install.sh build

deps-deb: ## install what building the package needs (root)
	@deps/install.sh build deb

deps-test: ## install what the tests need (root)
	@deps/install.sh build deb test

demo: deps-build ## provision a scratch Debian root for real; FULL=1 with a kernel module
	@$(MAKE) --no-print-directory all
	@FULL='$(FULL)' examples/demo.sh $(O)

deb: deps-deb ## build the package for Debian 12 and 13, and Ubuntu, into build/deb (root)
	@debian/build.sh $(O)

install: all ## install under DESTDIR and prefix
	install -D -m 0755 $(O)/gpuprov $(DESTDIR)$(prefix)/bin/gpuprov
	install -d $(DESTDIR)$(libdir)/gpuprov $(DESTDIR)$(prefix)/share/gpuprov/profiles
	for so in $(O)/gpuprov-apt-*.so; do [ ! -e "$$so" ] || \
		install -m 0644 "$$so" $(DESTDIR)$(libdir)/gpuprov/; done
	install -d $(DESTDIR)$(libdir)/systemd/system/multi-user.target.wants
	for unit in resume.service drift.service drift.timer; do \
		sed 's|/usr/bin/gpuprov|$(prefix)/bin/gpuprov|' units/gpuprov-$$unit \
			>$(DESTDIR)$(libdir)/systemd/system/gpuprov-$$unit || exit; done
	ln -sf ../gpuprov-resume.service $(DESTDIR)$(libdir)/systemd/system/multi-user.target.wants/
	install -m 0644 profiles/*.yaml $(DESTDIR)$(prefix)/share/gpuprov/profiles/
	install -m 0644 $(O)/profile.schema.json $(DESTDIR)$(prefix)/share/gpuprov/
	install -m 0644 docs/*.schema.json $(DESTDIR)$(prefix)/share/gpuprov/
	install -m 0644 $(O)/gen/catalog.txt $(DESTDIR)$(prefix)/share/gpuprov/
	for page in $(O)/man/*.[157]; do [ ! -e "$$page" ] || install -D -m 0644 "$$page" \
		$(DESTDIR)$(prefix)/share/man/man$${page##*.}/$${page##*/}; done
	install -D -m 0644 $(O)/completion/gpuprov.bash \
		$(DESTDIR)$(prefix)/share/bash-completion/completions/gpuprov
	install -D -m 0644 $(O)/completion/gpuprov.zsh \
		$(DESTDIR)$(prefix)/share/zsh/vendor-completions/_gpuprov
	install -D -m 0644 $(O)/completion/gpuprov.fish \
		$(DESTDIR)$(prefix)/share/fish/vendor_completions.d/gpuprov.fish
	for t in $(TEMPLATES); do \
		install -D -m 0644 $$t $(DESTDIR)$(prefix)/share/gpuprov/$$t || exit; done

# ---- test -----------------------------------------------------------------------------------------

UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/t_*.c))
EXEC := $(patsubst tests/exec/%.c,$(O)/exec/%,$(wildcard tests/exec/t_*.c))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
TEST_OBJ := $(patsubst tests/lib/%.c,$(O)/testlib/%.o,$(wildcard tests/lib/*.c))
PROVE := prove --failures --comments --merge -Q

$(O)/testlib/%.o: tests/lib/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_ALL) -Itests/lib -MMD -MP -c -o $@ $<

$(O)/unit/%: tests/unit/%.c $(O)/libgpuprov.a $(TEST_OBJ)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_ALL) -Itests/lib -MMD -MP $(LINK) -o $@ $< $(TEST_OBJ) $(O)/libgpuprov.a $(LIBS)

$(O)/exec/%: tests/exec/%.c $(O)/libgpuprov.a $(TEST_OBJ)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_ALL) -Itests/lib -MMD -MP $(LINK) -o $@ $< $(TEST_OBJ) $(O)/libgpuprov.a $(LIBS)

$(O)/bench-planner: tests/bench-planner.c $(O)/libgpuprov.a
	$(call say,TEST,$@)
	$(Q)$(CC) $(C_ALL) $(LINK) -o $@ $^ $(LIBS)

# Fuzz targets with a main() that runs files; tests/fuzz/run.sh builds them for libFuzzer.
$(O)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/runner.c $(wildcard tests/fuzz/*_check.c) \
		$(O)/libgpuprov.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_ALL) -Itests/lib -Itests/fuzz $(LINK) -o $@ $(filter %.c %.a,$^) $(LIBS)

# Libraries of a driver that is not there, for the tests that ask one.
FAKEGPU := $(O)/fakegpu/libnvidia-ml.so.1 $(O)/fakegpu/libcuda.so.1
$(O)/fakegpu/libnvidia-ml.so.1: tests/lib/fakegpu/nvml.c tests/lib/fakegpu/fate.h
$(O)/fakegpu/libcuda.so.1: tests/lib/fakegpu/cuda.c tests/lib/fakegpu/fate.h
$(FAKEGPU):
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -Wall -Wextra -fPIC -shared -o $@ $<

test: deps-test ## install what the tests need and run them all
	@$(MAKE) --no-print-directory DEVELOPER=1 all tests-built
	@O=$(O) tests/run.sh all

test-long: deps-test ## the same with every trial of the long sweeps (hours)
	@$(MAKE) --no-print-directory DEVELOPER=1 all tests-built
	@LONG=1 O=$(O) tests/run.sh all

check: all tests-built ## the tests that need no scratch root
	@O=$(O) tests/run.sh check

check-real: all tests-built ## the tests on real roots (root)
	@O=$(O) tests/run.sh real

tests-built: $(UNIT) $(EXEC) $(FUZZ) $(FAKEGPU) $(O)/exec/stepper

accept: all ## rewrite the expected outcomes of golden cases; read the diff
	@O=$(O) tests/plan/run.sh --accept
	@O=$(O) tests/plan/run.sh --accept tests/doctor/cases/*.case
	@O=$(O) tests/cli/bad.t --accept

asan: ## build with ASan and UBSan into build-asan and run the tests on it
	@$(MAKE) --no-print-directory O=build-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all' \
		HARDEN= DEVELOPER=1 all tests-built
	@O=build-asan ASAN_OPTIONS=detect_leaks=1 tests/run.sh check

fuzz: ## run every fuzz target for RUNS executions (default 100000), clang with libFuzzer
	@tests/fuzz/run.sh fuzz $(or $(RUNS),100000)

analyze: ## gcc -fanalyzer, clang --analyze, cppcheck; also a clean build with clang
	@O=$(O) tests/analyze.sh

bench: all $(O)/bench-planner ## measure plan against apt-get -s on the same root; writes build/bench.txt (root)
	@O=$(O) tests/bench.sh
	@O=$(O) tests/bench-apt.sh

format: ## let clang-format decide
	clang-format-14 -i $$(git ls-files -co --exclude-standard '*.c' '*.h' '*.cc' '*.hh')

clean: ## remove what was built (caches of scratch roots stay in build/cache)
	rm -rf $(filter-out $(O)/cache,$(wildcard $(O)/*)) build-asan build-clang

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: all deps-build deps-deb deps-test deb demo install test test-long check check-real tests-built accept asan fuzz analyze \
	bench format clean help
