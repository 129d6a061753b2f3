#include "server/jobs.h"

#include "zephyr/audit/codes.h"
#include "zephyr/audit/log_keys.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/server/key_records.h"

namespace zephyr::server {

namespace {
constexpr std::chrono::seconds between_rounds{60};
constexpr std::chrono::hours between_retentions{1};
constexpr std::chrono::milliseconds between_batches{100};  // others write too
constexpr std::size_t rows_at_once = 500;
}  // namespace

Jobs::Jobs(Stack& stack, Log& log)
    : stack_{stack}, log_{log}, resealer_{*stack.database, stack.sealer},
      subject_key_resealer_{stack.subject_keys.database(), stack.sealer, true}, thread_{[this] { run(); }} {}

Jobs::~Jobs() {
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
    }
    woken_.notify_all();
    thread_.join();
}

void Jobs::run() {
    for (;;) {
        bool more = false;
        try {
            more = work();
        } catch (std::exception const& failed) {  // the next round tries again; nothing else depends on it
            log_.warning("server.job_failed", {{"why", failed.what()}});
        }
        std::unique_lock lock{mutex_};
        auto const wait = more ? std::chrono::milliseconds{between_batches} : std::chrono::milliseconds{between_rounds};
        if (woken_.wait_for(lock, wait, [this] { return stopping_; })) return;
    }
}

bool Jobs::work() {
    bool more = stack_.purge() > 0;
    if (stack_.signing_keys.rotate_if_due()) log_.info("tokens.keys_rotated");
    if (auto const people = stack_.audit.carry_out_erasures(); people > 0) {
        log_.info("audit.keys_destroyed", {{"people", static_cast<long long>(people)}});
    }
    if (end_what_is_over()) more = true;
    return reseal_some() || more;
}

bool Jobs::end_what_is_over() {
    auto const now = stack_.clock.monotonic();
    if (now < retention_due_) return false;
    auto const outcome = stack_.retention.run();
    if (outcome.clock_in_doubt) log_.warning("audit.retention_waits", {{"why", "the clock jumped"}});
    if (outcome.log_damaged) {
        log_.error("audit.log_damaged", {{"why", "the beginning of the log is gone, and no entry says that it was to be deleted"},
                                         {"first_index", static_cast<long long>(outcome.first_index)}});
    }
    if (outcome.keys_destroyed > 0 || outcome.rows_deleted > 0 || outcome.segments_deleted > 0) {
        log_.info("audit.time_over", {{"keys", static_cast<long long>(outcome.keys_destroyed)},
                                      {"rows", static_cast<long long>(outcome.rows_deleted)},
                                      {"segments", static_cast<long long>(outcome.segments_deleted)}});
    }
    if (!outcome.more) retention_due_ = now + between_retentions;
    return outcome.more;
}

bool Jobs::reseal_some() {
    if (resealed_) return false;
    // One key known: nothing can be sealed under another.
    if (KeyRecords(*stack_.database, stack_.clock).list().size() < 2) {
        resealed_ = true;
        return false;
    }
    // The keys that stand in a file of their own, and the log's: only then is it all done.
    if (!stack_.subject_keys.lives_in(*stack_.database) && !subject_keys_resealed_) {
        auto const keys = subject_key_resealer_.next(rows_at_once);
        values_resealed_ += keys.sealed;
        subject_keys_resealed_ = keys.finished;
        return true;
    }
    auto const progress = resealer_.next(rows_at_once);
    values_resealed_ += progress.sealed;
    if (progress.finished) reseal_log_key();
    resealed_ = progress.finished;
    if (resealed_ && values_resealed_ > 0) {
        stack_.audit.append({.code = audit::codes::key_resealed,
                             .actor = audit::Actor::system(),
                             .details = {{"values", std::to_string(values_resealed_)}, {"key", stack_.sealer.active_key_id()}}});
    }
    return !resealed_;
}

// Loading it seals it again where that is due.
void Jobs::reseal_log_key() {
    auto const& log = stack_.audit_log;
    if (!log.reader) return;
    auto const loaded = audit::load_or_create_log_keys(log.folder, log.log_folder, log.reader->origin(), stack_.sealer);
    if (!loaded.ok()) throw Fault{"the audit log's signing key: " + std::string{loaded.error().id()}};
}

}  // namespace zephyr::server
