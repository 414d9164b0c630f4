# Shorthands for the scripts; see README.md.
.PHONY: run test scenarios bench lint format clean

run:
	@./Scripts/run

test:
	@./Scripts/test

scenarios:
	@./Scripts/scenarios

bench:
	@./Benchmarks/compare

lint:
	@swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

format:
	@swift format --in-place --recursive Sources Tests Benchmarks Package.swift

clean:
	@swift package clean
