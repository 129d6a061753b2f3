#include "zephyr/messages/sender.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "messages/message_table.h"
#include "messages/records.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::messages {

using ports::SendOutcome;

namespace {

constexpr std::int64_t abandoned_at_once = 100;

// Woken by whoever commits a message, even one that outlives the sender.
struct Bell {
    std::mutex mutex;
    std::condition_variable rung;
    std::uint64_t count = 0;
    bool stopping = false;

    void ring() {
        {
            std::lock_guard const lock{mutex};
            ++count;
        }
        rung.notify_all();
    }
};

// What the other side says of a refusal goes into the log, unless it says to whom.
std::string safe_why(std::string const& why, std::string const& to) {
    if (!to.empty() && why.find(to) != std::string::npos) return "(names the destination)";
    std::string out;
    for (char const c : why.substr(0, 200)) out.push_back(c >= 0x20 && c < 0x7f ? c : ' ');
    return out;
}

}  // namespace

struct Sender::State {
    State(storage::Database& db, audit::AuditLog& events, crypto::Sealer const& seal, Clock const& time, Random& chance, Log& logs, Wires with,
          SenderSettings chosen)
        : database{db}, audit{events}, sealer{seal}, clock{time}, random{chance}, log{logs}, wires{std::move(with)},
          settings{std::move(chosen)} {}

    storage::Database& database;
    audit::AuditLog& audit;
    crypto::Sealer const& sealer;
    Clock const& clock;
    Random& random;
    Log& log;
    Wires wires;
    SenderSettings settings;
    std::shared_ptr<Bell> bell = std::make_shared<Bell>();
    std::vector<std::thread> threads;
    std::mutex mutex;
    std::vector<std::string> unused;  // claims that may be in the table, and under which nothing was sent
    std::set<std::string, std::less<>> held;  // claims of threads that will come back, however long the other side takes
    std::atomic<std::int64_t> accepted{0}, postponed{0}, dead{0};

    struct Holding;
    ports::MessageSender* wire(Channel channel) const { return channel == Channel::sms ? wires.sms.get() : wires.email.get(); }
    void run(Channel channel);
    bool step(Channel channel, std::size_t& tries);
    std::optional<message_table::Row> claim(Channel channel, TimePoint now);
    void release_unused();
    void recover_abandoned(Channel channel);
    void renew(message_table::Row const& row);
    SendOutcome hand_over(message_table::Row const& row, ports::MessageSender& with, std::string& to) const;
    void record(message_table::Row const& row, SendOutcome const& outcome, ports::MessageSender const& with);
    void record_until_done(message_table::Row const& row, SendOutcome const& outcome, ports::MessageSender const& with);
    TimePoint next_try(std::int64_t attempts) const;
    bool stopping() const {
        std::lock_guard const lock{bell->mutex};
        return bell->stopping;
    }
};

// A claim in `held`, for as long as this lives.
struct Sender::State::Holding {
    Holding(State& of, std::string claimed) : state{of}, claim{std::move(claimed)} {
        std::lock_guard const lock{state.mutex};
        state.held.insert(claim);
    }
    ~Holding() {
        std::lock_guard const lock{state.mutex};
        state.held.erase(claim);
    }
    Holding(Holding const&) = delete;
    Holding& operator=(Holding const&) = delete;
    State& state;
    std::string claim;
};

// Twice as long each time, up to a bound; of that between a half and all, so that nodes and messages don't come back together.
TimePoint Sender::State::next_try(std::int64_t attempts) const {
    auto pause = settings.first_pause;
    for (std::int64_t i = 1; i < attempts && pause < settings.longest_pause; ++i) pause *= 2;
    pause = std::min(pause, settings.longest_pause);
    auto const bytes = random.bytes(2);
    auto const chance = (std::to_integer<std::int64_t>(bytes[0]) << 8) | std::to_integer<std::int64_t>(bytes[1]);
    return clock.now() + pause / 2 + std::chrono::milliseconds{pause.count() / 2 * chance / 65535};
}

