#include "tlog/hash_files.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace zephyr::tlog {

namespace {

std::filesystem::path level_path(std::filesystem::path const& log, unsigned level) {
    return hashes_folder(log) / std::to_string(level);
}

static_assert(sizeof(Hash) == hash_bytes);

}  // namespace

std::filesystem::path hashes_folder(std::filesystem::path const& log) {
    return log / "hashes";
}

Hash fold(std::span<Hash const> hashes) {
    std::vector<Hash> row{hashes.begin(), hashes.end()};
    for (auto width = row.size(); width > 1; width /= 2)
        for (std::size_t i = 0; i < width / 2; ++i) row[i] = node_hash(row[2 * i], row[2 * i + 1]);
    return row.at(0);
}

LogFile const* HashFiles::file(unsigned level) const {
    std::lock_guard const guard{mutex_};
    auto& file = files_.at(level);
    if (!file) file = LogFile::if_there(level_path(log_, level));
    return file ? &*file : nullptr;
}

std::uint64_t HashFiles::count(unsigned level) const {
    auto const* const of = file(level);
    return of == nullptr ? 0 : of->size() / hash_bytes;
}

void HashFiles::row(unsigned level, std::uint64_t from, std::span<Hash> out) const {
    if (out.empty()) return;
    std::size_t have = 0;
    if (auto const* const of = file(level))
        have = of->read(from * hash_bytes, std::as_writable_bytes(out)) / hash_bytes;
    if (have == out.size()) return;
    if (level == 0) throw StorageFault{level_path(log_, 0).string() + " ends before hash " + std::to_string(from + out.size() - 1)};
    std::vector<Hash> below(tile_width);
    for (; have < out.size(); ++have) {
        row(level - 1, (from + have) * tile_width, below);
        out[have] = fold(below);
    }
}

Hash HashFiles::node(unsigned level, std::uint64_t index) const {
    std::vector<Hash> row_of(std::size_t{1} << (level % tile_height));
    row(level / tile_height, index << (level % tile_height), row_of);
    return fold(row_of);
}

TreeWriter::TreeWriter(std::filesystem::path const& log, std::uint64_t size) : log_{log}, size_{size} {
    HashFiles const files{log};
    for (unsigned height = 0; height < peaks_.size(); ++height)
        if ((size >> height & 1) != 0) peaks_[height] = files.node(height, (size >> height) - 1);
    for (unsigned number = 0; number < hash_levels; ++number) {
        auto const due = size >> (tile_height * number);
        auto& to = levels_[number];
        to.written = std::min(due, files.count(number));
        // An upper level that is short comes from the one below it.
        HashList missing(static_cast<std::size_t>(due - to.written));
        files.row(number, to.written, missing);
        auto const bytes = std::as_bytes(std::span{missing});
        to.waiting.assign(bytes.begin(), bytes.end());
    }
}

TreeWriter::Level& TreeWriter::level(unsigned number) {
    auto& out = levels_.at(number);
    if (!out.file) {
        std::error_code unknown;  // opening it says what is wrong
        bool const fresh = !std::filesystem::exists(level_path(log_, number), unknown);
        out.file = LogFile{level_path(log_, number), LogFile::Mode::make_or_write};
        if (fresh) sync_folder(hashes_folder(log_));
    }
    return out;
}

Hash TreeWriter::root() const {
    if (size_ == 0) return empty_root();
    std::optional<Hash> out;
    for (unsigned height = 0; height < peaks_.size(); ++height)
        if ((size_ >> height & 1) != 0) out = out ? node_hash(peaks_[height], *out) : peaks_[height];
    return *out;
}

void TreeWriter::reserve(std::size_t leaves) {
    for (auto& each : levels_) {
        each.waiting.reserve(each.waiting.size() + (leaves + 1) * hash_bytes);
        leaves /= tile_width;
    }
}

void TreeWriter::append(Hash const& leaf) {
    auto hash = leaf;
    for (unsigned height = 0;; ++height) {
        // Each complete subtree comes by here once, so this is where a level's file gets its hashes.
        if (height % tile_height == 0) {
            auto& waiting = levels_.at(height / tile_height).waiting;
            waiting.insert(waiting.end(), hash.begin(), hash.end());
        }
        if ((size_ >> height & 1) == 0) {
            peaks_[height] = hash;
            break;
        }
        hash = node_hash(peaks_[height], hash);
    }
    ++size_;
}

void TreeWriter::drain(Level& to) {
    to.file.write(to.written * hash_bytes, to.waiting);
    to.written += to.waiting.size() / hash_bytes;
    to.waiting.clear();
    to.unsynced = true;
}

void TreeWriter::flush() {
    for (unsigned number = hash_levels; number-- > 0;)  // upper levels first: whoever sees a leaf finds what stands above it
        if (!levels_[number].waiting.empty()) drain(level(number));
}

bool TreeWriter::mend() {
    bool differed = false;
    for (unsigned number = hash_levels; number-- > 0;) {
        if (levels_[number].waiting.empty()) continue;
        auto& to = level(number);
        Bytes there(to.waiting.size());
        there.resize(to.file.read(to.written * hash_bytes, there));
        if (there == to.waiting) {
            to.written += to.waiting.size() / hash_bytes;
            to.waiting.clear();
            to.unsynced = true;  // by whoever wrote them
            continue;
        }
        differed = differed || !std::equal(there.begin(), there.end(), to.waiting.begin());
        drain(to);
    }
    return differed;
}

void TreeWriter::sync() {
    for (auto& each : levels_) {
        if (!each.unsynced) continue;
        each.file.sync();
        each.unsynced = false;
    }
}

std::size_t TreeWriter::unflushed_bytes() const {
    std::size_t out = 0;
    for (auto const& each : levels_) out += each.waiting.size();
    return out;
}

}  // namespace zephyr::tlog
