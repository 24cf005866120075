# SyncKairos: one Makefile, out of tree. `make help` lists what it can do.
#
# Everything is built under $(BUILD). The variants (asan, coverage) are this same file called again with another VARIANT,
# so that they never mix objects. Libraries are asked of pkg-config when the first object is built, not when this file
# is read: on a fresh machine the packages come first.

VARIANT ?= release
BUILD   ?= build$(if $(filter-out release,$(VARIANT)),/$(VARIANT))
PREFIX  ?= /usr/local

# As many compilers at a time as there are processors, unless somebody says otherwise.
parallel = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

# Where Debian keeps lighttpd, which is not in everybody's path.
export PATH := $(PATH):/usr/sbin:/sbin

PROGRAMS := synckairos-api synckairos-relay synckairos-timekeeper synckairos-audit
synckairos-api_folder        := fcgi
synckairos-relay_folder      := relay
synckairos-timekeeper_folder := timekeeper
synckairos-audit_folder      := audit

# libfcgi and CUnit before its Debian 13 package come without a pkg-config file.
synckairos-api_libs        := libpq hiredis jansson libjwt libcrypto
synckairos-relay_libs      := libwebsockets libuv hiredis jansson libjwt libssl libcrypto
synckairos-timekeeper_libs := hiredis jansson libmicrohttpd
synckairos-audit_libs      := libpq hiredis jansson libcurl libmicrohttpd
synckairos-api_extra       := -lfcgi -lpthread
synckairos-audit_extra     := -lpthread
unit_libs                  := $(sort $(foreach p,$(PROGRAMS),$($(p)_libs)))
unit_extra                 := $(synckairos-api_extra) -lcunit
integration_libs           := libcurl libpq hiredis jansson libjwt libssl libcrypto
integration_extra          := -lcunit -lpthread

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla -Wwrite-strings -Wstrict-prototypes \
            -Wmissing-prototypes -Wswitch-enum
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -I. -g $(WARNINGS) -fno-common
release_cflags   := -O2 -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
release_ldflags  := -pie -Wl,-z,relro,-z,now
asan_cflags      := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
asan_ldflags     := -fsanitize=address,undefined
coverage_cflags  := -O0 --coverage -fprofile-update=atomic
coverage_ldflags := --coverage
fuzz_cflags      := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
fuzz_ldflags     := -fsanitize=fuzzer,address,undefined
ifeq ($(VARIANT),fuzz)
CC := clang
endif

pkg_cflags = $(eval pkg_cflags := $$(shell pkg-config --cflags $(unit_libs)))$(pkg_cflags)
pkg_libs   = $(shell pkg-config --libs $(1))

COMPILE = $(CC) $(BASE_FLAGS) $($(VARIANT)_cflags) $(CFLAGS) -MMD -MP $(pkg_cflags) $(more_cflags)
LINK    = $(CC) $($(VARIANT)_ldflags) $(LDFLAGS)

