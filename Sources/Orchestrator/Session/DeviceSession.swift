import Foundation
import Logging
import Planner
import SSHClient
import Store

/// One run of one device. ``run(trigger:)`` is the way of a save from top to bottom.
struct DeviceSession: Sendable {
    private(set) var device: Device
    /// Valves that the user opened for this run's plan.
    let allowed: Set<Valve>
    /// What the user wants on the device again.
    let putBack: PutBack?
    let environment: Orchestrator
    /// Tells whether the device keeps this run waiting.
    let pulse: Pulse
    private let stop = StopRequest()

    init(
        device: Device, allowed: Set<Valve>, putBack: PutBack?, environment: Orchestrator, pulse: Pulse
    ) {
        self.device = device
        self.allowed = allowed
        self.putBack = putBack
        self.environment = environment
        self.pulse = pulse
    }

    private var store: Store { environment.store }
    private var name: String { device.settings.name }

    /// What a run would do. Changes nothing on the device, in the library or in the database.
    func plan() async -> Result<Plan, DeviceFailure> {
        do {
            // Known by the time the device has been reached and listed.
            let scope = Task { [store, device] in try await store.syncScope(for: device) }
            let plan = try await environment.withSFTP(
                to: device, toList: device.directories, pulse: pulse
            ) { connection, sftp in
                try await withStaging(Staging.discarding(), closing: { await $0.discard() }) { staging in
                    let found = try await RemoteLister(sftp: sftp).list(device.directories)
                    let listings = found.map { $0.listing.awaitingRepair(of: $0.leftovers) }
                    return try await examine(
                        listings, covering(listings, scope.value), over: connection, sftp, into: staging,
                        keepsContents: false
                    ).plan
                }
            }
            return .success(plan)
        } catch {
            return .failure(DeviceFailure(error))
        }
    }

    /// Plans and carries out one run: lease, connect and check the key, list, read what must be known, plan, and then
    /// pulls into the library before pushes to the device. Everything is recorded.
    func run(trigger: SessionTrigger) async -> SessionReport {
        await stop.guarding {
            do {
                try stop.check()
                var session = self
                session.device = try await deviceByNow()
                let lease = try await Lease.acquire(device: session.device, in: store)
                let report = await session.runHoldingLease(trigger: trigger)
                lease.release()
                return report
            } catch {
                return await report(failure: DeviceFailure(error))
            }
        }
    }

    /// The device as it is when its turn comes: what it was to be synced with may have been changed for a reason.
    private func deviceByNow() async throws -> Device {
        let isGone = DeviceFailure(
            code: .interrupted, message: "\(name) was removed, renamed or disabled before its turn came")
        do {
            let current = try await store.device(named: name)
            // One that was disabled already was asked for by its name.
            guard current.id == device.id, current.settings.isEnabled || !device.settings.isEnabled else {
                throw isGone
            }
            return current
        } catch let error as StoreError where error.code == .notFound {
            throw isGone
        }
    }

    private func runHoldingLease(trigger: SessionTrigger) async -> SessionReport {
        do {
            try await store.closeAbandonedSessions(device: device.id)
            // Known by the time the device has been reached and listed. What changes on the server from here on is found
            // when it is to be recorded.
            let scope = Task { [store, device] in try await store.syncScope(for: device) }
            return try await environment.withSFTP(
                to: device, toList: device.directories, pulse: pulse
            ) { connection, sftp in
                try await withStaging(try await store.openStaging(), closing: store.close) { staging in
                    // A device that lacks much gets its channels opened while it is being listed.
                    let pushes = try await scope.value.likelyPushes(to: device.directories)
                    async let widened: Void = sftp.widen(forReplacing: pushes)
                    let listings = try await listAndRepair(scope.value, over: connection, sftp, into: staging)
                    let examined = try await examine(
                        listings, covering(listings, scope.value), over: connection, sftp, into: staging,
                        keepsContents: true)
                    await widened
                    // A server that ended the connection over a further channel gets all of it once more with one.
                    try await connection?.checkIsOpen()
                    try stop.check()
                    let ledger = try await Ledger.begin(
                        examined.plan, of: device, trigger: trigger, store: store, events: environment.events)
                    let executor = Executor(
                        device: device, plan: examined.plan, listings: listings, scope: examined.scope,
                        staged: examined.staged,
                        staging: staging, sftp: sftp,
                        store: store, clock: environment.clock, ledger: ledger, stop: stop, logger: environment.logger)
                    let failure = await executor.carryOut()
                    return try await ledger.finish(failure: failure)
                }
            }
        } catch {
            let failure = DeviceFailure(error)
            return await report(failure: failure, session: await recordFailed(failure, trigger: trigger))
        }
    }

    /// Lists every directory; where an earlier transfer was interrupted, repairs it and lists again.
    private func listAndRepair(
        _ scope: SyncScopeIndex, over connection: SSHConnection?, _ sftp: SFTPClient, into staging: Staging
    ) async throws -> [DirectoryListing] {
        let lister = RemoteLister(sftp: sftp)
        let found = try await lister.list(device.directories)
        let torn = found.filter { !$0.leftovers.isEmpty }
        guard !torn.isEmpty else { return found.map(\.listing) }
        let scope = try await covering(found.map(\.listing), scope)
        for directory in torn {
            environment.logger.notice(
                "repairing an interrupted transfer",
                metadata: ["device": "\(name)", "directory": "\(directory.listing.directory.path)"])
            let repair = LeftoverRepair(
                device: device, directory: directory.listing.directory, sftp: sftp, store: store, scope: scope,
                staging: staging,
                reader: reader(of: scope, listed: environment.clock.moment(), over: connection, sftp, into: staging))
            for refusal in try await repair.repair(directory.leftovers) {
                environment.logger.warning(
                    "not repaired: \(DeviceFailure(refusal))", metadata: ["device": "\(name)"])
            }
        }
        // What could not be repaired says nothing of its save, and keeps no other from being synced.
        return try await lister.list(device.directories).map { $0.listing.awaitingRepair(of: $0.leftovers) }
    }

