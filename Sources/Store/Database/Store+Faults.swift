import Faults
import GRDB

/// The seams at which tests let the database fail, and read along. Release builds have the transaction and nothing else.
extension Store {
    #if DEBUG
        /// Told of every statement of the stores that are opened under it, as SQLite carries it out.
        @TaskLocal static var onStatement: (@Sendable (String) -> Void)?
    #endif

    static func observe(_ configuration: inout Configuration) {
        #if DEBUG
            guard let onStatement else { return }
            configuration.prepareDatabase { db in db.trace { onStatement("\($0)") } }
        #endif
    }

    /// Has `perform` carry out `body` in a transaction, for `purpose`.
    static func transaction<Value: Sendable>(
        _ name: StaticString, _ purpose: StaticString, _ body: @escaping @Sendable (Database) throws -> Value,
        _ perform: (@escaping @Sendable (Database) throws -> Value) async throws -> Value
    ) async throws -> Value {
        #if DEBUG
            let isWrite = "\(name)" == "write"
            if let kind = FaultInjector.current?.strike(.database, "\(name) \(purpose)", changes: isWrite) {
                _ = try await perform { db in
                    let value = try body(db)
                    switch kind {
                    case .killAfter, .failureAfter: break
                    case .noSpace: throw DatabaseError(resultCode: .SQLITE_FULL)
                    case .permissionDenied: throw DatabaseError(resultCode: .SQLITE_READONLY)
                    default: throw DatabaseError(resultCode: .SQLITE_IOERR)
                    }
                    return value
                }
                if kind == .killAfter { FaultInjector.killProcess() }
                throw DatabaseError(resultCode: .SQLITE_IOERR)
            }
        #endif
        return try await perform(body)
    }
}
