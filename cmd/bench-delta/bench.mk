# What an update costs: docs/benchmarks/delta.md. The fine-tuned pair is trained
# once (a few minutes) and kept in .cache.
.PHONY: bench-delta

bench-delta: .cache/delta-pair/tuned.onnx
	mkdir -p docs/benchmarks
	$(GO) run ./cmd/bench-delta run --pair .cache/delta-pair --out docs/benchmarks/delta.md

.cache/delta-pair/tuned.onnx:
	$(GO) run ./cmd/train-digits pair --out .cache/delta-pair
