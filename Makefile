# Thin: everything is built by Meson and Ninja; this names what people type.
# By their full names: a version manager may put its own, without our packages, before Debian's.
MESON ?= /usr/bin/meson
export NINJA ?= /usr/bin/ninja
PYTHON ?= /usr/bin/python3
CLANG_FORMAT ?= /usr/bin/clang-format
# Whole-program optimisation is worth a tenth of our own share of the CPU (docs/performance.md).
RELEASE = -Dbuildtype=release -Ddebug=true -Db_lto=true
SANITIZE = -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=true

.PHONY: all setup setup-test setup-fuzz setup-lint setup-bench up test unit tsan scenario bench fuzz lint format check clean
# Ninja, Meson and pytest do things side by side by themselves.
.NOTPARALLEL:

all: build/build.ninja
	$(NINJA) -C build mezusphere warpgate

# What is missing, from Debian, by name.
setup:
	tools/setup build
setup-test:
	tools/setup build test
setup-fuzz:
	tools/setup build test fuzz
setup-lint:
	tools/setup build test lint
setup-bench:
	tools/setup build bench

up: setup all
	build/mezusphere up --demo --data data

test: setup-test check all unit scenario

build/build.ninja:
	$(MESON) setup build $(RELEASE)
build-test/build.ninja:
	$(MESON) setup build-test $(SANITIZE)
build-fuzz/build.ninja:
	CC=clang $(MESON) setup build-fuzz -Dfuzzing=true $(SANITIZE)

# Unit tests and fuzz corpora, with the address and undefined-behaviour sanitizers.
unit: setup-test build-test/build.ninja
	$(NINJA) -C build-test
	$(MESON) test -C build-test --print-errorlogs

# Where threads meet, with the thread sanitizer. With the address sanitizer the recycler keeps nothing: here it does.
THREADED = conn_move_test edge_roster_test front_test loop_test recycler_test tls_memory_test tls_ticket_test
build-tsan/build.ninja:
	$(MESON) setup build-tsan -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false -Dwerror=true
tsan: setup-test build-tsan/build.ninja
	$(NINJA) -C build-tsan $(THREADED) mezusphere warpgate
	for test in $(THREADED); do TSAN_OPTIONS=halt_on_error=1 build-tsan/$$test || exit 1; done
	$(PYTHON) -m pytest -q tests/scenario/test_threads.py

# Black-box tests: the real programs, plain and sanitized. Modules run side by side: they mostly wait.
scenario: setup-test all build-test/build.ninja build-tsan/build.ninja
	$(NINJA) -C build-test mezusphere warpgate
	$(NINJA) -C build-tsan mezusphere warpgate
	$(PYTHON) -m pytest -q -n 4 --dist loadfile tests/scenario

# Prints a table of ratios against nginx, haproxy and nghttpx; changes nothing.
bench: setup-bench all
	$(PYTHON) bench/run

# Every target for FUZZ_SECONDS (default 60) each.
FUZZ_SECONDS ?= 60
fuzz: setup-fuzz build-fuzz/build.ninja
	$(NINJA) -C build-fuzz
	tools/fuzz build-fuzz $(FUZZ_SECONDS)

check: setup
	tools/check_tree

lint: setup-lint check build-test/build.ninja
	$(CLANG_FORMAT) --dry-run --Werror $$(git ls-files '*.c' '*.h')
	$(NINJA) -C build-test

format: setup-lint
	$(CLANG_FORMAT) -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build build-test build-tsan build-fuzz
