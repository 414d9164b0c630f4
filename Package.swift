// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "saveferry",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "saveferry", targets: ["saveferry"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibSSH2", pkgConfig: "libssh2", providers: [.apt(["libssh2-1-dev"])]),
        .systemLibrary(
            name: "CLibZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        .systemLibrary(name: "CLinux"),

        .target(name: "CBcrypt"),
        .target(name: "Faults"),
        .target(name: "Planner"),
        .target(
            name: "SSHClient",
            dependencies: [
                "CBcrypt", "CLibSSH2", "Faults",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Store",
            dependencies: [
                "Planner", "CLibZip", "CLinux", "CZlib", "Faults",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Orchestrator",
            dependencies: [
                "Planner", "Store", "SSHClient",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Daemon",
            dependencies: [
                "CLinux", "Orchestrator", "Planner", "Store",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "saveferry",
            dependencies: [
                "CLinux", "Daemon", "Orchestrator", "Planner", "SSHClient", "Store",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ]),

        .executableTarget(
            name: "delay-proxy",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Benchmarks/DelayProxy"),
        .systemLibrary(
            name: "CLibSFTP", path: "Benchmarks/CLibSFTP", pkgConfig: "libssh2", providers: [.apt(["libssh2-1-dev"])]),
        .executableTarget(
            name: "sequential-sftp", dependencies: ["CLibSFTP"], path: "Benchmarks/SequentialSFTP"),
        .executableTarget(name: "stopwatch", path: "Benchmarks/Stopwatch"),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CLibSSH2", "TestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/Suite"),
        .executableTarget(
            name: "plan-benchmark", dependencies: ["Planner", "TestSupport"], path: "Benchmarks/PlanBenchmark"),

        .target(
            name: "TestSupport",
            dependencies: [
                "CLinux",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/Support"),
        .executableTarget(
            name: "soak",
            dependencies: ["TestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Soak"),
        .testTarget(name: "PlannerTests", dependencies: ["Planner", "TestSupport"]),
        .testTarget(name: "SSHClientTests", dependencies: ["SSHClient", "TestSupport"]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "CLibZip", "Faults", "Planner", "Store", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "OrchestratorTests",
            dependencies: [
                "Faults", "Orchestrator", "Planner", "SSHClient", "Store", "TestSupport", "saveferry",
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "Daemon", "Orchestrator", "Planner", "Store", "TestSupport", "saveferry",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(name: "CommandTests", dependencies: ["saveferry", "TestSupport"]),
        .testTarget(name: "BenchTests", dependencies: ["TestSupport", "bench"]),
        .testTarget(name: "SoakTests", dependencies: ["TestSupport", "saveferry", "soak"]),
    ],
    swiftLanguageModes: [.v6]
)
