import ArgumentParser
import CLinux
import Foundation

/// The command line.
@main
struct SaveFerry: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "saveferry",
        abstract: "Keeps game saves in step between this server and handhelds, over SSH.",
        discussion: """
            A first sync, from nothing:

              saveferry device add pocket --host 192.168.1.20 --dir gba=/storage/roms/gba
              saveferry device trust pocket
              saveferry plan pocket
              saveferry sync pocket

            Exit codes: 0 all done, 1 some operations failed, 2 wrong usage or configuration, 3 done but conflicts are \
            open, 4 halted by a safety limit, 5 device unreachable, 6 host key unknown or changed, 7 authentication \
            refused, 8 another run holds the device, or another daemon the state. With several devices the \
            highest counts.
            """,
        version: version,
        subcommands: [
            DeviceCommand.self, PlanCommand.self, SyncCommand.self, ServeCommand.self, StatusCommand.self,
            EventsCommand.self,
            SavesCommand.self, HistoryCommand.self, RestoreCommand.self, ExportCommand.self, RetentionCommand.self,
            VerifyCommand.self, RehashCommand.self, SnapshotCommand.self,
            DeleteCommand.self, UntrackCommand.self,
            TrackCommand.self, ConflictsCommand.self, SessionsCommand.self, DoctorCommand.self, NotifyCommand.self,
            ManualCommand.self,
        ])

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        keepStandardDescriptors()
        saveferry_keep_freed_memory()
        do {
            var command = try await asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            end(with: 0)
        } catch let error as ExitCode {
            end(with: error.rawValue)
        } catch {
            end(with: report(error))
        }
    }

    /// Where one of the three is closed, the first file that is opened would get its number, and answers would go into that file.
    /// Opened like this, they still can't be used.
    private static func keepStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Ends the process without the exit handlers of the libraries: OpenSSL's takes apart what a connection that is just
    /// being closed on its own thread still uses (OPENSSL_cleanup(3)). An answer that is not whole is a failure of its own.
    private static func end(with code: Int32) -> Never {
        guard let reason = Console.endAnswer() else { _exit(code) }
        Console.error("the answer is not whole, standard output can't be written: \(reason)")
        _exit(max(code, 1))
    }

    /// Prints what went wrong and returns the exit code for it.
    private static func report(_ error: any Error) -> Int32 {
        if let ending = Ending(error) {
            Console.error(ending.message)
            return ending.exitCode
        }
        // Help and version are answers; everything else of the parser's is wrong usage.
        let code = exitCode(for: error)
        let message = fullMessage(for: error)
        if code == .success { Console.answer(message) } else { Console.note(message) }
        return code == .success ? 0 : 2
    }
}
