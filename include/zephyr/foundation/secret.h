// Values that must not be printed, compared carelessly or left behind in memory.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "zephyr/foundation/bytes.h"

namespace zephyr {

// Overwrites memory in a way the optimiser keeps.
void wipe(void* memory, std::size_t size) noexcept;

// Owns secret bytes or text. Has no operator<<, no implicit conversion and no ==; wiped on destruction and when
// moved from. `reveal()` is the one, greppable way to the content.
template <class T>
class Secret {
public:
    Secret() = default;
    explicit Secret(T value) : value_{std::move(value)} {}
    Secret(Secret const& other) = default;
    Secret(Secret&& other) noexcept : value_{std::move(other.value_)} { other.clear(); }
    Secret& operator=(Secret const& other) {
        if (this != &other) {
            clear();
            value_ = other.value_;
        }
        return *this;
    }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            clear();
            value_ = std::move(other.value_);
            other.clear();
        }
        return *this;
    }
    ~Secret() { clear(); }

    T const& reveal() const { return value_; }
    bool empty() const { return value_.empty(); }
    std::size_t size() const { return value_.size(); }

private:
    void clear() noexcept {
        // The whole capacity: a shrunk string keeps old characters behind its end.
        value_.resize(value_.capacity());
        wipe(value_.data(), value_.size());
        value_.clear();
    }
    T value_;
};

using SecretBytes = Secret<Bytes>;
using SecretText = Secret<std::string>;

}  // namespace zephyr
