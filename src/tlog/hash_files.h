// The tree's hashes in a log's folder: "hashes/<L>" holds the complete subtrees of 2^(8 L) leaves, 32 bytes each, in order. Level 0 are the
// leaf hashes. Every tile of C2SP tlog-tiles is a stretch of one of these files, and every other complete subtree is computed from at
// most 256 of their hashes.
#pragma once

#include <array>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>

#include "tlog/log_file.h"
#include "zephyr/tlog/merkle.h"

namespace zephyr::tlog {

constexpr unsigned tile_height = 8;
constexpr std::size_t tile_width = 256;
constexpr unsigned hash_levels = 8;  // 2^(8 * 8) leaves are more than an index can name
constexpr std::size_t hash_bytes = 32;

std::filesystem::path hashes_folder(std::filesystem::path const& log);

// Reads them. Safe from many threads, and while a writer appends.
class HashFiles {
public:
    explicit HashFiles(std::filesystem::path const& log) : log_{log} {}

    // Whole hashes in the file of that level; 0 when there is none.
    std::uint64_t count(unsigned level) const;
    // `out.size()` hashes of a level; what its file does not hold yet is computed from the level below. Throws StorageFault when that
    // is not there either.
    void row(unsigned level, std::uint64_t from, std::span<Hash> out) const;
    // Any complete subtree, as NodeReader asks. Throws StorageFault.
    Hash node(unsigned level, std::uint64_t index) const;

private:
    LogFile const* file(unsigned level) const;
    std::filesystem::path log_;
    mutable std::mutex mutex_;
    mutable std::array<std::optional<LogFile>, hash_levels> files_;
};

// The root over a power of two of hashes.
Hash fold(std::span<Hash const> hashes);

// Writes them, and keeps the tree's right edge. One thread.
class TreeWriter {
public:
    // The tree over the first `size` leaves, whose hashes are in the folder. Throws StorageFault.
    TreeWriter(std::filesystem::path const& log, std::uint64_t size);

    std::uint64_t size() const { return size_; }
    Hash root() const;
    // Makes room for so many leaves: appending them can't fail then.
    void reserve(std::size_t leaves);
    // In memory only.
    void append(Hash const& leaf);
    // Hands everything to the system. What fails is kept and tried again by the next call. Throws StorageFault.
    void flush();
    // As flush(), but writes what differs alone: true when the files held something else. For opening.
    bool mend();
    // Makes everything durable that was flushed. Throws StorageFault.
    void sync();
    std::size_t unflushed_bytes() const;

private:
    struct Level {
        LogFile file;
        std::uint64_t written = 0;  // hashes
        Bytes waiting;
        bool unsynced = false;
    };
    Level& level(unsigned number);
    void drain(Level& level);

    std::filesystem::path log_;
    std::uint64_t size_;
    std::array<Hash, 64> peaks_{};  // by height, of the bits that are set in size_
    std::array<Level, hash_levels> levels_;
};

}  // namespace zephyr::tlog
