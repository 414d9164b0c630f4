/// Names that a device's file system can't hold.
extension SFTPClient {
    /// The error that says so, where `error` came from the name of `target`; else `error` itself.
    ///
    /// Servers answer such a name in many ways ("no such file", "Bad message"), so it is tried: a folder whose name has the same
    /// characters is refused there, and one without them is not.
    public func explained(_ error: SSHError, named target: RemotePath) async -> SSHError {
        let characters = Leftover.refusedOnFAT(target.name)
        guard !characters.isEmpty,
            await !canHold(Leftover.temporaryName(like: target.name), in: target.parent),
            await canHold(Leftover.temporaryName(), in: target.parent)
        else { return error }
        let shown = characters.map { printable([$0]) }
        return SSHError(
            .unusableName,
            "the device's card can't hold the name \(printable(target.name)), because of the "
                + "\(shown.count == 1 ? "character" : "characters") \(shown.joined(separator: " ")) in it",
            advice:
                "FAT and exFAT allow none of \\ : * ? \" < > | in names. Rename the game's files where the save comes from "
                + "and remove the save under its old name with `saveferry delete`, or leave it out with `saveferry untrack`."
        )
    }

    private func canHold(_ name: [UInt8], in folder: RemotePath) async -> Bool {
        let path = folder.appending(name)
        do throws(SSHError) { try await makeDirectory(path) } catch { return false }
        try? await removeDirectory(path)
        return true
    }
}
