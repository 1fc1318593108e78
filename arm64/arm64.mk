# The device's program for the boards, held to what they can start.
.PHONY: arm64 arm64-check

arm64:
	arm64/sysroot/with go build -trimpath -o bin/arm64/squadron-agent ./cmd/squadron-agent
	arm64/sysroot/gate bin/arm64/squadron-agent

arm64-check:
	arm64/check
