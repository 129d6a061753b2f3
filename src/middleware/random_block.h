// Random bytes for what every request needs: drawn a block at a time, since asking the kernel costs more than the rest
// of a short answer.
//
// For ids and nonces, which are published with the answer. Not for keys and tokens: what is still to come waits in
// memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include "zephyr/foundation/random.h"

namespace zephyr::middleware {

class RandomBlock final : public Random {
public:
    explicit RandomBlock(Random& source);
    // Safe from many threads. No byte is given twice, and none that is given stays here; a process that forks shares
    // none with its child.
    void fill(std::span<std::byte> out) override;

private:
    Random& source_;
    std::mutex mutex_;
    std::array<std::byte, 4096> block_{};
    std::size_t used_ = block_.size();
    std::uint64_t generation_ = 0;
};

}  // namespace zephyr::middleware
