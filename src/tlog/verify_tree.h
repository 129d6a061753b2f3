// The tree over the leaves as they pass by, held against what the folder's hash files say.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "tlog/hash_files.h"
#include "tlog/verify_findings.h"

namespace zephyr::tlog {

// One hash file, read in order and in big blocks.
class HashRow {
public:
    HashRow(std::filesystem::path const& log, unsigned level);
    std::uint64_t count() const { return bytes_ / hash_bytes; }
    bool whole() const { return bytes_ % hash_bytes == 0; }
    Hash const* at(std::uint64_t index);  // nothing beyond the end; good until the next call

private:
    std::optional<LogFile> file_;
    std::uint64_t bytes_ = 0;
    std::vector<Hash> block_;
    std::uint64_t block_at_ = 0;
};

class TreeCheck {
public:
    TreeCheck(std::filesystem::path const& log, Findings& findings);

    // The leaf's hash as hashes/0 has it; nothing beyond its end.
    Hash const* stored_leaf(std::uint64_t index) { return rows_[0].at(index); }
    std::uint64_t stored_leaves() const { return rows_[0].count(); }
    void append(Hash const& leaf);
    std::uint64_t size() const { return size_; }
    Hash root() const;
    // The files hold what a tree of that size needs; with `exactly`, nothing more.
    void check_lengths(std::uint64_t needed, bool exactly);

private:
    std::array<HashRow, hash_levels> rows_;
    std::array<Hash, 64> peaks_{};  // by height, of the bits that are set in size_
    std::uint64_t size_ = 0;
    Findings& findings_;
};

}  // namespace zephyr::tlog
