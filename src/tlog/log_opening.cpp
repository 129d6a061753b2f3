#include "tlog/log_opening.h"

#include <limits>

namespace zephyr::tlog {

namespace {

Error damaged(std::uint64_t index, std::string const& what) {
    return {errors::log_damaged, what + " (entry " + std::to_string(index) + ")"};
}

constexpr auto whole_file = std::numeric_limits<std::uint64_t>::max();

// Files of the segments, the links between them checked: each names the one before it and its length.
struct Segment {
    SegmentHeader header;
    LogFile file;
    std::uint64_t bytes = 0;
};

Result<std::vector<Segment>> open_segments(std::filesystem::path const& log) {
    std::vector<Segment> out;
    auto const listed = list_segments(log);
    for (auto const& each : listed) {
        LogFile file{each.path, LogFile::Mode::write};
        auto const bytes = file.size();
        auto const header = read_segment_header(file);
        bool const is_last = &each == &listed.back();
        if (!header) {
            // Its header is synced before the first record is written, so a file that holds more was once right.
            if (is_last && !out.empty() && bytes <= segment_header_bytes) {
                std::filesystem::remove(each.path);  // or a later segment's name would come behind it
                sync_folder(segments_folder(log));
                break;
            }
            return damaged(each.first, each.path.filename().string() + " has no segment header");
        }
        if (header->first != each.first) return damaged(each.first, each.path.filename().string() + " belongs to another place");
        if (!out.empty()) {
            auto const& before = out.back();
            if (header->previous_first != before.header.first) return damaged(header->previous_first, "a segment is missing");
            if (header->previous_bytes != before.bytes)
                return damaged(before.header.first, "a segment has another length than when it ended");
        }
        out.push_back({*header, std::move(file), bytes});
    }
    return out;
}

// Reads segments from `begin` on into the tree, and holds it against the checkpoint where it passes the checkpoint's size.
class Recoverer {
public:
    Recoverer(TreeWriter& tree, Checkpoint const& checkpoint) : tree_{tree}, checkpoint_{checkpoint} {}

    bool mended() const { return mended_; }
    // The first entry that could not be read, whatever its batch.
    std::uint64_t first_bad() const { return first_bad_; }

    Result<std::uint64_t> read(Segment const& segment, bool is_last) {
        RecordScan scan{segment.file, segment_header_bytes, whole_file};
        std::vector<Hash> batch;  // leaves of the batch that is not yet whole
        std::uint64_t batch_at = segment_header_bytes, batch_begin = segment.header.first;
        for (auto next = segment.header.first;; ++next) {
            auto const record_at = scan.position();
            auto const record = scan.next();
            if (!record) return end_of(segment, is_last, next, record_at, batch_begin, batch_at);
            if (record->index != next || record->batch != batch_begin || (!batch.empty() && record->left + 1 != left_))
                return damaged(next, "another record stands in its place");
            left_ = record->left;
            batch.push_back(leaf_hash(record->entry));
            if (record->left > 0) continue;
            for (auto const& leaf : batch) ZEPHYR_CHECK(grow(leaf));
            batch.clear();
            batch_begin = next + 1;
            batch_at = scan.position();
            if (tree_.unflushed_bytes() > (1u << 20)) mended_ = tree_.mend() || mended_;
        }
    }

private:
    Result<void> grow(Hash const& leaf) {
        tree_.append(leaf);
        if (tree_.size() == checkpoint_.size && tree_.root() != checkpoint_.root)
            return damaged(checkpoint_.size - 1, "the entries do not lead to the last checkpoint's root");
        return success();
    }

    // Where the records end. Whole records of a batch that is not whole go too: nobody was told of any of them, and append_all promises
    // all or none.
    Result<std::uint64_t> end_of(Segment const& segment, bool is_last, std::uint64_t next, std::uint64_t at, std::uint64_t batch_begin,
                                        std::uint64_t batch_at) {
        first_bad_ = next;
        bool const clean = at == segment.bytes && batch_begin == next;
        if (clean) return batch_at;
        if (!is_last) return damaged(next, "a segment that was ended is not whole");
        if (auto const later = later_batch_behind(segment.file, at, next))
            return damaged(next, "bad bytes before a batch that was written later, at byte " + std::to_string(*later));
        return batch_at;
    }