sources  = $(wildcard $(1)/*.c)
objects  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
common_objects      := $(call objects,$(call sources,common))
program_sources     := $(foreach p,$(PROGRAMS),$(call sources,$($(p)_folder)))
unit_sources        := $(wildcard tests/unit/*.c tests/unit/*/*.c)
integration_sources := $(call sources,tests/integration)
tool_sources        := $(call sources,tests/tools)
fuzz_sources        := $(call sources,tests/fuzz)
bench_sources       := $(call sources,bench)
swarm_sources       := bench/frame.c bench/latency.c bench/swarm.c
all_sources         := $(wildcard common/*.c) $(program_sources) $(unit_sources) $(integration_sources) $(tool_sources) \
                       $(fuzz_sources) $(bench_sources)
all_objects         := $(call objects,$(all_sources))
c_files             := $(all_sources) $(wildcard common/*.h fcgi/*.h relay/*.h timekeeper/*.h audit/*.h tests/*/*.h bench/*.h)

scripts             := deploy/local/packages deploy/local/run deploy/lighttpd/settings deploy/lighttpd/compression tests/fuzz/run deploy/docs-viewer .ci/run

binaries := $(addprefix $(BUILD)/,$(PROGRAMS))
tools    := $(patsubst tests/tools/%.c,$(BUILD)/tests/%,$(tool_sources))
tests    := $(BUILD)/tests/unit $(BUILD)/tests/integration $(tools)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help test-programs test-packages run test unit vectors alerts integration asan coverage fuzz fuzz-targets lint format \
        install clean packages check-format

all: $(binaries) ## build the four programs

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

# --- building -------------------------------------------------------------------------------------------------------

packages:
	@deploy/local/packages build

test-packages:
	@deploy/local/packages build test

$(all_objects): | packages
$(call objects,$(unit_sources) $(integration_sources) $(bench_sources)): | test-packages
$(call objects,$(integration_sources) $(bench_sources)): more_cflags = $(shell pkg-config --cflags libcurl)
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c $< -o $@

# What the program holds of them, the assembler reads.
$(BUILD)/obj/fcgi/documents.o: docs/openapi.json fcgi/documents.html

$(BUILD)/libsynckairos.a: $(common_objects)
	@rm -f $@
	$(AR) rcs $@ $^

define program_rule
$(BUILD)/$(1): $(call objects,$(call sources,$($(1)_folder))) $(BUILD)/libsynckairos.a
	$$(LINK) $$^ $$(call pkg_libs,$($(1)_libs)) $($(1)_extra) -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# The unit tests see every module of every program, but no main().
testable := $(call objects,$(filter-out %/main.c,$(program_sources)))
$(BUILD)/tests/unit: $(call objects,$(unit_sources)) $(testable) $(BUILD)/libsynckairos.a
	@mkdir -p $(@D)
	$(LINK) $^ $(call pkg_libs,$(unit_libs)) $(unit_extra) -o $@

$(BUILD)/tests/integration: $(call objects,$(integration_sources) $(swarm_sources) bench/gauge.c) $(BUILD)/libsynckairos.a
	@mkdir -p $(@D)
	$(LINK) $^ $(call pkg_libs,$(integration_libs)) $(integration_extra) -o $@

$(BUILD)/tests/%: $(BUILD)/obj/tests/tools/%.o $(BUILD)/libsynckairos.a
	@mkdir -p $(@D)
	$(LINK) $^ $(call pkg_libs,hiredis jansson) -o $@

# A bench uses the integration tests' servers, with checks of its own.
bench_shared := $(swarm_sources) bench/switches.c bench/gauge.c bench/fanout.c bench/stage.c bench/check.c
bench_stack  := $(filter-out %_test.c %/main.c %/check.c,$(integration_sources))
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(call objects,$(bench_shared) $(bench_stack)) $(BUILD)/libsynckairos.a
	@mkdir -p $(@D)
	$(LINK) $^ $(call pkg_libs,$(integration_libs)) -lpthread -o $@

# A fuzz target takes of the programs what it calls.
$(BUILD)/libprograms.a: $(testable)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libprograms.a $(BUILD)/libsynckairos.a
	@mkdir -p $(@D)
	$(LINK) $^ $(call pkg_libs,$(unit_libs)) $(synckairos-api_extra) -o $@

# --- running and testing --------------------------------------------------------------------------------------------

run: ## install what is missing, build, start everything and print the URL; Ctrl-C stops it
	@deploy/local/packages build run
	@echo 'Building (the first time takes about a minute) …'
	@$(MAKE) --no-print-directory -s $(parallel) all
	@exec deploy/local/run $(BUILD)

test-programs: $(tests)

# Builds side by side, but the suites run one after the other: they measure time.
define suites
@$(MAKE) --no-print-directory $(parallel) $(1) all test-programs
@$(MAKE) --no-print-directory $(1) unit
@$(MAKE) --no-print-directory $(1) vectors
@$(MAKE) --no-print-directory $(1) alerts
@$(MAKE) --no-print-directory $(1) docs-viewer
@$(MAKE) --no-print-directory $(1) integration
@$(MAKE) --no-print-directory $(1) openapi
endef

test: ## install what is missing, build, run every test against servers of its own
	@deploy/local/packages build run test
	$(call suites)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target web-pages sdk-check sdk-test sdk-integration web-test

unit: $(BUILD)/tests/unit ## the tests that need no server
	$(BUILD)/tests/unit

vectors: $(BUILD)/tests/clock-vectors ## the worked cases of the session clock
	$(BUILD)/tests/clock-vectors tests/vectors/clock.json
	$(BUILD)/tests/clock-vectors tests/vectors/more.json

alerts: ## the configuration and the rules for Prometheus, and each alert against its limit
	promtool check config deploy/prometheus/prometheus.yml
	promtool check rules deploy/prometheus/rules/*.yml
	promtool test rules deploy/prometheus/rules/tests/*.yml

exchanges    := $(BUILD)/tests/exchanges.jsonl
node_modules := tests/openapi/node_modules/.package-lock.json
.PHONY: openapi openapi-json docs-viewer

integration: $(binaries) $(BUILD)/tests/integration ## the tests over real servers (ONLY=name runs one suite)
	@rm -f $(exchanges)
	SYNCKAIROS_EXCHANGES=$(exchanges) $(BUILD)/tests/integration $(BUILD) $(ONLY)

openapi: $(node_modules) ## the specification against itself, and against what the last integration run saw
	@touch $(exchanges)
	node tests/openapi/validate.mjs docs/openapi.yaml docs/openapi.json $(exchanges)

openapi-json: $(node_modules) ## make docs/openapi.json, which is served, of docs/openapi.yaml, which is written
	node tests/openapi/to-json.mjs docs/openapi.yaml >docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

$(node_modules): tests/openapi/package-lock.json
	@npm ci --silent --prefix tests/openapi
	@touch $@

sdk_modules := sdk/node_modules/.package-lock.json
.PHONY: sdk-check sdk-test sdk-integration

sdk-check: $(sdk_modules) ## the types of the JavaScript client and the React hooks
	npm run --silent --prefix sdk check

sdk-test: $(sdk_modules) ## their tests that need no server; the hooks' with React 18 and 19
	npm test --silent --prefix sdk

sdk-integration: $(sdk_modules) $(binaries) ## their tests over real servers, in Chromium where there is one
	SYNCKAIROS_BUILD=$(abspath $(BUILD)) npm run --silent --prefix sdk integration

$(sdk_modules): sdk/package-lock.json
	@npm ci --silent --prefix sdk
	@touch $@

web_modules := tests/web/node_modules/.package-lock.json
.PHONY: web-test web-pages

web-test: $(web_modules) ## the pages' modules that need no browser
	npm run --silent --prefix tests/web unit

web-pages: $(web_modules) $(binaries) ## the demo and the dashboard in Chromium, over real servers
	SYNCKAIROS_BUILD=$(abspath $(BUILD)) npm run --silent --prefix tests/web pages

$(web_modules): tests/web/package-lock.json
	@npm ci --silent --prefix tests/web
	@touch $@

docs-viewer: $(BUILD)/docs-viewer/index.html ## fetch an npm viewer of the specification, for DOCS_PAGE; make run shows it on /docs

$(BUILD)/docs-viewer/index.html: deploy/docs-viewer
	deploy/docs-viewer $(@D)

asan: ## the whole suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@deploy/local/packages build run test
	$(call suites,VARIANT=asan)

# What loads the machine for minutes adds next to nothing to the lines that are reached.
coverage: export SYNCKAIROS_SKIP := pressure,crowd,storm,drain,faults
coverage: ## the suites short of load, with line coverage; fails below 85 % of common/ or 80 % over all
	@deploy/local/packages build run test coverage
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	$(call suites,VARIANT=coverage)
	gcovr --root . --filter 'common/' --exclude-throw-branches --fail-under-line 85 build/coverage
	gcovr --root . --filter '(common|fcgi|relay|timekeeper|audit)/' --fail-under-line 80 build/coverage

FUZZ_SECONDS ?= 60
fuzz_targets := $(patsubst tests/fuzz/%.c,fuzz-%,$(fuzz_sources))
.PHONY: $(fuzz_targets)

fuzz: ## every fuzz target for FUZZ_SECONDS=60 (ONLY=name: one; FUZZ_RUNS=n: n executions instead)
	@deploy/local/packages build fuzz
	@$(MAKE) --no-print-directory $(parallel) VARIANT=fuzz fuzz-targets

fuzz-targets: $(if $(ONLY),fuzz-$(ONLY),$(fuzz_targets))

$(fuzz_targets): fuzz-%: $(BUILD)/fuzz/%
	@tests/fuzz/run $< '$(FUZZ_SECONDS)' '$(FUZZ_RUNS)'

.PHONY: bench bench-audit bench-metrics bench-relay
bench: bench-audit bench-metrics bench-relay ## every comparison under load, against servers of its own (bench/README.md)

bench-audit: ## one audit worker's rate against the fastest that the API produces events
	@deploy/local/packages build run test
	@$(MAKE) --no-print-directory $(parallel) all $(BUILD)/bench/audit
	$(BUILD)/bench/audit $(BUILD)

bench-metrics: ## what metrics and logs cost: the rate of switches with both, against neither
	@deploy/local/packages build run test
	@$(MAKE) --no-print-directory $(parallel) all $(BUILD)/bench/metrics
	$(BUILD)/bench/metrics $(BUILD)

bench-relay: ## memory, fan-out (beside nginx with nchan), slow clients, Redis' death and a drain, with thousands of clients
	@deploy/local/packages build run test bench
	@$(MAKE) --no-print-directory $(parallel) all $(BUILD)/bench/relay
	$(BUILD)/bench/relay $(BUILD)

check-format:
	clang-format --dry-run --Werror $(c_files)

lint: ## format check, clang-tidy, cppcheck, shellcheck
	@deploy/local/packages build test lint
	@$(MAKE) --no-print-directory check-format
	@printf '%s\n' $(all_sources) | xargs -P 2 -n 1 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- $(BASE_FLAGS) $(pkg_cflags)' clang-tidy
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem -D_GNU_SOURCE -I. common fcgi relay timekeeper audit tests bench
	shellcheck --external-sources $(scripts)

format: ## rewrite all C files in the house format
	clang-format -i $(c_files)

share := $(DESTDIR)$(PREFIX)/share/synckairos
install: all ## install programs, schema, web pages and the web servers' configurations under PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(share)/sql $(share)/web $(share)/deploy/lighttpd/errors \
	    $(share)/deploy/nginx $(share)/deploy/apache
	install -m 755 $(binaries) $(DESTDIR)$(PREFIX)/bin
	install -m 644 sql/*.sql $(share)/sql
	find web sdk/js/src -type f -exec install -D -m 644 {} $(share)/{} \;
	install -m 644 lighttpd.conf $(share)
	install -m 755 deploy/lighttpd/settings deploy/lighttpd/compression $(share)/deploy/lighttpd
	install -m 644 deploy/lighttpd/errors/*.html $(share)/deploy/lighttpd/errors
	install -m 644 deploy/lighttpd/cgi.conf $(share)/deploy/lighttpd
	install -m 644 deploy/nginx/synckairos.conf $(share)/deploy/nginx
	install -m 644 deploy/apache/synckairos.conf $(share)/deploy/apache

clean: ## remove what was built
	rm -rf build

-include $(all_objects:.o=.d)
