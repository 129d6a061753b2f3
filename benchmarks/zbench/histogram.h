// Counts of durations in buckets whose width grows with the value: exact below 128, then 64 buckets to each doubling, so any percentile
// is at most 1.6 % too high, and never too low. Fixed memory (30 KB), whatever is recorded.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace zbench {

class Histogram {
public:
    void record(std::uint64_t value) { record(value, 1); }
    void record(std::uint64_t value, std::uint64_t times);
    void add(Histogram const& other);

    std::uint64_t count() const { return count_; }
    std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
    std::uint64_t max() const { return max_; }
    double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
    // The smallest recorded magnitude that at least `fraction` (0 to 1) of all values do not exceed; 0 when there are none.
    std::uint64_t percentile(double fraction) const;

    // The bucket of a value, and the highest value of a bucket.
    static std::size_t bucket_of(std::uint64_t value);
    static std::uint64_t highest_of(std::size_t bucket);

private:
    static constexpr unsigned exact_bits = 7;  // values below 2^7 have a bucket each
    static constexpr std::size_t per_doubling = 1U << (exact_bits - 1);
    static constexpr std::size_t buckets = (1U << exact_bits) + (64 - exact_bits) * per_doubling;

    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t min_ = UINT64_MAX;
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

inline std::size_t Histogram::bucket_of(std::uint64_t value) {
    if (value < (1U << exact_bits)) return static_cast<std::size_t>(value);
    auto const shift = static_cast<unsigned>(std::bit_width(value)) - exact_bits;  // at least 1
    auto const mantissa = static_cast<std::size_t>(value >> shift);                // per_doubling … 2 * per_doubling - 1
    return (1U << exact_bits) + (shift - 1) * per_doubling + (mantissa - per_doubling);
}

inline std::uint64_t Histogram::highest_of(std::size_t bucket) {
    if (bucket < (1U << exact_bits)) return bucket;
    auto const above = bucket - (1U << exact_bits);
    auto const shift = above / per_doubling + 1;
    auto const mantissa = static_cast<std::uint64_t>(per_doubling + above % per_doubling);
    return (mantissa << shift) + ((std::uint64_t{1} << shift) - 1);
}

inline void Histogram::record(std::uint64_t value, std::uint64_t times) {
    if (times == 0) return;
    counts_[bucket_of(value)] += times;
    count_ += times;
    sum_ += static_cast<double>(value) * static_cast<double>(times);
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
}

inline void Histogram::add(Histogram const& other) {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    if (other.min_ < min_) min_ = other.min_;
    if (other.max_ > max_) max_ = other.max_;
}

inline std::uint64_t Histogram::percentile(double fraction) const {
    if (count_ == 0) return 0;
    auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(count_));
    if (static_cast<double>(wanted) < fraction * static_cast<double>(count_)) ++wanted;  // the next whole value
    if (wanted == 0) wanted = 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
        seen += counts_[i];
        if (seen >= wanted) return highest_of(i) < max_ ? highest_of(i) : max_;
    }
    return max_;
}

}  // namespace zbench
