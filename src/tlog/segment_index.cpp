#include "tlog/segment_index.h"

#include <limits>

namespace zephyr::tlog {

namespace {

constexpr std::uint64_t stride = 64;
constexpr auto no_end = std::numeric_limits<std::uint64_t>::max();

}  // namespace

SegmentIndex::SegmentIndex(SegmentFile const& segment)
    : file_{segment.path, LogFile::Mode::read}, first_{segment.first}, offsets_{segment_header_bytes}, walked_index_{first_},
      walked_offset_{segment_header_bytes} {}

// Where a record at or before `index` begins, as near as is known. Walks on over records that are there by now; none of them is beyond
// `index`, which the caller knows to be durable, so what the writer may still take back is never seen.
std::uint64_t SegmentIndex::offset_near(std::uint64_t index, std::uint64_t& found) {
    std::lock_guard const guard{mutex_};
    if (index > walked_index_ + stride) {
        RecordScan scan{file_, walked_offset_, no_end};
        while (walked_index_ < index) {
            auto const record = scan.next();
            if (!record || record->index != walked_index_) break;
            ++walked_index_;
            walked_offset_ = scan.position();
            if ((walked_index_ - first_) % stride == 0) offsets_.push_back(walked_offset_);
        }
    }
    auto const at = std::min<std::uint64_t>((index - first_) / stride, offsets_.size() - 1);
    found = first_ + at * stride;
    return offsets_[at];
}

std::uint64_t SegmentIndex::each(std::uint64_t from, std::uint64_t until, std::function<bool(std::uint64_t, ByteView)> const& body) {
    std::uint64_t next = 0;
    auto const offset = offset_near(from, next);
    RecordScan scan{file_, offset, no_end, until - from > stride ? RecordScan::long_window : RecordScan::short_window};
    for (; next < until; ++next) {
        auto const record = scan.next();
        if (!record || record->index != next) return next;
        if (next >= from && !body(next, record->entry)) return next;
    }
    return next;
}

std::optional<std::uint64_t> SegmentIndexes::first() const {
    auto const listed = list_segments(log_);
    if (listed.empty()) return std::nullopt;
    return listed.front().first;
}

void SegmentIndexes::look() {
    std::map<std::uint64_t, std::shared_ptr<SegmentIndex>> now;
    for (auto const& each : list_segments(log_)) {
        auto const known = open_.find(each.first);
        now.emplace(each.first, known == open_.end() ? nullptr : known->second);
    }
    open_ = std::move(now);
}

std::optional<SegmentIndexes::Found> SegmentIndexes::find(std::uint64_t index, bool fresh) {
    std::lock_guard const guard{mutex_};
    if (fresh || open_.empty()) look();
    auto const behind = open_.upper_bound(index);
    if (behind == open_.begin()) return std::nullopt;
    auto const at = std::prev(behind);
    if (!at->second) at->second = std::make_shared<SegmentIndex>(SegmentFile{at->first, segment_path(log_, at->first)});
    return Found{at->second, behind == open_.end() ? no_end : behind->first};
}

}  // namespace zephyr::tlog
