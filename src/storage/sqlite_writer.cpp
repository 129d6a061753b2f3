#include "storage/sqlite_writer.h"

#include <algorithm>

namespace zephyr::storage {

namespace {
// Bounds how long the first closure of a batch waits for the others to run.
constexpr std::size_t most_in_a_batch = 128;
}  // namespace

SqliteWriter::SqliteWriter(Database const& owner, SqliteSettings const& settings, Counters& counters, ChangeBus const& bus)
    : owner_{owner},
      settings_{settings},
      in_memory_{settings.path == ":memory:"},
      counters_{counters},
      bus_{bus},
      connection_{std::make_unique<SqliteConnection>(settings_, SqliteConnection::Use::create)},
      thread_{[this] { loop(); }} {}

SqliteWriter::~SqliteWriter() {
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
}

void SqliteWriter::write(Database::Body const& body) {
    Waiting waiting{&body};
    std::unique_lock lock{mutex_};
    if (queue_.size() >= settings_.waiting_writers) throw StorageFault{"storage: too many writers wait"};
    queue_.push_back(&waiting);
    arrived_.notify_one();
    waiting.answered.wait(lock, [&] { return waiting.done; });
    lock.unlock();
    if (waiting.failure) std::rethrow_exception(std::move(waiting.failure));
}

void SqliteWriter::loop() {
    for (;;) {
        Batch batch;
        {
            std::unique_lock lock{mutex_};
            arrived_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            auto const count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), most_in_a_batch));
            batch.assign(queue_.begin(), queue_.begin() + count);
            queue_.erase(queue_.begin(), queue_.begin() + count);
        }
        std::size_t next = 0;
        while (next < batch.size()) next = run_group(batch, next);
    }
}

std::size_t SqliteWriter::run_group(Batch const& batch, std::size_t first) {
    std::size_t end = first;
    std::string trouble;
    {
        std::unique_lock const sharing = in_memory_ ? std::unique_lock{sharing_} : std::unique_lock<std::mutex>{};
        trouble = commit_group(batch, first, end);
        if (!trouble.empty()) clean_up_after_trouble();
    }
    if (end == first) end = batch.size();  // not even begun: nobody in the batch can be served
    for (std::size_t i = first; i < end; ++i) settle(*batch[i], trouble);
    return end;
}

// Returns what went wrong, or nothing once the closures from `first` to `end` are durable.
std::string SqliteWriter::commit_group(Batch const& batch, std::size_t first, std::size_t& end) {
    try {
        auto& connection = usable_connection();
        connection.control("BEGIN IMMEDIATE");
        for (end = first; end < batch.size();) {
            run_one(connection, *batch[end++]);
            // A full disk or an I/O error can make SQLite roll the whole transaction back by itself.
            if (connection.lost()) return "storage: SQLite rolled the transaction back";
        }
        connection.control("COMMIT");
        return {};
    } catch (std::exception const& error) {
        return error.what();
    }
}

void SqliteWriter::run_one(SqliteConnection& connection, Waiting& waiting) {
    OpenTransaction transaction{owner_, Database::Mode::write, connection, counters_};
    try {
        transaction.run_in_savepoint(*waiting.body);
        waiting.aftermath = transaction.take_aftermath();
    } catch (...) {
        waiting.failure = std::current_exception();
    }
}

SqliteConnection& SqliteWriter::usable_connection() {
    if (!connection_) connection_ = std::make_unique<SqliteConnection>(settings_, SqliteConnection::Use::write);
    return *connection_;
}

void SqliteWriter::clean_up_after_trouble() {
    if (!connection_) return;
    bool broken = connection_->suspect();
    try {
        if (!connection_->lost()) connection_->control("ROLLBACK");
    } catch (std::exception const&) {
        broken = true;
    }
    // The next batch opens the file anew, so the store heals as soon as the cause is gone.
    if (broken && !in_memory_) connection_.reset();
}

void SqliteWriter::settle(Waiting& waiting, std::string const& trouble) {
    if (!trouble.empty()) {
        // Also for those refused: the refusal may rest on what another closure of the batch had written.
        waiting.failure = std::make_exception_ptr(StorageFault{trouble});
        tell_in_doubt(owner_, bus_, waiting.aftermath.changes);
    } else if (!waiting.failure) {
        try {
            run_after_commit(owner_, bus_, std::move(waiting.aftermath));
        } catch (...) {
            waiting.failure = std::current_exception();
        }
    }
    // Under the lock to the end: `waiting` is gone as soon as its writer has it.
    std::lock_guard const lock{mutex_};
    waiting.done = true;
    waiting.answered.notify_one();
}

}  // namespace zephyr::storage
