#include "zephyr/crypto/constant_time.h"

#include <openssl/crypto.h>

namespace zephyr::crypto {

bool equal_constant_time(ByteView a, ByteView b) {
    if (a.size() != b.size()) return false;
    return a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace zephyr::crypto
