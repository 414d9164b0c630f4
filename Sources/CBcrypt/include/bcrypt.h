#ifndef CBCRYPT_BCRYPT_H
#define CBCRYPT_BCRYPT_H

#include <stdint.h>

// The slow hash inside bcrypt_pbkdf, with which OPENSSH private key files are encrypted (OpenBSD's bcrypt_pbkdf(3)): two SHA-512
// hashes, of a passphrase and of a salt, become 32 bytes. Takes milliseconds.
void saveferry_bcrypt_hash(const uint8_t passphrase[64], const uint8_t salt[64], uint8_t output[32]);

#endif
