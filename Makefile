# Shorthands for the scripts; see README.md.
.PHONY: run test scenarios faults test-asan test-tsan bench lint format clean

run:
	@./Scripts/run

test:
	@./Scripts/test

scenarios:
	@./Scripts/scenarios

faults:
	@./Scripts/faults

# The same tests under the address and the thread sanitizer, each in a build folder of its own.
test-asan:
	@./Scripts/test --sanitize address --scratch-path .build-asan

test-tsan:
	@./Scripts/test --sanitize thread --scratch-path .build-tsan

bench:
	@./Benchmarks/run

lint:
	@swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

format:
	@swift format --in-place --recursive Sources Tests Benchmarks Package.swift

clean:
	@swift package clean
