#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "tlog/cosigned_file.h"
#include "tlog/log_core.h"
#include "tlog/segment_deletion.h"
#include "zephyr/tlog/log.h"

namespace zephyr::tlog {

namespace {

// A batch takes no more than this, or one call's entries: who comes while a batch is written waits for that one and its own.
constexpr std::size_t batch_bytes = 1u << 20;

// Who waits for a batch waits for it alone, so that one call to the system wakes them all and nobody else.
struct Batch {
    std::vector<LogItem> items;  // their bytes are the callers', who wait
    std::size_t bytes = 0;
    std::uint64_t first = 0;
    bool written = false;
    std::atomic<int> done{0};

    void finish(bool was_written) {
        written = was_written;
        done.store(1, std::memory_order_release);
        done.notify_all();
    }
};

std::size_t bytes_of(ByteView entry) {
    return entry.size() + record_header_bytes;
}

using Signed = Result<SignedCheckpoint>;

}  // namespace

struct LogWriter::State {
    State(LogSettings with, NoteSigner signer, Clock const& clock, Log& to, OpenedLog opened)
        : settings{std::move(with)}, log{to}, recovery{opened.recovery}, cosigned{settings.folder},
          core{std::in_place, settings, std::move(signer), clock, std::move(opened)}, key{core->key()}, last{core->last()}, size{core->size()},
          growing{core->segment_first()} {
        cosigned.signed_now(last);
        last = with_cosignatures(last, read_cosigned(settings.folder));
    }

    Result<std::shared_ptr<Batch>> join(std::span<LogItem const> items, std::size_t bytes, std::size_t& place);
    Signed on_writer(std::function<bool()> work_to_do);
    void run();
    void write(Batch& batch);
    // On the writer's thread: what must not fail silently and has nobody to tell. The work says whether it wrote anything, which is what
    // shows that the log can be written.
    bool attempt(std::string_view what, std::function<bool()> const& work_to_do);
    void publish();

    LogSettings const settings;
    Log& log;
    Recovery const recovery;
    CosignedFile cosigned;
    std::optional<LogCore> core;  // the writer's thread alone, once it runs

    std::mutex mutable mutex;  // guards from here to `handler`
    std::condition_variable work, room;
    std::deque<std::shared_ptr<Batch>> queue;
    std::deque<std::function<void()>> tasks;
    std::size_t waiting_bytes = 0;
    bool idle = false;      // the writer sleeps
    bool stopping = false;  // nothing new is taken
    NoteKey key;
    SignedCheckpoint last;
    std::function<void(SignedCheckpoint const&)> handler;

