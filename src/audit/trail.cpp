#include "zephyr/audit/trail.h"

#include "audit/trail_state.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/retention.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::audit {

namespace {

// Events wait this long to become rows, so that a busy server does not pay a transaction for each.
constexpr std::chrono::milliseconds index_after{200};
constexpr std::size_t index_from = 200;
constexpr std::chrono::milliseconds between_attempts{200};  // while the log can't be written
constexpr std::chrono::milliseconds longest_step{1000};
constexpr std::chrono::days longest_absence{7};  // between two runs: a clock further ahead may have jumped
constexpr std::chrono::seconds patience{10};

Error behind(std::string const& detail) {
    return Error{errors::log_behind, detail}.with_reason(
        "The database knows of audit events that the log in this data folder does not hold. Restore the folder that belongs to this"
        " database, or begin a new epoch: zephyr audit begin-epoch.");
}

// The beginning of a log goes by retention alone, which says so before, under a signature. What stands behind the last signature anybody may
// have written while we were down.
Result<void> check_beginning(TrailParts const& parts) {
    auto const first = parts.reader.first_index();
    if (first == 0) return success();
    ZEPHYR_TRY(auto const announced, announced_first_kept(parts.reader, first, parts.writer.recovery().signed_size, first));
    if (announced >= first) return success();
    auto const what = "entries " + std::to_string(announced) + " to " + std::to_string(first - 1) + " are gone";
    return Error{tlog::errors::log_damaged, what}.with_reason(
        "The beginning of the audit log is missing: " + what + ", and no entry says that they were to be deleted. Restore the folder, or begin a"
        " new epoch: zephyr audit begin-epoch.");
}

}  // namespace

Trail::Trail(std::unique_ptr<State> state) : state_{std::move(state)} {}

Trail::~Trail() { stop(); }

Result<void> check_log_known(storage::Database& database, std::string const& node, std::uint32_t epoch, std::uint64_t size) {
    auto const known =
        database.read([&](storage::Transaction& tx) { return newest_known_log(tx, database.engine() == storage::Engine::sqlite, node); });
    if (!known) return success();
    if (known->epoch > epoch) return behind("the database knows epoch " + std::to_string(known->epoch) + " of " + known->node);
    if (known->epoch == epoch && known->indexed > size) {
        return behind(std::to_string(known->indexed) + " entries of " + known->node + " known, " + std::to_string(size) + " in the log");
    }
    return success();
}

Result<std::unique_ptr<Trail>> Trail::open(TrailParts parts, TrailSettings settings) {
    ZEPHYR_CHECK(check_beginning(parts));
    auto state = std::make_unique<State>(parts, std::move(settings));
    auto& chosen = state->settings;
    auto const epoch = static_cast<std::int64_t>(chosen.epoch);
    ZEPHYR_CHECK(check_log_known(parts.database, chosen.node, chosen.epoch, parts.writer.size()));
    auto const now = parts.clock.now();
    std::optional<TimePoint> seen;
    state->indexed = parts.database.write([&](storage::Transaction& tx) {
        auto const row = tx.row("SELECT epoch, indexed, seen_at FROM audit_node WHERE node = $1", chosen.node);
        seen = row ? std::optional{row->time(2)} : std::nullopt;
        auto const known = row && row->integer(0) == epoch ? row->integer(1) : 0;
        // When it was seen is written below, when what that tells is in the log.
        tx.run("INSERT INTO audit_node (node, epoch, seen_at, indexed) VALUES ($1, $2, $3, $4)"
               " ON CONFLICT (node) DO UPDATE SET epoch = excluded.epoch, indexed = excluded.indexed",
               chosen.node, epoch, now, known);
        return static_cast<std::uint64_t>(known);
    });
    // What a crash left between log and database: after this every row of the outbox is one that is not in the log.
    while (state->index_some()) {
    }
    if (chosen.first && parts.writer.size() == 0) ZEPHYR_CHECK(state->append_own(chosen.first->code, chosen.first->details, chosen.first->reason));
    if (seen && (now < *seen - longest_step || now > *seen + longest_absence)) {
        Fields step{{"milliseconds", std::to_string((now - *seen).count())}};
        ZEPHYR_CHECK(state->append_own(codes::audit_clock_stepped, std::move(step), "between two runs"));
    }
    state->heartbeat();
    if (auto const recovery = parts.writer.recovery(); recovery.torn_bytes > 0) {
        Fields details{{"bytes", std::to_string(recovery.torn_bytes)}, {"size", std::to_string(recovery.size)}};
        ZEPHYR_CHECK(state->append_own(codes::audit_recovered, std::move(details)));
    }
    state->thread = std::thread{[raw = state.get()] { raw->run(); }};
    return std::unique_ptr<Trail>{new Trail{std::move(state)}};
}

Result<tlog::Receipt> Trail::append(ByteView record) {
    if (!state_->writable) return tlog::errors::log_unavailable;  // the carrying thread tries, and says first that there was a gap
    auto receipt = state_->parts.writer.append(record);
    if (!receipt.ok() && receipt.error() == tlog::errors::log_unavailable) state_->failed(receipt.error());
    return receipt;
}

void Trail::wake() noexcept {
    std::lock_guard const lock{state_->mutex};
    state_->dirty = true;
    state_->woken.notify_one();
}

void Trail::catch_up() {
    auto& state = *state_;
    std::unique_lock lock{state.mutex};
    if (state.stopping || !state.writable) return;
    if (!state.dirty && !state.busy && state.indexed >= state.parts.writer.size()) return;
    auto const mine = ++state.asked;
    state.woken.notify_one();
    state.served_one.wait_for(lock, patience, [&] { return state.served >= mine || state.stopping || !state.writable; });
}

