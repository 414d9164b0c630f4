import ArgumentParser
import Foundation
import Logging
import Store

extension CompletionKind {
    /// The names of the devices, in the state that the line so far and the environment name.
    static let deviceNames = CompletionKind.custom { words, _, _ in await DeviceNames.all(on: words) }
}

/// What a shell offers where a device's name is expected.
private enum DeviceNames {
    /// None where there is no state yet, or it can't be read: a shell that completes a line shows no errors.
    static func all(on words: [String]) async -> [String] {
        guard
            let settings = try? Settings(
                home: value(of: "--home", in: words), config: value(of: "--config", in: words)),
            FileManager.default.fileExists(atPath: Store.database(in: settings.stateDirectory)),
            let store = try? await Store.open(
                stateDirectory: settings.stateDirectory, libraryDirectory: settings.libraryDirectory, now: { Date() },
                logger: Logger(label: "completion") { _ in SwiftLogNoOpLogHandler() })
        else { return [] }
        let names = try? await store.devices().map(\.settings.name)
        store.close()
        return names ?? []
    }

    private static func value(of option: String, in words: [String]) -> String? {
        words.firstIndex(of: option).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
    }
}