    /// The server's side, loaded anew where the device shows platforms that were not expected of it.
    private func covering(_ listings: [DirectoryListing], _ scope: SyncScopeIndex) async throws -> SyncScopeIndex {
        let platforms = listings.reduce(into: Set()) { $0.formUnion($1.platforms) }
        return scope.covers(platforms) ? scope : try await store.syncScope(for: device, of: platforms)
    }

    /// Everything that was learnt of the device, and the plan that follows from it.
    private struct Examined: Sendable {
        let plan: Plan
        let scope: SyncScopeIndex
        let staged: [SaveKey: [StagedContent]]
    }

    private func examine(
        _ listings: [DirectoryListing], _ scope: SyncScopeIndex, over connection: SSHConnection?, _ sftp: SFTPClient,
        into staging: Staging, keepsContents: Bool
    ) async throws -> Examined {
        let listed = environment.clock.moment()
        let pairing = Pairing(listings: listings, scope: scope)
        let toRead = survey(pairing, deletions: device.settings.deletionPolicy)
        debug("listed", ["saves": "\(pairing.count)", "to_read": "\(toRead.count)"])
        async let reserved: Void = reserveFolders(for: toRead, scope, in: staging, keepsContents)
        let reader = reader(
            of: scope, listed: listed, over: connection, sftp, into: staging, keepsContents: keepsContents)
        var knowledge: [SaveKey: DeviceKnowledge] = [:]
        var staged: [SaveKey: [StagedContent]] = [:]
        let readings = try await reader.read(toRead)
        for reading in readings {
            knowledge[reading.key] = reading.knowledge
            staged[reading.key] = reading.staged
        }
        warnOfOldListing(readings.count { $0.isListedOld })
        await reserved
        debug("read", ["saves": "\(toRead.count)"])
        let plan = makePlan(
            PlanInput(
                device: name, now: Int64(environment.clock.now().timeIntervalSince1970),
                conflictPolicy: device.settings.conflictPolicy ?? environment.settings.conflictPolicy,
                deletionPolicy: device.settings.deletionPolicy, pairing: pairing, knowledge: knowledge,
                allowed: allowed, putBack: putBack))
        debug("planned", ["operations": "\(plan.operations.count)"])
        return Examined(plan: plan, scope: scope, staged: staged)
    }

    private func reader(
        of scope: SyncScopeIndex, listed: Moment, over connection: SSHConnection?, _ sftp: SFTPClient,
        into staging: Staging, keepsContents: Bool = true
    ) -> ContentReader {
        let recognizer = ContentRecognizer(
            connection: device.settings.runsCommands ? connection : nil, sftp: sftp, store: store,
            directories: device.directoriesByID, scope: scope,
            listed: listed, clock: environment.clock, patience: environment.settings.deadlines.command)
        return ContentReader(
            sftp: sftp, staging: staging, directories: device.directoriesByID, scope: scope, recognizer: recognizer,
            listed: listed, clock: environment.clock, keepsContents: keepsContents)
    }

    /// Once for the whole run: the server is the cause, and each save waits for it.
    private func warnOfOldListing(_ saves: Int) {
        guard saves > 0 else { return }
        environment.logger.warning(
            "the device's SFTP server shows an old listing; what it shows so is left for a later run (rclone: --dir-cache-time)",
            metadata: ["device": "\(name)", "saves": "\(saves)"])
    }

    /// Most saves that the server does not know are going to be pulled.
    private func reserveFolders(
        for saves: [DeviceSave], _ scope: SyncScopeIndex, in staging: Staging, _ keepsContents: Bool
    ) async {
        guard keepsContents else { return }
        let new = saves.lazy.map(\.identity).filter { scope.server($0.key) == nil }
        await store.library.reserveFolders(for: Array(new), in: staging)
    }

    private func debug(_ message: Logger.Message, _ about: Logger.Metadata) {
        environment.logger.debug(message, metadata: about.merging(["device": "\(name)"]) { $1 })
    }

    private func withStaging<Result: Sendable>(
        _ staging: Staging, closing close: (Staging) async -> Void, _ work: (Staging) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await work(staging)
            await close(staging)
            return result
        } catch {
            await close(staging)
            throw error
        }
    }

    /// A run that failed before it had a plan is recorded all the same. Returns its number.
    private func recordFailed(_ failure: DeviceFailure, trigger: SessionTrigger) async -> Int64? {
        let status: SessionStatus = failure.code == .interrupted ? .cancelled : .failed
        do {
            return try await uncancelled {
                let session = try await store.beginSession(device: device, trigger: trigger, operations: [])
                try await store.finishSession(
                    session.id, status: status, error: failure.description, totals: SessionTotals())
                return session.id
            }
        } catch {
            environment.logger.error("the failed run could not be recorded: \(error)", metadata: ["device": "\(name)"])
            return nil
        }
    }

    private func report(failure: DeviceFailure, session: Int64? = nil) async -> SessionReport {
        environment.events.publish(
            .error(failure), device: name, session: session, totals: session.map { _ in SessionTotals() })
        let open = try? await uncancelled { try await store.openConflictCount(device: device.id) }
        return SessionReport(
            device: name, session: session, status: failure.code == .interrupted ? .cancelled : .failed, plan: nil,
            outcomes: [], failure: failure, openConflicts: open ?? 0)
    }
}

extension Device {
    var directoriesByID: [Int64: SaveDirectory] {
        Dictionary(directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }
}
