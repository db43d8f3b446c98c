# Hearth. `make run` answers a prompt, `make test` runs every test; `make help` lists the rest.
PREFIX ?= /usr/local
PROMPT ?= Why is the sky blue?
FUZZ_SECONDS ?= 300
ROWS ?=
NINJA := ninja
DEST := $(DESTDIR)$(PREFIX)
INSTALLED := bin/hearth share/man/man1/hearth.1 share/bash-completion/completions/hearth \
	share/zsh/site-functions/_hearth share/fish/vendor_completions.d/hearth.fish

.PHONY: build help run test conformance fuzz bench clients load soak asan tsan debug install \
	uninstall tidy format clean

build: ## the program, at build/hearth (the default)
	@scripts/setup.sh run
	@cmake --preset release >/dev/null
	@$(NINJA) -C build hearth

help: ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: build ## install what it needs, build, fetch SmolLM2-135M, answer PROMPT="…"
	@build/hearth pull smollm2
	@build/hearth run smollm2 "$(PROMPT)"

test: ## install what the tests need, build, run every test and check
	@scripts/setup.sh test
	@cmake --preset release >/dev/null
	@$(NINJA) -C build
	@build/hearth pull smollm2
	@scripts/run_tests.py build

conformance: ## compare with numpy, gguf, llama.cpp and transformers; prints one table
	@scripts/setup.sh conformance
	@cmake --preset release >/dev/null
	@$(NINJA) -C build
	@.venv/bin/python scripts/conformance.py

fuzz: ## seven parsers, FUZZ_SECONDS=300 each, under ASan+UBSan, with line coverage
	@scripts/setup.sh test
	@cmake --preset asan >/dev/null
	@$(NINJA) -C build-asan
	@scripts/fuzz.py build-asan --seconds $(FUZZ_SECONDS)

bench: ## speed beside llama.cpp and ik_llama.cpp, an hour; ROWS=prompt,depth,… runs some
	@scripts/setup.sh conformance
	@$(MAKE) --no-print-directory build
	@.venv/bin/python scripts/bench_peers.py $(ROWS)

clients: build ## only the official clients of OpenAI, Ollama and Anthropic, at hearth serve
	@build/hearth pull smollm2
	@scripts/clients.py build

load: ## many users at once, beside llama.cpp's server; half an hour after that is built
	@scripts/setup.sh conformance
	@$(MAKE) --no-print-directory build
	@.venv/bin/python scripts/load.py

soak: ## hearth serve over minutes: prefixes, fairness, slow clients, 20,000 requests, kill -9
	@scripts/setup.sh conformance
	@$(MAKE) --no-print-directory build
	@build/hearth pull smollm2
	@.venv/bin/python tests/server/long_runs.py build

asan tsan: ## the unit tests under ASan+UBSan, or under TSan (clang-19)
	@scripts/setup.sh test
	@cmake --preset $@ >/dev/null
	@$(NINJA) -C build-$@
	@LLVM_PROFILE_FILE=/dev/null build-$@/hearth pull smollm2
	@scripts/run_tests.py build-$@ --only unit --exclude RealModel/portable

debug: ## a build without optimization, in build-debug/
	@scripts/setup.sh test
	@cmake --preset debug >/dev/null
	@$(NINJA) -C build-debug

install: build ## the program, its man page and shell completions, under PREFIX=/usr/local
	@install -Dm755 build/hearth $(DEST)/bin/hearth
	@mkdir -p $(addprefix $(DEST)/,$(dir $(INSTALLED)))
	@build/hearth man >$(DEST)/share/man/man1/hearth.1
	@build/hearth completions bash >$(DEST)/share/bash-completion/completions/hearth
	@build/hearth completions zsh >$(DEST)/share/zsh/site-functions/_hearth
	@build/hearth completions fish >$(DEST)/share/fish/vendor_completions.d/hearth.fish
	@echo "installed $(DEST)/bin/hearth"

uninstall: ## what install put there; models stay (hearth rm removes those)
	@rm -f $(addprefix $(DEST)/,$(INSTALLED))
	@echo "removed $(DEST)/bin/hearth"

tidy: ## only the habits' checks
	@scripts/tidy.py
	@scripts/check_layers.py
	@scripts/check_docs.py

format: ## clang-format over the C++ sources
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

clean: ## the build directories (not the models)
	@rm -rf build build-debug build-asan build-tsan
