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
# The address sanitizer keeps freed memory for a while and shadows all of it: a bound on the program's memory (case 58) says
# nothing there, and the codec's can only be watched when little is kept.
test-asan:
	@./Scripts/test --sanitize address --scratch-path .build-asan --skip 'CodecFuzzTests|as large as a disk'
	@ASAN_OPTIONS=quarantine_size_mb=1 ./Scripts/test --sanitize address --scratch-path .build-asan --filter CodecFuzzTests

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
