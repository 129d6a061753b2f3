// A log in a folder: entries are appended, made durable together, and never changed.
//
//   origin, segments/00000000000000000000.seg …   the entries, each with its CRC, index and batch; a new file every segment_bytes
//   hashes/0, hashes/1, …                          the hashes of C2SP tlog-tiles: level L holds the complete subtrees of 2^(8L) leaves
//   checkpoints                                    every signed checkpoint, oldest first; a line says how long each one is
//   cosigned                                       the newest checkpoint that witnesses signed, with their signatures; replaced whole
//   lock                                           one writer at a time
//
// What may be missing after a crash: the last batch that was not yet synced, and nothing else. Damage anywhere before that refuses to
// open (errors::log_damaged): an audit log that repairs itself proves nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/tlog/checkpoint.h"
#include "zephyr/tlog/merkle.h"

namespace zephyr::tlog {

namespace errors {
// The entry has more bytes than LogSettings::max_entry_bytes.
inline constexpr Failure entry_too_large{Kind::invalid, "tlog.entry_too_large"};
// The log cannot be written now: the disk is full or failing. It is tried again by later appends.
inline constexpr Failure log_unavailable{Kind::unavailable, "tlog.log_unavailable"};
// Something that was durable is gone or changed. The detail says what and at which index.
inline constexpr Failure log_damaged{Kind::conflict, "tlog.log_damaged"};
// Another process writes this log.
inline constexpr Failure log_in_use{Kind::conflict, "tlog.log_in_use"};
// The entry was deleted when its time was over, or never was.
inline constexpr Failure entry_gone{Kind::not_found, "tlog.entry_gone"};
}  // namespace errors

struct LogSettings {
    std::filesystem::path folder;
    std::string origin;  // the log's name: its signing key has the same
    std::uint64_t segment_bytes = 64u << 20;
    std::size_t max_entry_bytes = 65535;  // an entry bundle of C2SP tlog-tiles states a length in 16 bits
    // A checkpoint is signed when either is reached, at each segment's end and at the end.
    std::chrono::milliseconds checkpoint_every{1000};
    std::uint64_t checkpoint_entries = 1000;
    std::size_t waiting_bytes = 64u << 20;  // entries that wait for the disk; beyond that callers wait
};

struct Receipt {
    std::uint64_t index = 0;
    Hash leaf{};
};

// What opening found.
struct Recovery {
    std::uint64_t size = 0;
    std::uint64_t torn_bytes = 0;  // cut off behind the last whole batch
    bool ended_cleanly = true;     // the last checkpoint covers everything
    std::uint64_t signed_size = 0;  // what the last checkpoint covered; entries behind it were signed by opening
};

// The writer. Safe from many threads. One thread of its own writes, syncs and signs.
class LogWriter {
public:
    // Makes the folder when there is none. Fails with log_damaged, log_in_use, log_unavailable.
    static Result<std::unique_ptr<LogWriter>> open(LogSettings settings, NoteSigner signer, Clock const& clock, Log& log);
    ~LogWriter();  // as stop()

    // Returns once the entry is durable. Fails with entry_too_large, log_unavailable (then it is not in the log, and will not be later).
    Result<Receipt> append(ByteView entry);
    // The same for several at once, in one batch and in this order: all or none.
    Result<std::vector<Receipt>> append_all(std::vector<ByteView> const& entries);

    // Signs what is durable now, unless the last checkpoint says the same. log_unavailable.
    Result<SignedCheckpoint> checkpoint();
    SignedCheckpoint last_checkpoint() const;
    // Keeps witnesses' signatures in the file "cosigned". `to` is any of the last 512 checkpoints signed since the log was opened, or the one
    // in the file; false for others, for one of fewer entries than the one in the file, and for signatures that can't be kept.
    bool add_cosignatures(Checkpoint const& to, std::vector<NoteSignature> const& cosignatures);
    // Signs with another key from now on; the next checkpoint bears both signatures. The caller has appended an entry that says so.
    Result<SignedCheckpoint> change_key(NoteSigner next);

    std::uint64_t size() const;  // durable entries
    bool available() const;      // false from a failed write until one succeeds
    Recovery recovery() const;
    NoteKey public_key() const;

    // Called on the writer's thread after every new checkpoint. Set it before the first append; it must not throw or block.
    void on_checkpoint(std::function<void(SignedCheckpoint const&)> handler);

    // Where the log would begin after delete_segments_below(first_kept): say so in an entry before. log_unavailable.
    Result<std::uint64_t> first_after_deletion(std::uint64_t first_kept) const;
    // Removes whole segments whose entries all have an index below `first_kept`; their hashes stay. How many segments.
    Result<std::size_t> delete_segments_below(std::uint64_t first_kept);

    // Syncs, signs a last checkpoint and lets go of the folder. Appends fail from then on.
    void stop();

private:
    struct State;
    explicit LogWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Reads a log's folder, while its writer runs or without one, or a copy of it. Safe from many threads.
class LogReader {
public:
    // Fails with log_damaged when it is no log's folder.
    static Result<std::unique_ptr<LogReader>> open(std::filesystem::path folder);
    ~LogReader();

    std::string const& origin() const;
    // Entries whose hashes can be read, at least as many as the last checkpoint says.
    std::uint64_t size() const;
    std::uint64_t first_index() const;  // the first entry that is still there
    // Fails with entry_gone, log_damaged.
    Result<Bytes> entry(std::uint64_t index) const;
    // Calls `body` for [from, until) in order until it returns false. Fails as entry() does.
    Result<void> each(std::uint64_t from, std::uint64_t until, std::function<bool(std::uint64_t, ByteView)> const& body) const;
    NodeReader nodes() const;  // throws StorageFault
    // Every checkpoint that was signed, oldest first.
    Result<std::vector<SignedCheckpoint>> checkpoints() const;
    Result<SignedCheckpoint> last_checkpoint() const;

    // A proof for the entry at `index` in the last checkpoint that holds it. Fails with proof_out_of_range, entry_gone, log_damaged.
    Result<LogProof> prove(std::uint64_t index) const;
    Result<HashList> prove_consistency(std::uint64_t old_size, std::uint64_t new_size) const;
    // The bytes of a tile, C2SP tlog-tiles: `width` hashes of level `level` from hash `256 * index`; proof_out_of_range.
    Result<Bytes> tile(unsigned level, std::uint64_t index, unsigned width) const;

private:
    struct State;
    explicit LogReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::tlog
