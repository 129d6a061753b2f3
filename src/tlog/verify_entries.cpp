#include "tlog/verify_entries.h"

#include <limits>

namespace zephyr::tlog {

namespace {
constexpr auto whole_file = std::numeric_limits<std::uint64_t>::max();

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string shown(SegmentFile const& segment) { return "\"segments/" + segment.path.filename().string() + "\""; }
}  // namespace

EntryWalk::EntryWalk(std::filesystem::path const& log, std::optional<std::uint64_t> torn_from, Findings& findings)
    : torn_from_{torn_from}, findings_{findings}, segments_{list_segments(log)} {
    expected_ = end_ = batch_ = first_index();
}

std::optional<ByteView> EntryWalk::entry(std::uint64_t index) {
    if (!ahead_) ahead_ = fetch();
    if (!ahead_ || ahead_->index != index) return std::nullopt;
    auto const entry = ahead_->entry;
    ahead_.reset();
    return entry;
}

// The next good record, of a higher index than any before it.
std::optional<Record> EntryWalk::fetch() {
    while (scan_ || open_next()) {
        auto const record = scan_->next();
        if (!record) {
            finish_segment();
            continue;
        }
        if (record->index != expected_) {
            stop_segment("entry " + number(record->index) + " stands where entry " + number(expected_) + " was due");
            continue;
        }
        if (!fits_batch(*record)) findings_.add("the record of entry " + number(expected_) + " names another batch than it stands in", expected_);
        ++expected_;
        left_ = record->left;
        if (left_ == 0) batch_ = end_ = expected_;
        begun_ = left_ != 0;
        return record;
    }
    return std::nullopt;
}

bool EntryWalk::fits_batch(Record const& record) const {
    return record.batch == batch_ && (!begun_ || record.left + 1 == left_);
}

// Where no more records can be read. Only the last segment may end in half a batch, and only when nobody stopped the log.
void EntryWalk::finish_segment() {
    bool const is_last = next_segment_ == segments_.size();
    if (scan_->at_end() && !begun_) {
        scan_.reset();
        return;
    }
    bool const may_be_torn = is_last && torn_from_ && end_ >= *torn_from_ && !later_batch_behind(file_, scan_->position(), expected_);
    if (may_be_torn) scan_.reset();
    else if (scan_->at_end()) stop_segment("the batch of entry " + number(expected_) + " ends too early");
    else stop_segment("the bytes where entry " + number(expected_) + " was due are no record");
}

void EntryWalk::stop_segment(std::string what) {
    findings_.add(std::move(what) + " (" + shown(segments_[next_segment_ - 1]) + ", byte " + number(scan_->position()) + ")", expected_);
    scan_.reset();
}

bool EntryWalk::open_next() {
    while (next_segment_ < segments_.size()) {
        auto const& segment = segments_[next_segment_++];
        if (segment.first < expected_) {
            findings_.add(shown(segment) + " begins with an entry that stands before it already", segment.first);
            continue;
        }
        if (segment.first > expected_ && !findings_.first_within(expected_, segment.first)) {
            findings_.add("entries " + number(expected_) + " to " + number(segment.first - 1) + " are missing", expected_);
        }
        expected_ = end_ = batch_ = segment.first;
        begun_ = false;
        file_ = LogFile{segment.path, LogFile::Mode::read};
        bool const good = check_header(segment);
        previous_ = Previous{segment.first, file_.size()};
        if (!good) continue;
        scan_.emplace(file_, segment_header_bytes, whole_file);
        return true;
    }
    return false;
}

bool EntryWalk::check_header(SegmentFile const& segment) {
    auto const header = read_segment_header(file_);
    if (!header) {
        // The writer was killed while it made the file.
        bool const half_made = next_segment_ == segments_.size() && torn_from_ && segment.first >= *torn_from_ && segments_.size() > 1 &&
                               file_.size() <= segment_header_bytes;
        if (!half_made) findings_.add(shown(segment) + " has a damaged header", segment.first);
        return false;
    }
    if (header->first != segment.first) findings_.add(shown(segment) + " is the segment of entry " + number(header->first), segment.first);
    if (previous_) {
        bool const fits = header->previous_first == previous_->first && header->previous_bytes == previous_->bytes;
        if (!fits && !findings_.first_within(previous_->first, segment.first + 1)) {
            findings_.add(shown(segment) + " does not continue the segment before it", previous_->first);
        }
    } else if (segment.first == 0 && (header->previous_first != 0 || header->previous_bytes != 0)) {
        findings_.add(shown(segment) + " names a segment before the first", 0);
    }
    return true;
}

}  // namespace zephyr::tlog
