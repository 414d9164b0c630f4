import CLinux
import Foundation

/// Starts `executable` with the arguments after its name, by posix_spawn(3), and returns its process id.
///
/// It inherits what `describe` gives it as descriptors 0 to 2, and no other: the end of a pipe in the hands of another test's server
/// would keep that pipe from ever ending, and an open file the file system that it is on.
public func spawn(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    describe: (inout posix_spawn_file_actions_t) -> Void
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    describe(&actions)
    saveferry_close_others(&actions)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
    let argv = ([executable] + arguments).map { strdup($0) } + [nil]
    let envp = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, executable, &actions, nil, argv, envp)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
    return pid
}

/// Two connected ends that no other process inherits (socketpair(2)).
public func connectedPair() throws -> (ours: Int32, theirs: Int32) {
    var pair: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
    return (pair[0], pair[1])
}
