// What a log does with its files, on the one thread that writes them.
#pragma once

#include <span>
#include <vector>

#include "tlog/log_opening.h"

namespace zephyr::tlog {

// An entry on its way, and its leaf's hash.
struct LogItem {
    ByteView entry;
    Hash leaf;
};

class LogCore {
public:
    LogCore(LogSettings const& settings, NoteSigner signer, Clock const& clock, OpenedLog opened);

    std::uint64_t size() const { return files_.tree.size(); }
    SignedCheckpoint const& last() const { return files_.last; }
    std::uint64_t segment_first() const { return files_.segment.header().first; }
    NoteKey const& key() const { return signer_.key(); }

    // One batch. Durable on return, and then its hashes can be read, unless `behind` is true: they are written by the next call that
    // can. Throws StorageFault: then no entry of it is in the log.
    struct Written {
        bool behind = false;
    };
    Written write(std::span<LogItem const> items);
    // Signs what is durable, unless the last checkpoint does that: false then. Throws StorageFault.
    bool sign();
    // Signs with both keys, and from then on with that one. Throws StorageFault: then the old key stays.
    void change_key(NoteSigner next);

    bool checkpoint_due() const;
    // Until a checkpoint is due by time.
    std::chrono::milliseconds until_due() const;
    // After a failure: not again before the time is over, however many entries there are.
    void put_off();

private:
    void sign_with(std::vector<NoteSigner const*> const& signers);
    void make_room(std::size_t bytes);
    void end_segment();

    LogSettings const& settings_;
    NoteSigner signer_;
    Clock const& clock_;
    OpenedLog files_;
    MonotonicTime tried_at_;
    bool failed_ = false;
    Bytes buffer_;
    bool ending_ = false;  // a new segment was begun and is not yet there
};

}  // namespace zephyr::tlog
