#include "tlog/segment_deletion.h"

#include <limits>

#include "tlog/hash_files.h"
#include "tlog/segment.h"
#include "zephyr/tlog/log.h"

namespace zephyr::tlog {

namespace {

Error disagreement(std::uint64_t index) {
    return {errors::log_damaged, "the hashes do not agree with entry " + std::to_string(index) + ": it is not deleted"};
}

// Every stored hash of a subtree that ends in [from, until) is what the level below leads to.
Result<void> check_upper_levels(HashFiles const& hashes, std::uint64_t from, std::uint64_t until) {
    std::vector<Hash> below(tile_width), here(1);
    for (unsigned level = 1; level < hash_levels; ++level) {
        auto const shift = tile_height * level;
        for (auto i = from >> shift; i < until >> shift; ++i) {
            hashes.row(level - 1, i * tile_width, below);
            hashes.row(level, i, here);
            if (fold(below) != here[0]) return disagreement(i << shift);
        }
    }
    return success();
}

Result<void> check(std::filesystem::path const& log, SegmentFile const& segment, std::uint64_t until) {
    HashFiles const hashes{log};
    LogFile const file{segment.path, LogFile::Mode::read};
    RecordScan scan{file, segment_header_bytes, std::numeric_limits<std::uint64_t>::max()};
    std::vector<Hash> row(tile_width);
    for (auto index = segment.first; index < until; ++index) {
        auto const place = (index - segment.first) % tile_width;
        if (place == 0) {
            row.resize(static_cast<std::size_t>(std::min<std::uint64_t>(tile_width, until - index)));
            hashes.row(0, index, row);
        }
        auto const record = scan.next();
        if (!record || record->index != index || leaf_hash(record->entry) != row[place]) return disagreement(index);
    }
    return check_upper_levels(hashes, segment.first, until);
}

// How many segments end before `first_kept`; never the last one.
std::size_t count_below(std::vector<SegmentFile> const& segments, std::uint64_t first_kept) {
    std::size_t count = 0;
    while (count + 1 < segments.size() && segments[count + 1].first <= first_kept) ++count;
    return count;
}

}  // namespace

std::uint64_t first_after_deletion(std::filesystem::path const& log, std::uint64_t first_kept) {
    auto const segments = list_segments(log);
    return segments.empty() ? 0 : segments[count_below(segments, first_kept)].first;
}

Result<std::size_t> delete_segments(std::filesystem::path const& log, std::uint64_t first_kept) {
    auto const segments = list_segments(log);
    auto const count = count_below(segments, first_kept);
    for (std::size_t i = 0; i < count; ++i) ZEPHYR_CHECK(check(log, segments[i], segments[i + 1].first));
    for (std::size_t i = 0; i < count; ++i) {
        std::error_code error;
        std::filesystem::remove(segments[i].path, error);
        if (error) throw StorageFault{"removing " + segments[i].path.string() + ": " + error.message()};
        // One by one: names that vanished in another order would leave a gap.
        sync_folder(segments_folder(log));
    }
    return count;
}

}  // namespace zephyr::tlog
