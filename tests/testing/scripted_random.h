// Repeatable "random" bytes: the same seed gives the same stream. For tests alone.
#pragma once

#include <mutex>

#include "zephyr/foundation/random.h"

namespace zephyr::testing {

class ScriptedRandom final : public Random {
public:
    explicit ScriptedRandom(std::uint64_t seed = 1) : state_{seed} {}

    void fill(std::span<std::byte> out) override {
        std::lock_guard const lock{mutex_};
        for (auto& byte : out) {  // splitmix64
            std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
            byte = static_cast<std::byte>(z ^ (z >> 31));
        }
    }

private:
    std::mutex mutex_;
    std::uint64_t state_;
};

}  // namespace zephyr::testing
