import Logging
import Planner
import SSHClient
import Store

/// Carries out a plan: pulls and conflicts into the library first, then what goes to the device.
///
/// It decides nothing. Each operation fails alone; only a lost connection or a full server ends the run.
struct Executor: Sendable {
    let device: Device
    let plan: Plan
    /// What the plan was made of, on the device's side.
    let listings: [DirectoryListing]
    /// The server's side as the plan saw it.
    let scope: SyncScopeIndex
    /// The contents that were read and may have to be kept, by save.
    let staged: [SaveKey: [StagedContent]]
    let staging: Staging
    let sftp: SFTPClient
    let store: Store
    let clock: any SystemClock
    let ledger: Ledger
    let stop: StopRequest
    let logger: Logger

    /// Carries the plan out. Returns what ended the run early, or nil.
    func carryOut() async -> DeviceFailure? {
        do {
            try await pull()
            try await openConflicts()
            try await recordAgreements()
            try await push()
            try await remove()
            return nil
        } catch {
            return DeviceFailure(error)
        }
    }

    /// An operation with its place in the plan.
    struct Numbered<Payload: Sendable>: Sendable {
        let index: Int
        let operation: Operation
        let payload: Payload
    }

    /// The operations for which `select` has an answer, in the plan's order.
    func operations<Payload>(_ select: (Operation) -> Payload?) -> [Numbered<Payload>] {
        plan.operations.enumerated().compactMap { index, operation in
            select(operation).map { Numbered(index: index, operation: operation, payload: $0) }
        }
    }

    /// How many changes share a transaction: few enough that a crash repeats little.
    static let batchSize = 1_024
    /// How many pushes are made ready together, with their old contents to safety, while earlier ones are sent.
    static let pushesMadeReady = 256
    /// How many pushes wait for the device at once: enough to fill the pipeline, few enough to be stopped soon.
    static let pushesUnderWay = 384
}