SendOutcome Sender::State::hand_over(message_table::Row const& row, ports::MessageSender& with, std::string& to) const {
    auto const content = message_table::open(sealer, row.id, row.content);
    if (!content) return {.what = SendOutcome::What::never, .why = "cannot be opened: its key is gone, or it was changed"};
    to = content->to;
    Message const message{row.channel, row.user, content->to, row.what, content->words, row.language, row.until};
    Rendered rendered;
    try {
        rendered = render(message, row.created_at, settings.templates);
    } catch (Fault const& fault) {  // written by another version
        return {.what = SendOutcome::What::never, .why = fault.what()};
    }
    return with.send({.id = row.id, .to = content->to, .subject = rendered.subject, .text = rendered.text, .html = rendered.html});
}

void Sender::State::record(message_table::Row const& row, SendOutcome const& outcome, ports::MessageSender const& with) {
    using What = SendOutcome::What;
    bool const again = outcome.what == What::later || (outcome.what == What::uncertain && with.idempotent());
    auto const next = again ? next_try(row.attempts) : TimePoint{};
    // No try would come in time any more.
    std::string_view const death = again && next < row.until ? std::string_view{} : again                       ? reasons::too_late
                                                             : outcome.what == What::uncertain ? reasons::uncertain
                                                                                                 : reasons::refused;
    auto const now = clock.now();
    bool const ours = database.write([&](storage::Transaction& tx) {
        if (outcome.what == What::accepted) {
            if (!message_table::finish(tx, row.id, row.claim)) return false;
            record_sent(tx, audit, row, with.name(), outcome.reference);
            return true;
        }
        if (death.empty()) return message_table::wait_until(tx, row.id, row.claim, next);
        if (!message_table::die(tx, row.id, row.claim, death, now)) return false;
        record_death(tx, audit, row, with.name(), death);
        return true;
    });
    if (!ours) return;  // somebody else counted it when our claim was over
    (outcome.what == What::accepted ? accepted : death.empty() ? postponed : dead) += 1;
}

// The message may have been taken: that must not be forgotten because the database is away for a moment.
void Sender::State::record_until_done(message_table::Row const& row, SendOutcome const& outcome, ports::MessageSender const& with) {
    auto pause = std::chrono::milliseconds{100};
    for (;;) {
        bool const last = stopping();
        try {
            return record(row, outcome, with);
        } catch (StorageFault const& fault) {
            log.warning("messages.not_recorded", {{"id", row.id}, {"why", fault.what()}});
            if (last) return;  // its claim ends by itself, and then it is uncertain
        }
        renew(row);
        std::unique_lock lock{bell->mutex};
        bell->rung.wait_for(lock, pause, [this] { return bell->stopping; });
        pause = std::min(pause * 2, std::chrono::milliseconds{5000});
    }
}

// While we know what became of a row and cannot say so, it is nobody else's.
void Sender::State::renew(message_table::Row const& row) {
    try {
        database.write([&](storage::Transaction& tx) { return message_table::renew(tx, row.id, row.claim, clock.now() + settings.lease); });
    } catch (StorageFault const&) {  // the next round tries again
        return;
    }
}

// Somebody claimed a row and never said what became of it.
void Sender::State::recover_abandoned(Channel channel) {
    auto const rows = database.read(
        [&](storage::Transaction& tx) { return message_table::abandoned(tx, channel, clock.now(), abandoned_at_once); });
    for (auto const& row : rows) {
        {
            std::lock_guard const lock{mutex};
            if (held.contains(row.claim)) continue;  // a thread of ours is slow, and has not gone
        }
        log.warning("messages.abandoned", {{"id", row.id}, {"channel", to_string(channel)}});
        record(row, {.what = SendOutcome::What::uncertain}, *wire(channel));
    }
}

