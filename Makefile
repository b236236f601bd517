# leitlfs. `make help` names the targets; SAN=address or SAN=thread makes a sanitized variant of any.
VERSION = 0.1.0
PREFIX  = /usr/local
BUILD   = build
CFLAGS ?= -O2 -g

SECURE = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
MODE_  = $(SECURE)
# Linked as a shared library, UBSan ignores the log_path that the mount tests give it.
# gcc sees uninitialized variables in sanitized code where there are none.
MODE_address = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-static-libasan -static-libubsan -Wno-maybe-uninitialized
MODE_thread  = -O1 -fno-omit-frame-pointer -fsanitize=thread -Wno-maybe-uninitialized
OUT_         = $(BUILD)
OUT_address  = $(BUILD)/asan
OUT_thread   = $(BUILD)/tsan
OUT          = $(or $(OUT_$(SAN)),$(error SAN is address, thread or nothing))

LIBS      = fuse3 sqlite3 jansson libxml-2.0 libcurl libsodium libpcre2-8 ncursesw
DEFINES   = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 \
	-DLEITLFS_VERSION='"$(VERSION)"'
WARNINGS  = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wconversion \
	$(if $(WERROR),-Werror)
INCLUDES  = -I. $(shell pkg-config --cflags $(LIBS))
COMPILE   = $(CC) -std=gnu11 $(DEFINES) $(INCLUDES) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) \
	$(MODE_$(SAN)) -ffile-prefix-map=$(CURDIR)=. -fPIE -pthread -MMD -MP
LINK      = $(CC) $(CFLAGS) $(MODE_$(SAN)) -pie -pthread \
	-Wl,-z,relro,-z,now,--as-needed $(LDFLAGS) -o $@ $^
LINK_LIBS = $(shell pkg-config --libs $(LIBS)) -linotifytools -lunistring $(LDLIBS)

