#include "crypto/roca.h"

#include <array>

namespace zephyr::crypto {

namespace {

// Is `value` a power of 65537 modulo `prime`?
bool is_power(BN_ULONG value, BN_ULONG prime) {
    BN_ULONG const generator = 65537 % prime;
    BN_ULONG power = 1;
    do {
        if (power == value) return true;
        power = power * generator % prime;
    } while (power != 1);
    return false;
}

}  // namespace

bool is_roca(BIGNUM const* modulus) {
    // The paper's section 2: p = k * M + (65537^a mod M), M the product of the first primes. So p, q and their product
    // are powers of 65537 modulo each of those primes. The smallest M (keys up to 960 bits) has these 39; longer keys
    // use more primes, these among them. 2 tells nothing and is left out.
    constexpr std::array<BN_ULONG, 38> primes{3,  5,  7,  11, 13, 17, 19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
                                              73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (auto const prime : primes)
        if (!is_power(BN_mod_word(modulus, prime), prime)) return false;
    return true;
}

}  // namespace zephyr::crypto