void Trail::note_gap() noexcept { state_->gaps.add(state_->parts.clock.now()); }

std::int64_t Trail::adopt(std::string const& node) { return node == state_->settings.node ? 0 : state_->adopt(node, true); }

TrailHealth Trail::health() const { return {state_->writable, state_->waiting}; }

std::string const& Trail::node() const { return state_->settings.node; }

void Trail::stop() {
    {
        std::lock_guard const lock{state_->mutex};
        if (state_->stopping) return;
        state_->stopping = true;
        state_->woken.notify_all();
        state_->served_one.notify_all();
    }
    if (state_->thread.joinable()) state_->thread.join();
}

void Trail::State::run() {
    for (;;) {
        std::uint64_t serving = 0;
        bool last = false;
        bool everything = false;
        {
            std::unique_lock lock{mutex};
            bool const work_waits = !drained.empty() || indexed < parts.writer.size();
            auto const wait = !writable ? between_attempts : work_waits ? std::min(index_after, settings.idle) : settings.idle;
            woken.wait_for(lock, wait, [&] { return stopping || (dirty && writable) || asked > served; });
            last = stopping;
            serving = asked;
            everything = last || asked > served;
            dirty = false;
            busy = true;
        }
        try {
            round(everything);
            trouble_told = false;
        } catch (std::exception const& trouble) {  // the next round tries again, from where this one got to
            if (!trouble_told) parts.log.error("audit.trail_failed", {{"why", trouble.what()}});
            trouble_told = true;
            std::unique_lock lock{mutex};
            dirty = true;
            if (!last) woken.wait_for(lock, between_attempts, [&] { return stopping; });
        }
        std::lock_guard const lock{mutex};
        busy = false;
        served = std::max(served, serving);
        served_one.notify_all();
        if (last) return;
    }
}

void Trail::State::round(bool everything) {
    if (writable || heal()) {
        watch_clock();
        tell_gap();
        while (writable && drain_some()) {
        }
    }
    auto const now = parts.clock.monotonic();
    auto const unindexed = parts.writer.size() - indexed;
    if (unindexed == 0) {
        index_due = now + index_after;
    } else if (everything || unindexed >= index_from || now >= index_due) {
        while (index_some()) {
        }
        index_due = parts.clock.monotonic() + index_after;
    }
    heartbeat();
    adopt_dead();
    waiting = writable ? 0 : waiting_in_outbox();
}

std::int64_t Trail::State::waiting_in_outbox() {
    return parts.database.read([&](storage::Transaction& tx) {
        return single_node() ? tx.row("SELECT count(*) FROM audit_outbox")->integer(0)
                             : tx.row("SELECT count(*) FROM audit_outbox WHERE node = $1", settings.node)->integer(0);
    });
}

Record Trail::State::own_record(std::string_view code, Fields details, std::string reason) const {
    Record record;
    record.time = parts.clock.now();
    record.monotonic_us = parts.clock.monotonic().time_since_epoch().count();
    record.id = make_uuid_v7(record.time, parts.random);
    record.code = code;
    record.actor_type = Actor::Type::system;
    record.reason = std::move(reason);
    record.details = std::move(details);
    record.retention = find_code(code)->retention;
    return record;
}

Result<void> Trail::State::append_own(std::string_view code, Fields details, std::string reason) {
    auto const body = own_record(code, std::move(details), std::move(reason)).encode().value();
    auto const receipt = parts.writer.append(body);
    if (!receipt.ok()) {
        failed(receipt.error());
        return receipt.error();
    }
    return success();
}

void Trail::State::failed(Error const& error) {
    std::lock_guard const lock{mutex};
    if (!failing_since) {
        failing_since = parts.clock.now();
        parts.log.error("audit.log_unavailable", {{"id", error.id()}, {"detail", error.detail()}});
    }
    writable = false;
    woken.notify_one();
    served_one.notify_all();
}

// The first entry after an interruption says so; what waited follows it. Writing it is how we find out that the log is well again.
bool Trail::State::heal() {
    auto const since = [&] {
        std::lock_guard const lock{mutex};
        return failing_since.value_or(parts.clock.now());
    }();
    auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(parts.clock.now() - since).count();
    if (!append_own(codes::audit_interrupted, {{"from", to_rfc3339(since)}, {"seconds", std::to_string(seconds)}}).ok()) return false;
    std::lock_guard const lock{mutex};
    failing_since.reset();
    writable = true;
    parts.log.info("audit.log_available", {{"seconds", static_cast<long long>(seconds)}});
    return true;
}

// `gap` numbers them: a crash before the file knows that one was told makes it be told again, under the same number.
void Trail::State::tell_gap() {
    auto const gap = gaps.current();
    if (gap.events == 0 || !writable) return;
    if (append_own(codes::audit_gap, {{"events", std::to_string(gap.events)},
                                      {"from", to_rfc3339(gap.first)},
                                      {"gap", std::to_string(gap.number)},
                                      {"until", to_rfc3339(gap.last)}})
            .ok()) {
        gaps.told(gap);
    }
}

void Trail::State::watch_clock() {
    auto const wall = parts.clock.now();
    auto const steady = parts.clock.monotonic();
    auto const before = std::exchange(last_clock, std::pair{wall, steady});
    if (!before) return;
    auto const step = (wall - before->first) - std::chrono::duration_cast<std::chrono::milliseconds>(steady - before->second);
    if (step > longest_step || step < -longest_step) {
        // A log that fails now says so itself.
        static_cast<void>(append_own(codes::audit_clock_stepped, {{"milliseconds", std::to_string(step.count())}}).ok());
    }
}

}  // namespace zephyr::audit
