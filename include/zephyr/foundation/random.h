// Randomness as an argument. The real source is crypto::SystemRandom.
#pragma once

#include <cstdint>
#include <span>

#include "zephyr/foundation/bytes.h"

namespace zephyr {

class Random {
public:
    virtual ~Random() = default;
    // Fills with bytes fit for keys. Throws Fault when the source fails: nothing goes on without it.
    virtual void fill(std::span<std::byte> out) = 0;

    Bytes bytes(std::size_t count) {
        Bytes out(count);
        fill(out);
        return out;
    }
};

}  // namespace zephyr
