#include "server/jobs.h"

#include "zephyr/audit/codes.h"
#include "zephyr/server/key_records.h"

namespace zephyr::server {

namespace {
constexpr std::chrono::seconds between_rounds{60};
constexpr std::chrono::milliseconds between_batches{100};  // others write too
constexpr std::size_t rows_at_once = 500;
}  // namespace

Jobs::Jobs(Stack& stack, Log& log)
    : stack_{stack}, log_{log}, resealer_{*stack.database, stack.sealer}, thread_{[this] { run(); }} {}

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
    return reseal_some() || more;
}

bool Jobs::reseal_some() {
    if (resealed_) return false;
    // One key known: nothing can be sealed under another.
    if (KeyRecords(*stack_.database, stack_.clock).list().size() < 2) {
        resealed_ = true;
        return false;
    }
    auto const progress = resealer_.next(rows_at_once);
    values_resealed_ += progress.sealed;
    resealed_ = progress.finished;
    if (resealed_ && values_resealed_ > 0) {
        stack_.audit.append({.code = audit::codes::key_resealed,
                             .actor = audit::Actor::system(),
                             .details = {{"values", std::to_string(values_resealed_)}, {"key", stack_.sealer.active_key_id()}}});
    }
    return !resealed_;
}

}  // namespace zephyr::server