// Nothing when another thread or node was quicker.
std::optional<message_table::Row> Sender::State::claim(Channel channel, TimePoint now) {
    auto const token = make_uuid_v7(now, random);
    try {
        return database.write([&](storage::Transaction& tx) { return message_table::claim(tx, channel, token, now, now + settings.lease); });
    } catch (StorageFault const&) {  // perhaps it is committed, and only the answer got lost
        std::lock_guard const lock{mutex};
        unused.push_back(token);
        throw;
    }
}

void Sender::State::release_unused() {
    std::vector<std::string> tokens;
    {
        std::lock_guard const lock{mutex};
        tokens = unused;
    }
    if (tokens.empty()) return;
    database.write([&](storage::Transaction& tx) {
        for (auto const& token : tokens) message_table::release(tx, token, clock.now());
    });
    std::lock_guard const lock{mutex};
    std::erase_if(unused, [&](auto const& token) { return std::find(tokens.begin(), tokens.end(), token) != tokens.end(); });
}

// False when nothing is due.
bool Sender::State::step(Channel channel, std::size_t& tries) {
    // What cannot be recorded is not begun.
    if (audit.refuses_sign_ins()) return false;
    auto const now = clock.now();
    if (!database.read([&](storage::Transaction& tx) { return message_table::any_due(tx, channel, now); })) return false;
    auto const row = claim(channel, now);
    if (!row) return true;
    ++tries;
    auto& with = *wire(channel);
    Holding const holding{*this, row->claim};
    std::string to;
    auto const outcome = hand_over(*row, with, to);
    if (outcome.what != SendOutcome::What::accepted) {
        log.warning("messages.not_sent", {{"id", row->id},
                                          {"channel", to_string(channel)},
                                          {"provider", with.name()},
                                          {"outcome", name_of(outcome.what)},
                                          {"why", safe_why(outcome.why, to)},
                                          {"tries", static_cast<long long>(row->attempts)}});
    }
    record_until_done(*row, outcome, with);
    return true;
}

void Sender::State::run(Channel channel) {
    std::uint64_t seen = 0;
    for (;;) {
        {
            std::lock_guard const lock{bell->mutex};
            if (bell->stopping) return;
            seen = bell->count;
        }
        try {
            release_unused();
            recover_abandoned(channel);
            std::size_t tries = 0;
            while (!stopping() && step(channel, tries)) {
            }
        } catch (std::exception const& failed) {  // the next round tries again
            log.warning("messages.sender_failed", {{"channel", to_string(channel)}, {"why", failed.what()}});
        }
        std::unique_lock lock{bell->mutex};
        bell->rung.wait_for(lock, settings.poll, [&] { return bell->stopping || bell->count != seen; });
    }
}

Sender::Sender(Outbox& outbox, Log& log, Wires wires, SenderSettings settings)
    : state_{std::make_unique<State>(outbox.database_, outbox.audit_, outbox.sealer_, outbox.clock_, outbox.random_, log, std::move(wires),
                                     std::move(settings))} {
    outbox.on_message([bell = state_->bell] { bell->ring(); });
}

Sender::~Sender() { stop(); }

void Sender::start() {
    for (auto const channel : {Channel::sms, Channel::email}) {
        if (state_->wire(channel) == nullptr) continue;
        for (std::size_t i = 0; i < state_->settings.threads; ++i) {
            state_->threads.emplace_back([state = state_.get(), channel] { state->run(channel); });
        }
    }
}

void Sender::stop() {
    {
        std::lock_guard const lock{state_->bell->mutex};
        state_->bell->stopping = true;
    }
    state_->bell->rung.notify_all();
    for (auto& thread : state_->threads) thread.join();
    state_->threads.clear();
}

std::size_t Sender::run_once() {
    std::size_t tries = 0;
    for (auto const channel : {Channel::sms, Channel::email}) {
        if (state_->wire(channel) == nullptr) continue;
        state_->release_unused();
        state_->recover_abandoned(channel);
        while (state_->step(channel, tries)) {
        }
    }
    return tries;
}

Sender::Stats Sender::stats() const { return {state_->accepted, state_->postponed, state_->dead}; }

}  // namespace zephyr::messages
