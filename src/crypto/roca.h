// RSA keys that one maker's chips made by a formula (CVE-2017-15361, "The Return of Coppersmith's Attack", Nemec and
// others, CCS 2017): their private keys can be computed.
#pragma once

#include <openssl/bn.h>

namespace zephyr::crypto {

// True for such a modulus. One sound key in about 2^27 looks like one as well.
bool is_roca(BIGNUM const* modulus);

}  // namespace zephyr::crypto
