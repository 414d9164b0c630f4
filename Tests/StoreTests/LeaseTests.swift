import Foundation
import TestSupport
import Testing

@testable import Store

/// One writer (P6): SCENARIOS 62 and 63 as far as one device and this machine go.
@Suite struct LeaseTests {
    @Test func `62 a second run is told who holds the device`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let lease = try await Lease.acquire(device: device, in: home.store)
        let error = try await #require(throws: StoreError.self) {
            try await Lease.acquire(device: device, in: home.store)
        }
        #expect(error.code == .held)
        #expect(error.what.contains("deck is being synced by another run"))
        #expect(error.what.contains("process \(getpid()), since 2025-06-15T15:06:40Z"))
        lease.release()
    }

    @Test func `62 of many at once exactly one holds it`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let leases = await withTaskGroup(of: Lease?.self) { group in
            for _ in 0..<50 { group.addTask { try? await Lease.acquire(device: device, in: home.store) } }
            var all: [Lease] = []
            for await lease in group { if let lease { all.append(lease) } }
            return all
        }
        #expect(leases.count == 1)
    }

    @Test func `a lease is given back once, on purpose or with its last reference`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let first = try await Lease.acquire(device: device, in: home.store)
        first.release()
        first.release()
        do { _ = try await Lease.acquire(device: device, in: home.store) }
        let third = try await Lease.acquire(device: device, in: home.store)
        third.release()
    }

    @Test func `devices are leased each by itself`() async throws {
        let home = try await Home()
        let one = try await Lease.acquire(device: try await home.device(), in: home.store)
        let other = try await Lease.acquire(device: try await home.device("phone"), in: home.store)
        one.release()
        other.release()
    }

    @Test func `63 another process holds it while it lives, and a killed one is taken over at once`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let file = home.folder("state/leases/\(device.id).lock")
        let holder = try ServerProcess(
            "/usr/bin/flock", ["--no-fork", file, "/usr/bin/tail", "-f", "/dev/null"], log: home.folder("log"))
        try await eventually("the other process holds the lease") {
            try await Command.run("flock", ["--nonblock", file, "true"]).status != 0
        }
        let error = try await #require(throws: StoreError.self) {
            try await Lease.acquire(device: device, in: home.store)
        }
        #expect(error.code == .held)
        // However long it takes, and whatever the clock says, a living one is not taken over.
        home.clock.advance(86_400)
        await #expect(throws: StoreError.self) { try await Lease.acquire(device: device, in: home.store) }
        holder.signal(SIGKILL)
        try await eventually("the lease is taken over") {
            guard let lease = try? await Lease.acquire(device: device, in: home.store) else { return false }
            lease.release()
            return true
        }
    }

    @Test func `a program that a run starts does not inherit its lease`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let lease = try await Lease.acquire(device: device, in: home.store)
        let child = try ServerProcess("/usr/bin/tail", ["-f", "/dev/null"], log: home.folder("log"))
        lease.release()
        let again = try await Lease.acquire(device: device, in: home.store)
        again.release()
        child.signal(SIGKILL)
    }

    @Test func `the lease file is private, and one that can't be opened is an error of its own`() async throws {
        let home = try await Home()
        let device = try await home.device()
        try await Lease.acquire(device: device, in: home.store).release()
        #expect(try home.mode(home.folder("state/leases/\(device.id).lock")) == 0o600)
        try FileManager.default.removeItem(atPath: home.folder("state/leases"))
        let error = try await #require(throws: StoreError.self) {
            try await Lease.acquire(device: device, in: home.store)
        }
        #expect(error.code == .notFound && error.what.contains("lease"))
    }
}
