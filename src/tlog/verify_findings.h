// What a verification has found so far.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/tlog/verify.h"

namespace zephyr::tlog {

class Findings {
public:
    void add(std::string what, std::optional<std::uint64_t> index = std::nullopt) {
        if (all_.size() < most) all_.push_back({std::move(what), index});
        ++count_;
    }
    bool none() const { return count_ == 0; }
    // The first entry in [from, until) that is known to be bad.
    std::optional<std::uint64_t> first_within(std::uint64_t from, std::uint64_t until) const {
        std::optional<std::uint64_t> first;
        for (auto const& each : all_) {
            if (each.index && *each.index >= from && *each.index < until) first = std::min(first.value_or(*each.index), *each.index);
        }
        return first;
    }
    std::vector<Finding> sorted() && {
        auto const key = [](Finding const& each) { return each.index.value_or(std::numeric_limits<std::uint64_t>::max()); };
        std::stable_sort(all_.begin(), all_.end(), [&](auto const& a, auto const& b) { return key(a) < key(b); });
        return std::move(all_);
    }

private:
    static constexpr std::size_t most = 100;
    std::vector<Finding> all_;
    std::size_t count_ = 0;
};

}  // namespace zephyr::tlog