PARTS   = $(filter-out fs/main.c,$(wildcard core/*/*.c fs/*.c fs/*/*.c webdav/*.c))
FLOOR   = $(wildcard tests/bench/floor*.c)
BENCH   = $(filter-out $(FLOOR),$(wildcard tests/bench/*.c))
UNITS   = $(wildcard tests/unit/test_*.c)
SHARED  = $(filter-out $(UNITS),$(wildcard tests/unit/*.c))
HELPERS = $(wildcard tests/helpers/*.c)
FUZZERS = $(wildcard tests/fuzz/fuzz_*.c)
SOURCES = $(PARTS) $(wildcard fs/main.c tests/*/*.c)
OBJECTS = $(patsubst %.c,$(OUT)/%.o,$1)

BASH_COMPLETION = $(PREFIX)/share/bash-completion/completions/leitlfs
ZSH_COMPLETION  = $(PREFIX)/share/zsh/site-functions/_leitlfs
FISH_COMPLETION = $(PREFIX)/share/fish/vendor_completions.d/leitlfs.fish
MAN             = $(PREFIX)/share/man
DOC             = $(PREFIX)/share/doc/leitlfs
SYSTEMD_SYSTEM  = $(PREFIX)/lib/systemd/system
SYSTEMD_USER    = $(PREFIX)/lib/systemd/user
PAGES           = man1/leitlfs.1 man5/leitlfs.5 man7/leitl.7

# A sanitized leitlfs need not run where it is built.
all: $(OUT)/leitlfs $(if $(SAN),,man) ## the daemon (WERROR=1: warnings are errors; BUILD=DIR: elsewhere)
man: $(addprefix $(OUT)/man/,$(notdir $(PAGES))) ## the manual pages
units: $(UNITS:tests/unit/%.c=$(OUT)/unit/%)
helpers: $(HELPERS:tests/helpers/%.c=$(OUT)/helpers/%)

check: all units helpers ## the unit tests, and the tests on a real mount
	@SAN=$(SAN) tests/run $(OUT)
asan tsan: ## check with AddressSanitizer and UBSan, or with ThreadSanitizer
	@$(MAKE) SAN=$(if $(filter asan,$@),address,thread) check
ui: all ## the dashboard in a headless browser (scripts/install-packages ui)
	@tests/ui/run $(OUT)
fuzz: $(FUZZERS:tests/fuzz/%.c=$(OUT)/fuzz/%) ## clang's fuzzer over the parsers, FUZZ_TIME=60 seconds each
	@for fuzzer in $^; do \
		mkdir -p $$fuzzer.corpus && $$fuzzer -max_total_time=$(or $(FUZZ_TIME),60) -max_len=20000 \
		$$fuzzer.corpus $$(find tests/data/$${fuzzer##*/fuzz_} -type d) || exit 1; \
	done
bench: all $(OUT)/bench/floor $(OUT)/bench/bench ## measure against the floor and peers (WORKS='write sync': some alone)
	@LEITLFS=$(abspath $(OUT)/leitlfs) BENCH_BIN=$(abspath $(OUT)/bench) tests/bench/run $(WORKS)

$(OUT)/leitlfs: $(OUT)/fs/main.o $(OUT)/parts.a
	$(LINK) $(LINK_LIBS)
$(OUT)/parts.a: $(call OBJECTS,$(PARTS))
$(OUT)/tests/unit.a: $(call OBJECTS,$(SHARED))
$(OUT)/parts.a $(OUT)/tests/unit.a:
	@rm -f $@
	$(AR) rcs $@ $^
$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(OUT)/tests/unit.a $(OUT)/parts.a | $(OUT)/unit
	$(LINK) $(LINK_LIBS) -lcmocka
$(OUT)/helpers/%: $(OUT)/tests/helpers/%.o | $(OUT)/helpers
	$(LINK)
$(OUT)/fuzz/%: tests/fuzz/%.c $(wildcard core/*/*.c webdav/*.c) \
		tests/unit/multistatus_dump.c
	@mkdir -p $(@D)
	clang -std=gnu11 $(DEFINES) $(INCLUDES) -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -pthread -o $@ $^ $(LINK_LIBS)
$(OUT)/bench/floor: $(call OBJECTS,$(FLOOR)) | $(OUT)/bench
	$(LINK) $(LINK_LIBS)
$(OUT)/bench/bench: $(call OBJECTS,$(BENCH)) $(OUT)/parts.a | $(OUT)/bench
	$(LINK) $(LINK_LIBS) $(shell pkg-config --libs hiredis)
$(call OBJECTS,$(BENCH)): INCLUDES += $(shell pkg-config --cflags hiredis)
$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<
$(OUT)/core/report/dashboard_html.o: $(wildcard core/report/page/*)
$(OUT)/fs/command/man.o: docs/tree.md docs/protocol.md
$(OUT)/man/%: $(OUT)/leitlfs | $(OUT)/man
	$(OUT)/leitlfs man --roff $(subst .,,$(suffix $@)) >$@.new
	mv $@.new $@
$(OUT)/unit $(OUT)/helpers $(OUT)/bench $(OUT)/man:
	@mkdir -p $@

install: all man ## into DESTDIR= PREFIX=/usr/local; `mount -t fuse.leitlfs` then finds it
	install -D -m 755 $(OUT)/leitlfs $(DESTDIR)$(PREFIX)/bin/leitlfs
	install -D -m 644 scripts/completions/leitlfs.bash $(DESTDIR)$(BASH_COMPLETION)
	install -D -m 644 scripts/completions/_leitlfs $(DESTDIR)$(ZSH_COMPLETION)
	install -D -m 644 scripts/completions/leitlfs.fish $(DESTDIR)$(FISH_COMPLETION)
	install -D -m 644 -t $(DESTDIR)$(DOC) README.md LICENSE
	install -D -m 644 -t $(DESTDIR)$(DOC)/docs $(wildcard docs/*.md docs/*.png docs/*.svg)
	install -d $(DESTDIR)$(SYSTEMD_SYSTEM) $(DESTDIR)$(SYSTEMD_USER) $(addprefix $(DESTDIR)$(MAN)/,$(dir $(PAGES)))
	set -e; for page in $(PAGES); do \
		gzip -9n <$(OUT)/man/$${page#*/} >$(DESTDIR)$(MAN)/$$page.gz; \
		chmod 644 $(DESTDIR)$(MAN)/$$page.gz; \
	done
	sed 's|@BINDIR@|$(PREFIX)/bin|' scripts/systemd/leitlfs@.service.in >$(DESTDIR)$(SYSTEMD_SYSTEM)/leitlfs@.service
	sed 's|@BINDIR@|$(PREFIX)/bin|' scripts/systemd/leitlfs@.user.service.in >$(DESTDIR)$(SYSTEMD_USER)/leitlfs@.service
	chmod 644 $(DESTDIR)$(SYSTEMD_SYSTEM)/leitlfs@.service $(DESTDIR)$(SYSTEMD_USER)/leitlfs@.service
uninstall: ## what install put there
	rm -f $(addprefix $(DESTDIR),$(PREFIX)/bin/leitlfs $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))
	rm -f $(addprefix $(DESTDIR)$(MAN)/,$(addsuffix .gz,$(PAGES)))
	rm -f $(addsuffix /leitlfs@.service,$(addprefix $(DESTDIR),$(SYSTEMD_SYSTEM) $(SYSTEMD_USER)))
	rm -rf $(DESTDIR)$(DOC)
lint: ## clang-tidy, cppcheck, who includes whom, and the functions that are not used here
	@! grep -nE '#include "(fs|webdav)/' core/*/*.[ch]
	@! grep -nE '#include "core/[^b]' core/base/*.[ch]
	@! grep -nE '#include "core/(memory|context|report)/' core/log/*.[ch] core/item/*.[ch]
	@! grep -nE '\b(strcpy|strcat|v?sprintf|strtok|atoi)\(' $(SOURCES)
	@printf '%s\n' $(SOURCES) | xargs -P $$(nproc) -I {} clang-tidy --quiet {} -- \
		-std=gnu11 $(DEFINES) $(INCLUDES) $(shell pkg-config --cflags hiredis) -Wall -Wextra 2>/dev/null
	@cppcheck --quiet -j $$(nproc) --error-exitcode=1 --inline-suppr --std=c11 --language=c \
		--enable=warning,performance,portability --suppress=autoVariables \
		--suppress=incorrectLogicOperator -I. $(DEFINES) \
		--include=/usr/include/$$($(CC) -print-multiarch)/sys/queue.h $(SOURCES)
format: ## clang-format over every source
	clang-format -i $(SOURCES) $(wildcard fs/*.h webdav/*.h */*/*.h)
clean: ## remove the build directory
	rm -rf $(BUILD)
help: ## this list
	@sed -n 's/^\([a-z ]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

.PHONY: all man units helpers check asan tsan ui fuzz bench install uninstall lint format clean help
.SECONDARY:
-include $(patsubst %.c,$(OUT)/%.d,$(SOURCES))
