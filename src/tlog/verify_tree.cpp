#include "tlog/verify_tree.h"

#include <algorithm>
#include <bit>

namespace zephyr::tlog {

namespace {
constexpr std::size_t block_hashes = 32 * 1024;  // 1 MiB

std::array<HashRow, hash_levels> open_rows(std::filesystem::path const& log) {
    return {HashRow{log, 0}, HashRow{log, 1}, HashRow{log, 2}, HashRow{log, 3},
            HashRow{log, 4}, HashRow{log, 5}, HashRow{log, 6}, HashRow{log, 7}};
}
}  // namespace

HashRow::HashRow(std::filesystem::path const& log, unsigned level)
    : file_{LogFile::if_there(hashes_folder(log) / std::to_string(level))}, bytes_{file_ ? file_->size() : 0} {}

Hash const* HashRow::at(std::uint64_t index) {
    if (index < block_at_ || index - block_at_ >= block_.size()) {
        if (index >= count()) return nullptr;
        block_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(block_hashes, count() - index)));
        auto const got = file_->read(index * hash_bytes, std::as_writable_bytes(std::span{block_}));
        block_.resize(got / hash_bytes);
        block_at_ = index;
        if (block_.empty()) return nullptr;
    }
    return &block_[static_cast<std::size_t>(index - block_at_)];
}

TreeCheck::TreeCheck(std::filesystem::path const& log, Findings& findings) : rows_{open_rows(log)}, findings_{findings} {}

void TreeCheck::append(Hash const& leaf) {
    auto hash = leaf;
    unsigned height = 0;
    for (;; ++height) {
        // Each complete subtree comes by here once. Level 0 is held against the entries, not against itself.
        if (height != 0 && height % tile_height == 0) {
            auto const number = size_ >> height;
            auto const* const stored = rows_.at(height / tile_height).at(number);
            auto const from = number << height;
            if (stored != nullptr && *stored != hash && !findings_.first_within(from, size_ + 1)) {
                findings_.add("hash " + std::to_string(number) + " in \"hashes/" + std::to_string(height / tile_height) +
                                  "\" is not that of the entries " + std::to_string(from) + " to " + std::to_string(size_),
                              from);
            }
        }
        if ((size_ >> height & 1) == 0) break;
        hash = node_hash(peaks_[height], hash);
    }
    peaks_[height] = hash;
    ++size_;
}

Hash TreeCheck::root() const {
    if (size_ == 0) return empty_root();
    auto height = static_cast<unsigned>(std::countr_zero(size_));
    auto root = peaks_[height];
    for (++height; height < peaks_.size(); ++height)
        if ((size_ >> height & 1) != 0) root = node_hash(peaks_[height], root);
    return root;
}

void TreeCheck::check_lengths(std::uint64_t needed, bool exactly) {
    for (unsigned level = 0; level < hash_levels; ++level) {
        // Leaves that are missing are blamed once.
        auto const due = (level == 0 ? needed : std::min(needed, stored_leaves())) >> (tile_height * level);
        auto const have = rows_[level].count();
        auto const name = "\"hashes/" + std::to_string(level) + "\"";
        if (have < due) {
            findings_.add(name + " ends after " + std::to_string(have) + " hashes of " + std::to_string(due), have << (tile_height * level));
        } else if (exactly && (have > due || !rows_[level].whole())) {
            findings_.add(name + " holds more than " + std::to_string(due) + " hashes: something may be hidden in it");
        }
    }
}

}  // namespace zephyr::tlog