    TreeWriter& tree_;
    Checkpoint const& checkpoint_;
    std::uint32_t left_ = 0;
    std::uint64_t first_bad_ = 0;
    bool mended_ = false;
};

bool signed_by(SignedCheckpoint const& checkpoint, NoteSigner const& signer) {
    return verify_note(checkpoint.note, signer.key()).ok();
}

struct Read {
    std::filesystem::path const& folder;
    SignedCheckpoint last;
    std::uint64_t checkpoints_end;
};

// Which segment to read from: the last one always, earlier ones when hashes of theirs are missing.
Result<std::size_t> first_to_read(std::vector<Segment> const& segments, std::uint64_t hashes) {
    if (hashes < segments.front().header.first)
        return damaged(hashes, "hashes of entries that were deleted are missing");
    auto out = segments.size() - 1;
    while (out > 0 && segments[out].header.first > hashes) --out;
    return out;
}

Result<OpenedLog> recover(LogFile lock, Read read, Log& log) {
    auto const& checkpoint = read.last.checkpoint;
    ZEPHYR_TRY(auto segments, open_segments(read.folder));
    if (segments.empty()) return damaged(0, "there are no segments");
    // A segment begins with what stands before it signed.
    if (segments.back().header.first > checkpoint.size)
        return damaged(checkpoint.size, "checkpoints are missing");
    auto const hashes = HashFiles{read.folder}.count(0);
    ZEPHYR_TRY(auto const begin, first_to_read(segments, hashes));
    TreeWriter tree{read.folder, segments[begin].header.first};
    if (tree.size() == checkpoint.size && tree.root() != checkpoint.root)
        return damaged(checkpoint.size, "the hashes do not lead to the last checkpoint's root");
    Recoverer recoverer{tree, checkpoint};
    std::uint64_t end = 0;
    for (auto i = begin; i < segments.size(); ++i) {
        if (tree.size() != segments[i].header.first) return damaged(tree.size(), "entries are missing");
        ZEPHYR_TRY(end, recoverer.read(segments[i], i + 1 == segments.size()));
    }
    if (tree.size() < checkpoint.size) return damaged(recoverer.first_bad(), "entries below the last checkpoint are missing");
    // A leaf's hash is written when the leaf is durable.
    if (tree.size() < hashes) return damaged(recoverer.first_bad(), "entries that were durable are missing");
    bool const differed = tree.mend() || recoverer.mended();
    tree.sync();
    if (differed) log.warning("tlog.hashes_mended", {{"folder", read.folder.string()}});

    auto const& last = segments.back();
    Recovery const recovery{.size = tree.size(),
                            .torn_bytes = last.bytes - end,
                            .ended_cleanly = tree.size() == checkpoint.size && last.bytes == end,
                            .signed_size = checkpoint.size};
    if (recovery.torn_bytes > 0)
        log.warning("tlog.torn_batch_removed", {{"folder", read.folder.string()}, {"bytes", static_cast<long long>(recovery.torn_bytes)}});
    SegmentWriter segment{read.folder, last.header, end};
    return OpenedLog{std::move(lock), std::move(segment), std::move(tree), CheckpointFile{read.folder, read.checkpoints_end},
                     std::move(read.last), recovery};
}

// Makes an empty log. The file "origin" comes last: where it is not, nothing was ever acknowledged.
Result<OpenedLog> make_log(LogSettings const& settings, LogFile lock, NoteSigner const& signer, Clock const& clock) {
    auto const& folder = settings.folder;
    for (auto const& each : list_segments(folder))
        if (LogFile::if_there(each.path).value().size() > segment_header_bytes) return damaged(0, "the file \"origin\" is missing");
    auto const file = LogFile::if_there(checkpoints_path(folder));
    auto const signed_before = file ? last_stored_checkpoint(*file) : std::nullopt;
    if (HashFiles{folder}.count(0) > 0 || (signed_before && signed_before->checkpoint.checkpoint.size > 0))
        return damaged(0, "the file \"origin\" is missing");
    auto segment = SegmentWriter::make(folder, {});
    CheckpointFile checkpoints{folder, 0};
    auto first = sign_checkpoint(settings.origin, 0, empty_root(), {&signer}, clock.now());
    checkpoints.append(first);
    sync_folder(folder);
    sync_folder(std::filesystem::absolute(folder / ".").parent_path().parent_path());
    replace_file(folder / "origin", settings.origin + "\n");
    return OpenedLog{std::move(lock), std::move(segment), TreeWriter{folder, 0}, std::move(checkpoints), std::move(first), {}};
}

}  // namespace

SignedCheckpoint sign_checkpoint(std::string const& origin, std::uint64_t size, Hash const& root,
                                 std::vector<NoteSigner const*> const& signers, TimePoint now) {
    SignedCheckpoint out{{origin, size, root}, {}};
    out.note.text = out.checkpoint.text();
    for (auto const* signer : signers) out.note.signatures.push_back(signer->sign(out.note.text, now));
    return out;
}

Result<OpenedLog> open_log(LogSettings const& settings, NoteSigner const& signer, Clock const& clock, Log& log) {
    auto const& folder = settings.folder;
    std::error_code error;
    for (auto const& each : {segments_folder(folder), hashes_folder(folder)}) {
        std::filesystem::create_directories(each, error);
        if (error) throw StorageFault{"making " + each.string() + ": " + error.message()};
    }
    LogFile lock{folder / "lock", LogFile::Mode::make_or_write};
    if (!lock.lock()) return errors::log_in_use;
    // Of files that were being replaced when a process died.
    for (auto const* unfinished : {"origin.new", "cosigned.new"}) std::filesystem::remove(folder / unfinished);
    auto const origin = read_whole(folder / "origin");
    if (!origin) return make_log(settings, std::move(lock), signer, clock);
    if (*origin != settings.origin + "\n") return damaged(0, "the log of another origin");
    auto const checkpoints = LogFile::if_there(checkpoints_path(folder));
    auto last = checkpoints ? last_stored_checkpoint(*checkpoints) : std::nullopt;
    if (!last) return damaged(0, "there is no checkpoint");
    // One may be torn. More than one were synced, all but the last.
    if (last->begun_behind > 1) return damaged(last->checkpoint.checkpoint.size, "checkpoints behind the last whole one are damaged");
    if (last->checkpoint.checkpoint.origin != settings.origin || !signed_by(last->checkpoint, signer))
        return damaged(last->checkpoint.checkpoint.size, "the last checkpoint is not signed by the log's key");
    return recover(std::move(lock), {folder, std::move(last->checkpoint), last->end}, log);
}

}  // namespace zephyr::tlog
