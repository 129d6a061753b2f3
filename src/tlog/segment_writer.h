// The segment that grows. What is not synced counts as not there.
#pragma once

#include "tlog/segment.h"

namespace zephyr::tlog {

class SegmentWriter {
public:
    // A new one, durable with its name before it returns. Throws StorageFault.
    static SegmentWriter make(std::filesystem::path const& log, SegmentHeader const& header);
    // One that is there, whole up to `durable`; what stands behind is cut off. Throws StorageFault.
    SegmentWriter(std::filesystem::path const& log, SegmentHeader const& header, std::uint64_t durable);

    SegmentHeader const& header() const { return header_; }
    std::uint64_t bytes() const { return durable_; }
    bool empty() const { return durable_ == segment_header_bytes; }

    // Durable on return. After a StorageFault none of it counts, and repair() comes before the next write.
    void write(ByteView batch);
    // Removes what a failed write left. Cheap when none failed. Throws StorageFault: then it is still to be done.
    void repair();
    // Nothing more may be written into this file, because a sync of it failed.
    bool spent() const { return spent_; }

private:
    SegmentWriter(std::filesystem::path const& log, SegmentHeader const& header);
    std::filesystem::path log_;
    SegmentHeader header_;
    LogFile file_;
    std::uint64_t durable_ = 0;
    bool suspect_ = false;
    bool sync_failed_ = false;
    bool spent_ = false;
};

}  // namespace zephyr::tlog
