#include "crypto/sodium_start.h"

#include <sodium.h>

#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

void start_sodium() {
    static bool const started = ::sodium_init() >= 0;
    if (!started) throw Fault{"crypto: libsodium did not start"};
}

}  // namespace zephyr::crypto
