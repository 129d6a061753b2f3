// The real source of randomness: the kernel's.
#pragma once

#include "zephyr/foundation/random.h"

namespace zephyr::crypto {

// getrandom(2): blocks until the kernel's pool is seeded, has no state in this process and so is safe to use from many
// threads and after fork. Throws Fault when the kernel refuses.
class SystemRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override;
};

}  // namespace zephyr::crypto
