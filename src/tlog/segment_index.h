// Finds records in the segments of a log that may be growing.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tlog/segment.h"
#include "zephyr/foundation/result.h"

namespace zephyr::tlog {

// Where records begin in one segment: every few, the others are walked to. It grows as it is asked. Safe from many threads.
class SegmentIndex {
public:
    // Throws StorageFault.
    explicit SegmentIndex(SegmentFile const& segment);
    bool deleted() const { return file_.unlinked(); }
    // Calls `body` for entries from `from` on, until it says false, `until` is reached, or the next bytes are no such record; says
    // which entry that is.
    std::uint64_t each(std::uint64_t from, std::uint64_t until, std::function<bool(std::uint64_t, ByteView)> const& body);

private:
    std::uint64_t offset_near(std::uint64_t index, std::uint64_t& found);
    LogFile file_;
    std::uint64_t first_;
    std::mutex mutex_;
    std::vector<std::uint64_t> offsets_;  // of first_, first_ + stride …
    std::uint64_t walked_index_, walked_offset_;
};

class SegmentIndexes {
public:
    explicit SegmentIndexes(std::filesystem::path log) : log_{std::move(log)} {}
    // The first entry that is there; nothing when there is no segment. Throws StorageFault.
    std::optional<std::uint64_t> first() const;
    // The segment in which an entry stands if it is there at all, and where the next one begins (the largest number for the last).
    struct Found {
        std::shared_ptr<SegmentIndex> segment;
        std::uint64_t until = 0;
    };
    // Nothing when all segments begin behind it. `fresh`: look into the folder first. Throws StorageFault.
    std::optional<Found> find(std::uint64_t index, bool fresh);

private:
    void look();
    std::filesystem::path log_;
    std::mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<SegmentIndex>> open_;  // null until asked for
};

}  // namespace zephyr::tlog