    std::atomic<std::uint64_t> size;
    std::atomic<std::uint64_t> growing;  // the first index of the segment that is written
    std::atomic<bool> available{true};
    std::mutex stop_mutex, deletion_mutex;
    std::thread thread;
};

Result<std::unique_ptr<LogWriter>> LogWriter::open(LogSettings settings, NoteSigner signer, Clock const& clock, Log& log) {
    if (settings.origin != signer.key().name()) throw Fault{"a log's key has the log's name"};
    settings.max_entry_bytes = std::min(settings.max_entry_bytes, largest_entry_bytes);
    try {
        ZEPHYR_TRY(auto opened, open_log(settings, signer, clock, log));
        auto state = std::make_unique<State>(std::move(settings), std::move(signer), clock, log, std::move(opened));
        state->thread = std::thread{[it = state.get()] { it->run(); }};
        return std::unique_ptr<LogWriter>{new LogWriter{std::move(state)}};
    } catch (StorageFault const& fault) {
        return Error{errors::log_unavailable, fault.what()};
    } catch (std::filesystem::filesystem_error const& fault) {
        return Error{errors::log_unavailable, fault.what()};
    }
}

LogWriter::LogWriter(std::unique_ptr<State> state) : state_{std::move(state)} {}
LogWriter::~LogWriter() {
    stop();
}

// Puts entries into the batch that is forming. `place` is where they stand in it.
Result<std::shared_ptr<Batch>> LogWriter::State::join(std::span<LogItem const> items, std::size_t bytes, std::size_t& place) {
    std::unique_lock lock{mutex};
    room.wait(lock, [&] { return stopping || waiting_bytes == 0 || waiting_bytes + bytes <= settings.waiting_bytes; });
    if (stopping) return Error{errors::log_unavailable, "the log was stopped"};
    if (queue.empty() || queue.back()->bytes + bytes > batch_bytes) queue.push_back(std::make_shared<Batch>());
    auto batch = queue.back();
    place = batch->items.size();
    batch->items.insert(batch->items.end(), items.begin(), items.end());
    batch->bytes += bytes;
    waiting_bytes += bytes;
    if (idle) work.notify_one();
    return batch;
}

Result<Receipt> LogWriter::append(ByteView entry) {
    if (entry.size() > state_->settings.max_entry_bytes) return errors::entry_too_large;
    LogItem const item{entry, leaf_hash(entry)};
    std::size_t place = 0;
    ZEPHYR_TRY(auto const batch, state_->join({&item, 1}, bytes_of(entry), place));
    batch->done.wait(0, std::memory_order_acquire);
    if (!batch->written) return errors::log_unavailable;
    return Receipt{batch->first + place, item.leaf};
}

Result<std::vector<Receipt>> LogWriter::append_all(std::vector<ByteView> const& entries) {
    std::vector<LogItem> items;
    std::size_t bytes = 0, place = 0;
    for (auto const& entry : entries) {
        if (entry.size() > state_->settings.max_entry_bytes) return errors::entry_too_large;
        items.push_back({entry, leaf_hash(entry)});
        bytes += bytes_of(entry);
    }
    if (items.empty()) return std::vector<Receipt>{};
    ZEPHYR_TRY(auto const batch, state_->join(items, bytes, place));
    batch->done.wait(0, std::memory_order_acquire);
    if (!batch->written) return errors::log_unavailable;
    std::vector<Receipt> out;
    for (auto const& item : items) out.push_back({batch->first + place++, item.leaf});
    return out;
}

void LogWriter::State::run() {
    std::unique_lock lock{mutex};
    for (;;) {
        bool const waits_for_checkpoint = core->size() != core->last().checkpoint.size;
        if (queue.empty() && tasks.empty() && !stopping && !core->checkpoint_due()) {
            idle = true;
            if (waits_for_checkpoint)
                work.wait_for(lock, std::max(std::chrono::milliseconds{1}, std::min(core->until_due(), settings.checkpoint_every)));
            else
                work.wait(lock);
            idle = false;
        }
        auto todo = std::exchange(tasks, {});
        std::shared_ptr<Batch> batch;
        if (!queue.empty()) {
            batch = std::move(queue.front());
            queue.pop_front();
        }
        bool const ends = stopping && queue.empty() && !batch;
        lock.unlock();
        for (auto const& each : todo) each();
        if (batch) write(*batch);
        if (ends || core->checkpoint_due()) attempt("signing a checkpoint", [this] { return core->sign(); });
        lock.lock();
        if (batch) {
            waiting_bytes -= batch->bytes;
            room.notify_all();
        }
        if (ends && tasks.empty()) return;
    }
}

void LogWriter::State::write(Batch& batch) {
    batch.first = core->size();
    bool behind = false;
    bool const written = attempt("writing a batch", [&] { return behind = core->write(batch.items).behind, !behind; });
    if (behind && available.exchange(false)) log.error("tlog.unavailable", {{"doing", "writing hashes"}});
    size.store(core->size(), std::memory_order_release);
    growing = core->segment_first();
    batch.finish(written);
}

bool LogWriter::State::attempt(std::string_view what, std::function<bool()> const& work_to_do) {
    auto const signed_before = core->last().checkpoint.size;
    auto const key_before = core->key().id();
    bool done = false;
    try {
        bool const wrote = work_to_do();
        done = true;
        if (wrote && !available.exchange(true)) log.info("tlog.available_again", {{"folder", settings.folder.string()}});
    } catch (std::exception const& fault) {  // also bad_alloc: whoever waits must be told
        core->put_off();
        if (available.exchange(false))
            log.error("tlog.unavailable", {{"folder", settings.folder.string()}, {"doing", what}, {"detail", fault.what()}});
    }
    // A batch that began a segment signed one too, whether or not it then succeeded.
    if (core->last().checkpoint.size != signed_before || core->key().id() != key_before) publish();
    return done;
}

void LogWriter::State::publish() {
    std::function<void(SignedCheckpoint const&)> tell;
    cosigned.signed_now(core->last());
    {
        std::lock_guard const guard{mutex};
        last = core->last();
        key = core->key();
        tell = handler;
    }
    if (tell) tell(core->last());
}

// Runs on the writer's thread and waits; what stands as the last checkpoint then is the answer.
Signed LogWriter::State::on_writer(std::function<bool()> work_to_do) {
    std::promise<bool> promise;
    auto outcome = promise.get_future();
    {
        std::lock_guard const guard{mutex};
        if (stopping) return Error{errors::log_unavailable, "the log was stopped"};
        tasks.push_back([&] { promise.set_value(attempt("signing a checkpoint", work_to_do)); });
        work.notify_one();
    }
    if (!outcome.get()) return errors::log_unavailable;
    std::lock_guard const guard{mutex};
    return last;
}

Result<SignedCheckpoint> LogWriter::checkpoint() {
    return state_->on_writer([state = state_.get()] { return state->core->sign(); });
}

Result<SignedCheckpoint> LogWriter::change_key(NoteSigner next) {
    if (next.key().name() != state_->settings.origin) throw Fault{"a log's key has the log's name"};
    if (next.key().id() == public_key().id()) throw Fault{"a log's next key is another than it has"};  // no note bears two signatures of one
    return state_->on_writer([state = state_.get(), &next] { return state->core->change_key(next), true; });
}

SignedCheckpoint LogWriter::last_checkpoint() const {
    std::lock_guard const guard{state_->mutex};
    return state_->last;
}

bool LogWriter::add_cosignatures(Checkpoint const& to, std::vector<NoteSignature> const& cosignatures) {
    try {
        auto const merged = state_->cosigned.add(to, cosignatures);
        if (!merged) return false;
        std::lock_guard const guard{state_->mutex};
        if (state_->last.checkpoint == to) state_->last = *merged;
        return true;
    } catch (StorageFault const& fault) {
        state_->log.warning("tlog.cosignatures_not_kept", {{"detail", fault.what()}});
        return false;
    }
}

std::uint64_t LogWriter::size() const {
    return state_->size.load(std::memory_order_acquire);
}
bool LogWriter::available() const {
    return state_->available.load();
}
Recovery LogWriter::recovery() const {
    return state_->recovery;
}
NoteKey LogWriter::public_key() const {
    std::lock_guard const guard{state_->mutex};
    return state_->key;
}
void LogWriter::on_checkpoint(std::function<void(SignedCheckpoint const&)> handler) {
    std::lock_guard const guard{state_->mutex};
    state_->handler = std::move(handler);
}

Result<std::uint64_t> LogWriter::first_after_deletion(std::uint64_t first_kept) const {
    try {
        return tlog::first_after_deletion(state_->settings.folder, std::min(first_kept, state_->growing.load()));
    } catch (StorageFault const& fault) {
        return Error{errors::log_unavailable, fault.what()};
    }
}

Result<std::size_t> LogWriter::delete_segments_below(std::uint64_t first_kept) {
    std::lock_guard const guard{state_->deletion_mutex};
    try {
        // A segment whose successor is only being made is still the one that is written.
        return delete_segments(state_->settings.folder, std::min(first_kept, state_->growing.load()));
    } catch (StorageFault const& fault) {
        return Error{errors::log_unavailable, fault.what()};
    }
}

void LogWriter::stop() {
    std::lock_guard const stop_guard{state_->stop_mutex};
    if (!state_->thread.joinable()) return;
    {
        std::lock_guard const guard{state_->mutex};
        state_->stopping = true;
        state_->work.notify_one();
        state_->room.notify_all();
    }
    state_->thread.join();
    std::lock_guard const deletion_guard{state_->deletion_mutex};
    state_->core.reset();  // and with it the lock
}

}  // namespace zephyr::tlog
