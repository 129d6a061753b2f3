#include "zephyr/crypto/random.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

void SystemRandom::fill(std::span<std::byte> out) {
    while (!out.empty()) {
        auto const got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            throw Fault{"crypto: the kernel gave no random bytes: " + std::system_category().message(errno)};
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

}  // namespace zephyr::crypto
