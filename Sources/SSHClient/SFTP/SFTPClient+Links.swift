extension SFTPClient {
    /// Whether a symbolic link stands at `path`. One round trip.
    ///
    /// Some servers follow links where they should not: MySecureShell in listings, ProFTPD's mod_sftp in LSTAT. Before something
    /// is put over what a listing called a file or a folder, or removed with all that is in it, this is asked.
    public func isLink(_ path: RemotePath) async throws(SSHError) -> Bool {
        try await lookForLink(at: path).hasFound()
    }

    /// Where the symbolic link at `path` leads, as it is written in it; nil where the server names no such link.
    public func linkTarget(of path: RemotePath) async throws(SSHError) -> RemotePath? {
        guard case .names(let names) = try await single(.readLink(path.bytes)) else { return nil }
        return names.first.map { RemotePath(bytes: $0.name) }
    }

    /// Throws where a symbolic link stands at `path`: a rename would put a file or a folder of its own in the link's place.
    public func refuseLink(at path: RemotePath) async throws(SSHError) {
        try await refuseLink(lookForLink(at: path), path)
    }

    /// Throws where one of `paths`, which a listing called files or folders, is a symbolic link.
    public func refuseLinks(among paths: [RemotePath]) async throws(SSHError) {
        if let link = try await links(among: paths).first { throw SSHError(link: link) }
    }

    /// Those of `paths` that are symbolic links although a listing called them files or folders, in their order. OpenSSH's
    /// listings say it themselves; other servers are asked, in one flight.
    public func links(among paths: [RemotePath]) async throws(SSHError) -> [RemotePath] {
        guard !capabilities.resemblesOpenSSH else { return [] }
        var links: [RemotePath] = []
        for (path, look) in paths.map({ ($0, lookForLink(at: $0)) }) where try await look.hasFound() {
            links.append(path)
        }
        return links
    }

    /// Throws where one of `paths` is a symbolic link that the server takes for what it leads to, as ProFTPD's mod_sftp does: its
    /// RENAME would move that.
    public func refuseFollowedLinks(among paths: [RemotePath]) async throws(SSHError) {
        guard !capabilities.resemblesOpenSSH else { return }
        for (path, look) in paths.map({ ($0, lookForLink(at: $0)) }) where try await look.isFollowed() {
            throw SSHError(
                .unsupported,
                "\(path) is a symbolic link on the device, and its server would move what the link leads to",
                advice: "Put what it leads to there, or remove the link.")
        }
    }

    func refuseLink(_ look: LinkLook, _ path: RemotePath) async throws(SSHError) {
        if try await look.hasFound() { throw SSHError(link: path) }
    }

    /// Asks for it without waiting.
    func lookForLink(at path: RemotePath) -> LinkLook {
        let pipeline = leastBusy()
        return LinkLook(
            attributes: pipeline.send(.lstat(path.bytes)),
            // OpenSSH's LSTAT is one; others are asked in both ways.
            target: capabilities.resemblesOpenSSH ? nil : pipeline.send(.readLink(path.bytes)))
    }

    /// Two looks at one place, on their way.
    ///
    /// Confined to the client's actor.
    struct LinkLook {
        let attributes: Pending<SFTPResponse>
        fileprivate let target: Pending<SFTPResponse>?

        /// A refusal is no link: nothing stands there, or the server knows none.
        func hasFound(isolation: isolated (any Actor)? = #isolation) async throws(SSHError) -> Bool {
            let seen = try await attributes.value()
            let target = try await target?.value()
            if case .attributes(let attributes) = seen, attributes.kind == .symlink { return true }
            if case .names(let names)? = target { return !names.isEmpty }
            return false
        }

        /// Whether a link stands there that LSTAT follows to something.
        func isFollowed(isolation: isolated (any Actor)? = #isolation) async throws(SSHError) -> Bool {
            let seen = try await attributes.value()
            guard case .names(let names)? = try await target?.value(), !names.isEmpty,
                case .attributes(let attributes) = seen
            else { return false }
            return attributes.kind != .symlink
        }
    }
}

extension SSHError {
    fileprivate init(link path: RemotePath) {
        self.init(
            .unsupported, "\(path) is a symbolic link on the device, which would be lost",
            advice: "Put the save itself there, or sync the directory that the link points into.")
    }
}
