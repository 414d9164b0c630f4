import Crypto
import NIOCore
import NIOPosix

/// Decrypts private keys, each file once for all who need it at about the same time.
///
/// What a passphrase protects is slow to decrypt on purpose, and devices with other keys don't wait for it (``KeyThreads``). What was
/// decrypted is kept in memory while somebody needs it, and never written or logged.
public actor KeyRing {
    private var keys: [SHA512Digest: EventLoopFuture<Secret?>] = [:]
    private var users = 0
    /// How many keys were decrypted, for tests.
    private(set) var decryptions = 0

    /// Longer than anybody waits for a key.
    private static let patience: Duration = .seconds(600)

    /// Holds no key yet.
    public init() {}

    /// Runs `work`, and keeps what is decrypted until the last such work has ended.
    public nonisolated func keeping<Result>(_ work: () async -> Result) async -> Result {
        await enter()
        let result = await work()
        await leave()
        return result
    }

    private func enter() { users += 1 }

    private func leave() {
        users -= 1
        if users == 0 { keys = [:] }
    }

    /// The key without its encryption. Throws ``SSHError/Code/badKeyFile`` for a wrong passphrase. Ends at once when the task is
    /// cancelled.
    func text(of key: OpenSSHKey, in file: String, passphrase: Secret) async throws(SSHError) -> Secret {
        let future = decrypt(key, passphrase)
        guard let answer = await future.value(within: KeyRing.patience) else {
            throw Task.isCancelled
                ? SSHError(.cancelled, "the decryption of the key \(file) was given up")
                : KeyFile.unusable(
                    file, "it was not decrypted within \(KeyRing.patience)",
                    advice: "Give it fewer rounds: ssh-keygen -p -a 16 -f \(KeyFile.word(file))")
        }
        guard let text = answer else {
            throw KeyFile.unusable(file, "the passphrase is wrong", advice: "Give its passphrase.")
        }
        return text
    }

    private func decrypt(_ key: OpenSSHKey, _ passphrase: Secret) -> EventLoopFuture<Secret?> {
        let id = key.digest(with: passphrase)
        if let known = keys[id] { return known }
        let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Secret?.self)
        decryptions += 1
        if users > 0 { keys[id] = promise.futureResult }
        KeyThreads.shared.run { promise.succeed(key.text(with: passphrase)) }
        return promise.futureResult
    }
}
