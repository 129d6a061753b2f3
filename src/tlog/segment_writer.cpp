#include "tlog/segment_writer.h"

namespace zephyr::tlog {

SegmentWriter::SegmentWriter(std::filesystem::path const& log, SegmentHeader const& header) : log_{log}, header_{header} {}

SegmentWriter::SegmentWriter(std::filesystem::path const& log, SegmentHeader const& header, std::uint64_t durable)
    : log_{log}, header_{header}, file_{segment_path(log, header.first), LogFile::Mode::write}, durable_{durable} {
    if (file_.size() != durable_) file_.truncate(durable_);
    // The process that wrote the last batch may have died before its sync: nothing is signed on top of that.
    file_.sync();
}

SegmentWriter SegmentWriter::make(std::filesystem::path const& log, SegmentHeader const& header) {
    SegmentWriter out{log, header};
    auto const path = segment_path(log, header.first);
    out.file_ = LogFile{path, LogFile::Mode::make_or_write};
    // An earlier try may have failed half way. It can't have got records, and if it has some they are not ours to destroy.
    if (out.file_.size() > segment_header_bytes) throw StorageFault{path.string() + " is there already"};
    out.file_.truncate(0);
    out.file_.write(0, header.encode());
    out.file_.sync();
    sync_folder(segments_folder(log));
    out.durable_ = segment_header_bytes;
    return out;
}

void SegmentWriter::write(ByteView batch) {
    repair();
    suspect_ = true;
    file_.write(durable_, batch);
    sync_failed_ = true;
    file_.sync();
    sync_failed_ = suspect_ = false;
    durable_ += batch.size();
}

// The bytes of a failed batch must not come back after a crash, so the truncation is synced before anyone is told of the failure.
//
// After a failed fdatasync the page cache may show bytes that the disk does not have, and call them clean (fsync(2), "errors"; what
// PostgreSQL learnt in 2018). Earlier batches had syncs of their own that succeeded. The one page they share with the failed batch is
// made dirty again by the truncation and written by the sync that follows. To build nothing on a file the system has lost track of,
// it is opened anew, and the next batch goes into a new segment.
void SegmentWriter::repair() {
    if (!suspect_) return;
    if (sync_failed_) {
        auto const path = segment_path(log_, header_.first);
        file_ = LogFile{path, LogFile::Mode::write};
        file_.truncate(durable_);
        file_.sync();
        if (empty())
            *this = make(log_, header_);  // nothing in it to keep: the header is written once more
        else
            spent_ = true;
    } else {
        file_.truncate(durable_);
        file_.sync();
    }
    sync_failed_ = suspect_ = false;
}

}  // namespace zephyr::tlog
