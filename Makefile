# Everything here is also what .ci/run calls, so that a person and CI agree.
GO ?= go

.PHONY: check check-cuts check-kills test fmt vet staticcheck tidy race bench-fetch bench-update

check: fmt vet staticcheck tidy test race ## every gate but the boards'

test: ## the README's test command
	$(GO) test ./...

fmt: ## fails if gofmt would change a file
	@files=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$files" ]; then echo "gofmt would change:" $$files; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

tidy: ## fails if go.mod and go.sum are not what the imports need
	$(GO) mod tidy -diff

race: ## every test again under the race detector
	$(GO) test -race -timeout 20m ./...

check-cuts: ## a device's power cut at every step of an update, each cut 50 times over; minutes
	$(GO) test ./agent -run TestEveryCutOfAnUpdate -v -timeout 60m -cut-seeds 50

check-kills: ## 500 times kill -9 of an agent under load, between two versions; minutes
	$(GO) test ./agent -run TestKilledUnderLoad -v -timeout 60m -kills 500

bench-fetch: ## 500 MB through agent/fetch beside curl and sha256sum; minutes
	$(GO) run ./agent/fetch/measure > docs/benchmarks/fetch.md.new
	mv docs/benchmarks/fetch.md.new docs/benchmarks/fetch.md

bench-update: ## 500 MB through the device's program, whole and as a delta; a minute
	$(GO) test ./agent -run '^$$' -bench 'BenchmarkUpdate$$' -benchtime 5x -timeout 20m -table ../docs/benchmarks/update.md

include arm64/arm64.mk
include cmd/bench-delta/bench.mk
