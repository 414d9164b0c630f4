#include "bcrypt.h"

#include <string.h>

#include "pi.h"

// Blowfish with the two kinds of key schedule that bcrypt has (Provos and Mazières, USENIX 1999).
typedef struct {
    uint32_t subkeys[18];
    uint32_t boxes[4][256];
} blowfish;

static inline uint32_t mix(const blowfish *state, uint32_t x) {
    return ((state->boxes[0][x >> 24] + state->boxes[1][x >> 16 & 0xff]) ^ state->boxes[2][x >> 8 & 0xff])
        + state->boxes[3][x & 0xff];
}

static inline void encipher(const blowfish *state, uint32_t block[2]) {
    uint32_t left = block[0] ^ state->subkeys[0], right = block[1];
    for (int round = 1; round < 17; round += 2) {
        right ^= mix(state, left) ^ state->subkeys[round];
        left ^= mix(state, right) ^ state->subkeys[round + 1];
    }
    block[0] = right ^ state->subkeys[17];
    block[1] = left;
}

// All keys and salts here are 16 words, which repeat.
static inline void expand(blowfish *state, const uint32_t salt[16], const uint32_t key[16]) {
    for (int i = 0; i < 18; i++) state->subkeys[i] ^= key[i % 16];
    uint32_t block[2] = {0, 0};
    int position = 0;
    // The subkeys and the boxes lie one behind the other.
    uint32_t *words = (uint32_t *)state;
    for (int i = 0; i < 18 + 4 * 256; i += 2) {
        if (salt) {
            block[0] ^= salt[position];
            block[1] ^= salt[position + 1];
            position = (position + 2) % 16;
        }
        encipher(state, block);
        words[i] = block[0];
        words[i + 1] = block[1];
    }
}

static void read_words(const uint8_t *bytes, uint32_t *words, int count) {
    for (int i = 0; i < count; i++)
        words[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8
            | bytes[4 * i + 3];
}

void saveferry_bcrypt_hash(const uint8_t passphrase[64], const uint8_t salt[64], uint8_t output[32]) {
    blowfish state;
    _Static_assert(sizeof(state) == sizeof(pi), "the state is as long as what it begins with");
    memcpy(&state, pi, sizeof(state));
    uint32_t key[16], salted[16], text[8];
    read_words(passphrase, key, 16);
    read_words(salt, salted, 16);
    expand(&state, salted, key);
    for (int i = 0; i < 64; i++) {
        expand(&state, 0, salted);
        expand(&state, 0, key);
    }
    read_words((const uint8_t *)"OxychromaticBlowfishSwatDynamite", text, 8);
    for (int i = 0; i < 64; i++)
        for (int block = 0; block < 8; block += 2) encipher(&state, text + block);
    // Unlike everywhere else in Blowfish, the least significant byte comes first.
    for (int i = 0; i < 8; i++)
        for (int byte = 0; byte < 4; byte++) output[4 * i + byte] = (uint8_t)(text[i] >> 8 * byte);
    memset(&state, 0, sizeof(state));
}
