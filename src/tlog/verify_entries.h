// The entries of a log in order, out of its segments, with everything around them checked: names, headers, CRCs, indices, batches.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "tlog/segment.h"
#include "tlog/verify_findings.h"

namespace zephyr::tlog {

class EntryWalk {
public:
    // `torn_from`: a batch that is not whole may end the log at this index or behind it, when its writer was killed or runs.
    EntryWalk(std::filesystem::path const& log, std::optional<std::uint64_t> torn_from, Findings& findings);

    std::uint64_t first_index() const { return segments_.empty() ? 0 : segments_.front().first; }
    // The entry at `index`, to be asked in order from first_index() on. Nothing where it can't be read: what is wrong is a finding then.
    // The bytes live until the next call.
    std::optional<ByteView> entry(std::uint64_t index);
    // Behind the last entry of whole batches; known once entry() was asked for it.
    std::uint64_t end() const { return end_; }

private:
    std::optional<Record> fetch();
    bool open_next();
    bool check_header(SegmentFile const& segment);
    void finish_segment();
    bool fits_batch(Record const& record) const;
    void stop_segment(std::string what);

    std::optional<std::uint64_t> torn_from_;
    Findings& findings_;
    std::vector<SegmentFile> segments_;
    std::size_t next_segment_ = 0;
    LogFile file_;
    std::optional<RecordScan> scan_;
    std::optional<Record> ahead_;  // read, and not asked for yet

    std::uint64_t expected_ = 0;  // the next record's index
    std::uint64_t end_ = 0;
    std::uint64_t batch_ = 0;  // where the batch at hand began
    std::uint32_t left_ = 0;   // how many of its records are still to come, once it has begun
    bool begun_ = false;
    struct Previous {
        std::uint64_t first;
        std::uint64_t bytes;
    };
    std::optional<Previous> previous_;
};

}  // namespace zephyr::tlog
