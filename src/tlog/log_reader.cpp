#include <algorithm>
#include <limits>
#include <mutex>

#include "tlog/checkpoint_file.h"
#include "tlog/cosigned_file.h"
#include "tlog/hash_files.h"
#include "tlog/segment_index.h"
#include "zephyr/tlog/log.h"

namespace zephyr::tlog {

namespace {

Error damaged(std::uint64_t index, std::string const& what) {
    return {errors::log_damaged, what + " (entry " + std::to_string(index) + ")"};
}

}  // namespace

struct LogReader::State {
    State(std::filesystem::path const& folder, std::string named)
        : log{folder}, origin{std::move(named)}, hashes{folder}, segments{folder} {}

    // What the log holds durably: a leaf's hash is written behind its entry's sync.
    std::uint64_t size() const { return hashes.count(0); }
    Result<void> each(std::uint64_t from, std::uint64_t until, std::function<bool(std::uint64_t, ByteView)> const& body);
    Result<SignedCheckpoint> newest();

    std::filesystem::path const log;
    std::string const origin;
    HashFiles const hashes;
    SegmentIndexes segments;

    std::mutex mutex;  // guards from here on
    std::optional<LogFile> checkpoints;
    std::uint64_t newest_known_at = 0;  // the file's size when newest_known was read
    std::optional<SignedCheckpoint> newest_known;
};

Result<std::unique_ptr<LogReader>> LogReader::open(std::filesystem::path folder) {
    try {
        auto origin = read_whole(folder / "origin");
        if (!origin || origin->size() < 2 || !origin->ends_with('\n')) return Error{errors::log_damaged, folder.string() + " is no log"};
        origin->pop_back();
        return std::unique_ptr<LogReader>{new LogReader{std::make_unique<State>(folder, std::move(*origin))}};
    } catch (StorageFault const& fault) {
        return Error{errors::log_damaged, fault.what()};
    }
}

LogReader::LogReader(std::unique_ptr<State> state) : state_{std::move(state)} {}
LogReader::~LogReader() = default;

std::string const& LogReader::origin() const {
    return state_->origin;
}
std::uint64_t LogReader::size() const {
    return state_->size();
}
std::uint64_t LogReader::first_index() const {
    return state_->segments.first().value_or(0);
}
NodeReader LogReader::nodes() const {
    return [state = state_.get()](unsigned level, std::uint64_t index) { return state->hashes.node(level, index); };
}

Result<void> LogReader::State::each(std::uint64_t from, std::uint64_t until, std::function<bool(std::uint64_t, ByteView)> const& body) {
    if (from >= until) return success();
    if (until > size()) return Error{errors::entry_gone, "there are " + std::to_string(size()) + " entries"};
    bool stopped = false;
    auto const watched = [&](std::uint64_t index, ByteView entry) { return stopped = !body(index, entry), !stopped; };
    bool fresh = false;
    while (from < until) {
        auto const found = segments.find(from, fresh);
        if (!found || found->segment->deleted()) {
            if (!fresh) {
                fresh = true;
                continue;
            }
            return Error{errors::entry_gone, "entry " + std::to_string(from) + " was deleted"};
        }
        auto const end = std::min(until, found->until);
        auto const reached = found->segment->each(from, end, watched);
        if (stopped) return success();
        // The segment ended where this one's successor, made since, begins; or it is damaged.
        if (reached < end && (fresh || found->until != std::numeric_limits<std::uint64_t>::max()))
            return damaged(reached, "its bytes are no record");
        fresh = reached < end;
        from = std::max(from, reached);
    }
    return success();
}

Result<Bytes> LogReader::entry(std::uint64_t index) const {
    Bytes out;
    try {
        if (index >= size()) return Error{errors::entry_gone, "there are " + std::to_string(size()) + " entries"};
        auto const keep = [&](std::uint64_t, ByteView entry) { return out.assign(entry.begin(), entry.end()), true; };
        ZEPHYR_CHECK(state_->each(index, index + 1, keep));
    } catch (StorageFault const& fault) {
        return damaged(index, fault.what());
    }
    return out;
}

Result<void> LogReader::each(std::uint64_t from, std::uint64_t until, std::function<bool(std::uint64_t, ByteView)> const& body) const {
    try {
        return state_->each(from, until, body);
    } catch (StorageFault const& fault) {
        return damaged(from, fault.what());
    }
}

Result<std::vector<SignedCheckpoint>> LogReader::checkpoints() const {
    try {
        auto const file = LogFile::if_there(checkpoints_path(state_->log));
        if (!file) return damaged(0, "there are no checkpoints");
        // The last one first: behind what it finds there may be one that is being written, before that everything is whole.
        auto const last = last_stored_checkpoint(*file);
        auto out = read_checkpoints(*file);
        if (last && out.end < last->end)
            return damaged(out.all.empty() ? 0 : out.all.back().checkpoint.size, "bad bytes between checkpoints");
        return std::move(out.all);
    } catch (StorageFault const& fault) {
        return damaged(0, fault.what());
    }
}

// Read again only when the file has grown.
Result<SignedCheckpoint> LogReader::State::newest() {
    std::lock_guard const guard{mutex};
    if (!checkpoints) checkpoints = LogFile::if_there(checkpoints_path(log));
    if (!checkpoints) return damaged(0, "there are no checkpoints");
    auto const now = checkpoints->size();
    if (!newest_known || now != newest_known_at) {
        auto last = last_stored_checkpoint(*checkpoints);
        if (!last) return damaged(0, "there are no checkpoints");
        newest_known_at = last->end;  // a torn or unfinished one behind it is looked at again
        newest_known = std::move(last->checkpoint);
    }
    return *newest_known;
}

Result<SignedCheckpoint> LogReader::last_checkpoint() const {
    try {
        ZEPHYR_TRY(auto const newest, state_->newest());
        return with_cosignatures(newest, read_cosigned(state_->log));
    } catch (StorageFault const& fault) {
        return damaged(0, fault.what());
    }
}

Result<LogProof> LogReader::prove(std::uint64_t index) const {
    try {
        ZEPHYR_TRY(auto checkpoint, state_->newest());
        // One that witnesses signed is worth more than one a second younger.
        if (auto const cosigned = read_cosigned(state_->log); cosigned && index < cosigned->checkpoint.size)
            checkpoint = cosigned->checkpoint == checkpoint.checkpoint ? with_cosignatures(checkpoint, cosigned) : *cosigned;
        auto const& [origin, size, root, extensions] = checkpoint.checkpoint;
        if (index >= size) return Error{errors::proof_out_of_range, "no checkpoint holds entry " + std::to_string(index)};
        if (index < first_index()) return Error{errors::entry_gone, "entry " + std::to_string(index) + " was deleted"};
        ZEPHYR_TRY(auto path, inclusion_proof(index, size, nodes()));
        if (!verify_inclusion(index, size, state_->hashes.node(0, index), path, root).ok())
            return damaged(index, "the hashes do not lead to the checkpoint's root");
        return LogProof{.index = index, .path = std::move(path), .checkpoint = std::move(checkpoint)};
    } catch (StorageFault const& fault) {
        return damaged(index, fault.what());
    }
}

Result<HashList> LogReader::prove_consistency(std::uint64_t old_size, std::uint64_t new_size) const {
    if (new_size > size()) return Error{errors::proof_out_of_range, "there are " + std::to_string(size()) + " entries"};
    try {
        return consistency_proof(old_size, new_size, nodes());
    } catch (StorageFault const& fault) {
        return damaged(old_size, fault.what());
    }
}

Result<Bytes> LogReader::tile(unsigned level, std::uint64_t index, unsigned width) const {
    if (level >= hash_levels || width == 0 || width > tile_width) return errors::proof_out_of_range;
    // C2SP tlog-tiles: the partial tile at level l for a tree of size s has floor(s / 256**l) mod 256 entries.
    auto const count = size() >> (tile_height * level);
    if (index > count / tile_width || index * tile_width + width > count) return errors::proof_out_of_range;
    try {
        HashList row(width);
        state_->hashes.row(level, index * tile_width, row);
        return to_bytes(ByteView{std::as_bytes(std::span{row})});
    } catch (StorageFault const& fault) {
        return damaged(index, fault.what());
    }
}

}  // namespace zephyr::tlog
