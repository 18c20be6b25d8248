# Everything runs in .venv, which every target makes first: Python 3.11+ and make are all it takes.
# Versions that the locked wheels are known for come first, any other after them.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$p" && break; done)
BIN := .venv/bin
READY := .venv/.ready
OTHER_NUMPY := $(CURDIR)/.venv/other-numpy
N ?= 10
SEED ?= 1
SCALE ?= 0.1
READERS ?= spark duckdb polars pyiceberg fastparquet datafusion chdb
READER_SCALE ?= 0.01
VERSION := $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' rowmill/version.py)

# Without its compiled modules every worker process would spend seconds on compiling them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo kind-demo check generate test e2e scale bench readers chaos chaos-crashes chaos-k8s fuzz lint format clean

demo: $(READY)  ## load the web shop into embedded servers, verify it, query it
	$(BIN)/rowmill run -f examples/shop.yaml --scale $(SCALE) || { code=$$?; [ $$code != 2 ] || \
		echo "To drop that and start over: $(BIN)/rowmill run -f examples/shop.yaml --scale $(SCALE) --restart" >&2; \
		exit $$code; }
	$(BIN)/rowmill verify -f examples/shop.yaml
	$(BIN)/rowmill query shop "$$(cat examples/shop.sql)"

# Nobody has run this where Rowmill is built: docs/kubernetes.md, "Untried".
kind-demo:  ## the demo on a Kubernetes cluster in Docker; needs docker, kind, kubectl and helm
	kind create cluster --config kind-config.yaml
	docker build --tag localhost/rowmill-operator:$(VERSION) --file operator/Dockerfile .
	docker build --tag localhost/rowmill-worker:$(VERSION) --file job_image/Dockerfile .
	kind load docker-image --name rowmill localhost/rowmill-operator:$(VERSION) localhost/rowmill-worker:$(VERSION)
	helm upgrade --install rowmill helm/rowmill --kube-context kind-rowmill --wait \
		--namespace rowmill-system --create-namespace \
		--set destinations.postgres.secretName=warehouse \
		--set destinations.parquet.bucket=rowmill --set destinations.parquet.secretName=lake
	kubectl --context kind-rowmill create namespace trial
	kubectl --context kind-rowmill --namespace trial apply --filename examples/dev-stack.yaml
	kubectl --context kind-rowmill --namespace trial rollout status statefulset/postgres
	kubectl --context kind-rowmill --namespace trial rollout status statefulset/s3
	kubectl patch --local --filename examples/shop.yaml --type merge --output yaml \
		--patch '{"spec": {"scale": $(SCALE)}}' \
		| kubectl --context kind-rowmill --namespace trial apply --filename -
	kubectl --context kind-rowmill --namespace trial wait experiment/shop --for condition=Complete --timeout 15m

check: $(READY) lint  ## lint, types, layers and all unit tests: the loop while one works
	$(BIN)/python -m pytest -n 2 --quiet tests/unit

generate: $(READY)  ## write the files that are made from code: CRD, references, goldens of new kinds
	$(BIN)/python -m scripts.generate

test: $(READY) $(OTHER_NUMPY)/.ready lint  ## lint, types, layers, all tests, coverage, 3 readers, 10 fault schedules; on a cluster 3 more
	rm -f .coverage .coverage.*
	ROWMILL_OTHER_NUMPY=$(OTHER_NUMPY) $(BIN)/coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered
	$(BIN)/coverage xml -q && $(BIN)/python -m scripts.check_coverage coverage.xml --lines 90
	$(MAKE) --no-print-directory readers READERS="duckdb polars pyiceberg"
	$(MAKE) --no-print-directory chaos N=10
	$(MAKE) --no-print-directory e2e
	$(MAKE) --no-print-directory chaos-k8s N=3

e2e: $(READY)  ## the end-to-end tests, on the cluster of KUBECONFIG or else on a node that they start
	$(BIN)/python -m tests.e2e.cluster prepare
	$(BIN)/python -m pytest tests/e2e

scale: $(READY)  ## 1,000 experiments on a real control plane with simulated pods, and what real pods do; ONLY=seen takes a part
	$(BIN)/python -m tests.scale $(foreach part,$(ONLY),--only $(part))

bench: $(READY)  ## measure the numbers of docs/benchmarks.md and write them there; with BASE=COMMIT this tree against that one
	$(BIN)/python -m tests.bench $(if $(BASE),--base $(BASE)) $(if $(ROWS),--rows $(ROWS)) \
		$(if $(RUNS),--runs $(RUNS)) $(foreach part,$(ONLY),--only $(part))

readers: $(READY)  ## open what Rowmill writes in READERS, each in an environment of its own
	$(BIN)/python -m tests.readers --scale $(READER_SCALE) --readers $(READERS)

chaos: $(READY)  ## N seeded random fault schedules, each followed by resume and verify
	$(BIN)/python -m tests.chaos --schedules $(N) --seed $(SEED)

chaos-crashes: N = 30
chaos-crashes: $(READY)  ## N seeded crashes of Postgres that take batches which it had committed, each followed by resume and verify
	$(BIN)/python -m tests.chaos --schedules $(N) --seed $(SEED) --crashes

chaos-k8s: N = 3
chaos-k8s: $(READY)  ## N such schedules on a Kubernetes node: pods, operator, API server and servers die
	$(BIN)/python -m tests.e2e.cluster prepare
	$(BIN)/python -m tests.chaos_k8s --schedules $(N) --seed $(SEED)

fuzz: SECONDS = 600
fuzz: $(READY)  ## calls of the REST API drawn at random for SECONDS, each answer held against its OpenAPI document; SEED=N draws the same again
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(if $(filter command% env%,$(origin SEED)),--seed $(SEED))

lint: $(READY)  ## style, types, import layers, licences of the locks, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.check_licences
	$(BIN)/python -m scripts.generate --check

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .coverage .coverage.* coverage.xml .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Rowmill needs Python 3.11 or newer, with venv; none was found on PATH."; exit 2; }
	@echo "First, once: making .venv with $(PYTHON)."
	@$(PYTHON) -m venv .venv
	@echo "Installing the $$(grep -c == requirements.lock) packages of requirements.lock into it: a minute or two, with nothing to see."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@echo "Installing Rowmill itself."
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@echo "Ready: .venv/bin/rowmill"
	@touch $@

# An older numpy beside the locked one: the same rows must come out of both.
$(OTHER_NUMPY)/.ready: tests/other-numpy.lock $(READY)
	@echo "Installing an older numpy beside, for the tests that compare the two."
	@$(BIN)/python -m pip install --quiet --upgrade --require-hashes --target $(OTHER_NUMPY) -r tests/other-numpy.lock
	@touch $@
