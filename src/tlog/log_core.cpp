#include "tlog/log_core.h"

#include <algorithm>

namespace zephyr::tlog {

LogCore::LogCore(LogSettings const& settings, NoteSigner signer, Clock const& clock, OpenedLog opened)
    : settings_{settings}, signer_{std::move(signer)}, clock_{clock}, files_{std::move(opened)}, tried_at_{clock.monotonic()} {}

LogCore::Written LogCore::write(std::span<LogItem const> items) {
    // What an earlier failure left undone comes first, so that it can't pile up behind entries that succeed.
    files_.segment.repair();
    files_.tree.flush();
    files_.checkpoints.repair();
    auto const begin = size();
    buffer_.clear();
    for (std::size_t i = 0; i < items.size(); ++i)
        Record{begin + i, begin, static_cast<std::uint32_t>(items.size() - 1 - i), items[i].entry}.append_to(buffer_);
    make_room(buffer_.size());
    // Behind the segment's sync nothing may fail but what can be done again: the batch is in the log.
    files_.tree.reserve(items.size());
    try {
        files_.segment.write(buffer_);
    } catch (StorageFault const&) {
        try {
            files_.segment.repair();
        } catch (StorageFault const&) {
            // A disk that takes neither bytes nor a truncation: it stays to be done before the next batch. Should the process die before
            // that, the batch may be found whole and stay, as when an answer is lost on its way.
        }
        throw;
    }
    for (auto const& item : items) files_.tree.append(item.leaf);
    try {
        files_.tree.flush();
    } catch (std::exception const&) {  // whatever it was: the next call flushes first
        return {.behind = true};
    }
    return {};
}

void LogCore::make_room(std::size_t bytes) {
    auto const& segment = files_.segment;
    bool const full = segment.bytes() + bytes > settings_.segment_bytes;
    if (!segment.empty() && (full || segment.spent() || ending_)) end_segment();
}

// Each step may fail and be done again. Once the new file may exist under its name no entry goes into the old one, or the name would lie.
void LogCore::end_segment() {
    sign();
    files_.tree.sync();
    ending_ = true;
    auto const& ended = files_.segment;
    files_.segment = SegmentWriter::make(
        settings_.folder, {.first = size(), .previous_first = ended.header().first, .previous_bytes = ended.bytes()});
    ending_ = false;
}

bool LogCore::sign() {
    if (files_.last.checkpoint.size == size()) return false;
    sign_with({&signer_});
    return true;
}

void LogCore::change_key(NoteSigner next) {
    if (next.key().name() != settings_.origin) throw Fault{"a log's key has the log's name"};
    sign_with({&signer_, &next});
    signer_ = std::move(next);
}

void LogCore::sign_with(std::vector<NoteSigner const*> const& signers) {
    files_.tree.flush();  // a checkpoint nobody can follow up is worth nothing
    auto fresh = sign_checkpoint(settings_.origin, size(), files_.tree.root(), signers, clock_.now());
    files_.checkpoints.append(fresh);
    files_.last = std::move(fresh);
    tried_at_ = clock_.monotonic();
    failed_ = false;
}

void LogCore::put_off() {
    tried_at_ = clock_.monotonic();
    failed_ = true;
}

bool LogCore::checkpoint_due() const {
    auto const unsigned_entries = size() - files_.last.checkpoint.size;
    if (unsigned_entries == 0) return false;
    return (unsigned_entries >= settings_.checkpoint_entries && !failed_) || until_due() <= std::chrono::milliseconds::zero();
}

std::chrono::milliseconds LogCore::until_due() const {
    return std::chrono::ceil<std::chrono::milliseconds>(tried_at_ + settings_.checkpoint_every - clock_.monotonic());
}

}  // namespace zephyr::tlog
