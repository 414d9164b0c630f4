# Shorthands for the scripts; see README.md.
.PHONY: run test scenarios faults servers soak test-asan test-tsan bench lint format clean release install install-user uninstall \
	uninstall-user check-packaging

run:
	@./Scripts/run

test:
	@./Scripts/test

scenarios:
	@./Scripts/scenarios

faults:
	@./Scripts/faults

servers:
	@./Scripts/servers

# The same tests under the address and the thread sanitizer, each in a build folder of its own.
# The address sanitizer keeps freed memory for a while and shadows all of it: a bound on the program's memory (case 58) says
# nothing there, and the codec's can only be watched when little is kept.
test-asan: export LSAN_OPTIONS = suppressions=$(CURDIR)/Tests/lsan.supp
test-asan:
	@./Scripts/test --sanitize address --scratch-path .build-asan --skip 'CodecFuzzTests|as large as a disk'
	@ASAN_OPTIONS=quarantine_size_mb=1 ./Scripts/test --sanitize address --scratch-path .build-asan --filter CodecFuzzTests

# The thread sanitizer keeps a file of its own, which may not be limited in size as case 52 does, and shadows all memory. It does
# not see the system calls of Swift's Mutex on Linux: what it reports inside of two that are fought over is false.
test-tsan: export TSAN_OPTIONS = suppressions=$(CURDIR)/Tests/tsan.supp
test-tsan:
	@./Scripts/test --sanitize thread --scratch-path .build-tsan --skip "as large as a disk|the database can't grow"

soak:
	@./Scripts/soak

bench:
	@./Benchmarks/run

lint:
	@swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

format:
	@swift format --in-place --recursive Sources Tests Benchmarks Package.swift

clean:
	@swift package clean

# Installing: `make release`, then `sudo make install`, or without root `make install-user`.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
# What is installed. Its manual page and completions are its own words.
PROGRAM ?= .build/release/saveferry

bin = $(DESTDIR)$(PREFIX)/bin/saveferry
man1 = $(DESTDIR)$(PREFIX)/share/man/man1/saveferry.1
man5 = $(DESTDIR)$(PREFIX)/share/man/man5/saveferry.yaml.5
bash = $(DESTDIR)$(PREFIX)/share/bash-completion/completions/saveferry
zsh = $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_saveferry
fish = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/saveferry.fish
user_unit = $(DESTDIR)$(PREFIX)/share/systemd/user/saveferry.service
unit = $(DESTDIR)$(PREFIX)/lib/systemd/system/saveferry.service
sysusers = $(DESTDIR)$(PREFIX)/lib/sysusers.d/saveferry.conf
settings = $(DESTDIR)$(SYSCONFDIR)/saveferry/saveferry.yaml

install-user uninstall-user: PREFIX = $(HOME)/.local

release:
	@. Scripts/packages.sh; need_to_build; build_release --product saveferry

define install_program
	@test -x "$(PROGRAM)" || { echo "error: there is no $(PROGRAM): run \`make release\` first" >&2; exit 1; }
	install -D -m 755 "$(PROGRAM)" "$(bin)"
	install -d -m 755 "$(dir $(man1))" "$(dir $(bash))" "$(dir $(zsh))" "$(dir $(fish))" "$(dir $(user_unit))"
	umask 022 && "$(PROGRAM)" manual > "$(man1)"
	install -D -m 644 Packaging/saveferry.yaml.5 "$(man5)"
	umask 022 && "$(PROGRAM)" --generate-completion-script bash > "$(bash)"
	umask 022 && "$(PROGRAM)" --generate-completion-script zsh > "$(zsh)"
	umask 022 && "$(PROGRAM)" --generate-completion-script fish > "$(fish)"
	umask 022 && sed 's|@bindir@|$(PREFIX)/bin|' Packaging/saveferry-user.service > "$(user_unit)"
endef

install-user:
	$(install_program)
	@echo "Start it with: systemctl --user daemon-reload && systemctl --user enable --now saveferry"

install:
	$(install_program)
	install -d -m 755 "$(dir $(unit))"
	umask 022 && sed 's|@bindir@|$(PREFIX)/bin|; s|@sysconfdir@|$(SYSCONFDIR)|' Packaging/saveferry.service > "$(unit)"
	install -D -m 644 Packaging/saveferry.sysusers "$(sysusers)"
# The settings for the service alone: URLs of notifications may be secret. Who makes a package says so there.
ifeq ($(DESTDIR),)
	systemd-sysusers "$(sysusers)"
	test -e "$(settings)" || install -D -m 640 -g saveferry Packaging/saveferry.yaml "$(settings)"
	test ! -d /run/systemd/system || systemctl daemon-reload
	@echo "Start it with: systemctl enable --now saveferry"
else
	test -e "$(settings)" || install -D -m 644 Packaging/saveferry.yaml "$(settings)"
endif

# Exactly what was installed: never state, library, keys or settings.
uninstall-user:
	rm -f "$(bin)" "$(man1)" "$(man5)" "$(bash)" "$(zsh)" "$(fish)" "$(user_unit)"

uninstall:
	rm -f "$(bin)" "$(man1)" "$(man5)" "$(bash)" "$(zsh)" "$(fish)" "$(user_unit)" "$(unit)" "$(sysusers)"

check-packaging:
	@./Scripts/packaging
