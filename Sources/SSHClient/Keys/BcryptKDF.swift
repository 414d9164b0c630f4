import CBcrypt
import Crypto

/// bcrypt_pbkdf(3) of OpenBSD: makes keys of passphrases, slowly on purpose.
enum BcryptKDF {
    /// `count` bytes for this passphrase and salt. Takes about 7 ms a round for the 48 bytes that aes256-ctr needs.
    static func bytes(_ count: Int, passphrase: [UInt8], salt: [UInt8], rounds: UInt32) -> [UInt8] {
        let hashedPassphrase = Array(SHA512.hash(data: passphrase))
        let blocks = (count + 31) / 32
        var key = [UInt8](repeating: 0, count: blocks * 32)
        for block in 0..<blocks {
            let number = withUnsafeBytes(of: UInt32(block + 1).bigEndian) { Array($0) }
            var last = hash(hashedPassphrase, salt: Array(SHA512.hash(data: salt + number)))
            var sum = last
            for _ in 1..<max(1, rounds) {
                last = hash(hashedPassphrase, salt: Array(SHA512.hash(data: last)))
                for index in sum.indices { sum[index] ^= last[index] }
            }
            // The blocks are interleaved, so that nobody can make only the part of the key that is of use to him.
            for index in sum.indices { key[index * blocks + block] = sum[index] }
        }
        return Array(key.prefix(count))
    }

    private static func hash(_ passphrase: [UInt8], salt: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { space, count in
            if let output = space.baseAddress { saveferry_bcrypt_hash(passphrase, salt, output) }
            count = 32
        }
    }
}
