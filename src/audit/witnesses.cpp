#include "zephyr/audit/witnesses.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/tlog/witness.h"

namespace zephyr::audit {

using std::chrono::milliseconds;

Result<WitnessTarget> WitnessTarget::parse(std::string_view text) {
    auto const blank = text.find(' ');
    if (blank == std::string_view::npos) return errors::witness_malformed;
    auto key = tlog::NoteKey::parse(text.substr(0, blank));
    auto url = std::string{text.substr(blank + 1)};
    bool const is_url = url.starts_with("https://") || url.starts_with("http://");
    if (!key.ok() || key.value().kind() != tlog::KeyKind::cosignature || !is_url || url.find_first_of(" ?#") != std::string::npos) {
        return errors::witness_malformed;
    }
    while (url.ends_with('/')) url.pop_back();
    return WitnessTarget{std::move(key).value(), std::move(url)};
}

namespace {

// How one submission went.
enum class Step { signed_it, told_its_size, failed, refused };

struct Client {
    WitnessTarget target;
    std::uint64_t its_size = 0;      // of the last checkpoint it signed, as far as we know
    std::uint64_t signed_size = 0;   // the same, while we run
    bool refused = false;
    int failures = 0;
    std::thread thread = {};
};

}  // namespace

struct WitnessClients::State {
    WitnessSettings settings;
    ports::HttpClient& http;
    tlog::LogWriter& log;
    tlog::LogReader const& reader;
    AuditLog& audit;
    Clock const& clock;
    Log& to;

    std::mutex mutable mutex;  // guards from here on
    std::condition_variable changed;
    std::vector<Client> clients;
    std::uint64_t newest = 0;  // size of the last checkpoint
    bool too_few = false;      // fewer than the quorum answered the last time
    bool stopping = false;

    void run(Client& client);
    Step submit(Client& client, std::string& detail);
    Step judge_reply(Client& client, tlog::AddCheckpoint const& asked, ports::HttpReply const& reply, std::string& detail);
    bool take(Client& client, tlog::SignedCheckpoint const& checkpoint, std::string const& lines);
    void settle(Client& client, Step outcome, std::string const& detail, std::uint64_t size);
    void record_refusal(Client& client, std::string const& detail);
    milliseconds pause_of(Client const& client) const;
    std::size_t up_to_date() const;
    void watch_quorum();
};

WitnessClients::WitnessClients(WitnessSettings settings, ports::HttpClient& http, tlog::LogWriter& log, tlog::LogReader const& reader,
                               AuditLog& audit, Clock const& clock, Log& to)
    : state_{new State{std::move(settings), http, log, reader, audit, clock, to, {}, {}, {}, 0, false, false}} {
    auto& state = *state_;
    state.newest = log.last_checkpoint().checkpoint.size;
    for (auto const& target : state.settings.witnesses) state.clients.push_back({.target = target});
    // The writer may be in the middle of telling when this ends, so what it tells lives as long as it needs.
    log.on_checkpoint([kept = state_](tlog::SignedCheckpoint const& checkpoint) {
        std::lock_guard const lock{kept->mutex};
        kept->newest = checkpoint.checkpoint.size;
        kept->changed.notify_all();
    });
    for (auto& client : state.clients) client.thread = std::thread{[&state, &client] { state.run(client); }};
}

WitnessClients::~WitnessClients() { stop(); }

void WitnessClients::stop() {
    state_->log.on_checkpoint({});
    {
        std::lock_guard const lock{state_->mutex};
        state_->stopping = true;
        state_->changed.notify_all();
    }
    for (auto& client : state_->clients) {
        if (client.thread.joinable()) client.thread.join();
    }
}

void WitnessClients::State::run(Client& client) {
    std::unique_lock lock{mutex};
    while (!stopping) {
        // Newest wins: what was signed while we were on our way is covered by the next.
        if (client.signed_size >= newest && client.failures == 0) {
            changed.wait(lock, [&] { return stopping || client.signed_size < newest; });
            continue;
        }
        if (client.failures > 0) {
            changed.wait_for(lock, pause_of(client), [&] { return stopping; });
            if (stopping) return;
        }
        auto const size = newest;
        lock.unlock();
        std::string detail;
        Step outcome = Step::failed;
        try {
            outcome = submit(client, detail);
            if (outcome == Step::told_its_size) outcome = submit(client, detail);
        } catch (std::exception const& fault) {  // the log cannot be read now, or there is no memory: try again later
            detail = fault.what();
        }
        lock.lock();
        settle(client, outcome, detail, size);
        if (outcome == Step::refused) {
            lock.unlock();
            record_refusal(client, detail);
            lock.lock();
        }
    }
}

Step WitnessClients::State::submit(Client& client, std::string& detail) {
    auto const last = log.last_checkpoint();
    if (client.its_size > last.checkpoint.size) {
        detail = "it has signed " + std::to_string(client.its_size) + " entries, and the log has " + std::to_string(last.checkpoint.size);
        return Step::refused;
    }
    auto proof = reader.prove_consistency(client.its_size, last.checkpoint.size);
    if (!proof.ok()) {
        detail = proof.error().id();
        return Step::failed;
    }
    tlog::AddCheckpoint const asked{client.its_size, std::move(proof).value(), last};
    auto const reply = http.send({.method = "POST",
                                  .url = client.target.url + "/add-checkpoint",
                                  .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                                  .body = asked.str(),
                                  .deadline = settings.deadline,
                                  .max_body_bytes = 64 * 1024});
    if (!reply.ok()) {
        detail = std::string{reply.error().id()} + " " + std::string{reply.error().detail()};
        return Step::failed;
    }
    return judge_reply(client, asked, reply.value(), detail);
}

Step WitnessClients::State::judge_reply(Client& client, tlog::AddCheckpoint const& asked, ports::HttpReply const& reply,
                                           std::string& detail) {
    detail = "status " + std::to_string(reply.status);
    if (reply.status == 200) {
        if (take(client, asked.checkpoint, reply.body)) return Step::signed_it;
        detail = "its signature is wrong";
        return Step::failed;
    }
    if (reply.status == 409) {
        // "The response body MUST consist of the tree size of the latest cosigned checkpoint in decimal, followed by a newline".
        auto const body = std::string_view{reply.body};
        auto const number = body.ends_with('\n') ? parse_integer(body.substr(0, body.size() - 1)) : std::nullopt;
        if (!number || *number < 0) return Step::failed;
        auto const its_size = static_cast<std::uint64_t>(*number);
        if (its_size == asked.old_size) {
            detail = "it has signed other " + std::to_string(its_size) + " entries than the log has";
            return Step::refused;
        }
        client.its_size = its_size;  // the next submission says whether the log continues it
        return Step::told_its_size;
    }
    // "If the Merkle Consistency Proof doesn't verify, the witness MUST respond with a "422 Unprocessable Entity"".
    if (reply.status != 422) return Step::failed;
    detail = "it has signed other " + std::to_string(asked.old_size) + " entries than the log begins with";
    return Step::refused;
}

bool WitnessClients::State::take(Client& client, tlog::SignedCheckpoint const& checkpoint, std::string const& lines) {
    auto const parsed = tlog::parse_signature_lines(lines);
    if (!parsed.ok()) return false;
    tlog::Note const note{checkpoint.note.text, parsed.value()};
    if (!tlog::verify_note(note, client.target.key).ok()) return false;
    // "The client MUST ignore any cosignatures from unknown keys."
    std::vector<tlog::NoteSignature> own;
    for (auto const& signature : note.signatures) {
        if (signature.name == client.target.key.name() && signature.key_id == client.target.key.id()) own.push_back(signature);
    }
    client.its_size = checkpoint.checkpoint.size;
    static_cast<void>(log.add_cosignatures(checkpoint.checkpoint, own));  // false: there is a newer one with witnesses already
    return true;
}

// With the lock.
void WitnessClients::State::settle(Client& client, Step outcome, std::string const& detail, std::uint64_t size) {
    auto const& name = client.target.key.name();
    if (outcome == Step::signed_it) {
        if (client.failures > 0) to.info("audit.witness_signs_again", {{"witness", name}});
        client.failures = 0;
        client.refused = false;
        client.signed_size = std::max(client.its_size, size);
        watch_quorum();
        changed.notify_all();
        return;
    }
    if (client.failures++ == 0) to.warning("audit.witness_does_not_sign", {{"witness", name}, {"why", detail}});
    watch_quorum();
}

// With the lock. Said when it changes.
void WitnessClients::State::watch_quorum() {
    auto const failing = std::ranges::count_if(clients, [](Client const& client) { return client.failures > 0; });
    auto const signing = clients.size() - static_cast<std::size_t>(failing);
    bool const were_too_few = std::exchange(too_few, signing < settings.quorum);
    if (too_few == were_too_few) return;
    auto const now = static_cast<long long>(signing);
    auto const quorum = static_cast<long long>(settings.quorum);
    if (too_few) to.warning("audit.too_few_witnesses", {{"signing", now}, {"quorum", quorum}});
    else to.info("audit.enough_witnesses", {{"signing", now}, {"quorum", quorum}});
}

void WitnessClients::State::record_refusal(Client& client, std::string const& detail) {
    auto const& name = client.target.key.name();
    {
        std::lock_guard const lock{mutex};
        if (std::exchange(client.refused, true)) return;  // said once
    }
    to.error("audit.witness_refused", {{"witness", name}, {"why", detail}});
    try {
        audit.append({.code = codes::audit_witness_refused,
                      .actor = Actor::system(),
                      .outcome = Outcome::denied,
                      .reason = detail,
                      .details = {{"witness", name},
                                  {"its_size", std::to_string(client.its_size)},
                                  {"our_size", std::to_string(log.last_checkpoint().checkpoint.size)}}});
    } catch (Fault const& fault) {  // health says it, and the next start tries again
        to.error("audit.witness_refusal_not_recorded", {{"witness", name}, {"why", fault.what()}});
    }
}

milliseconds WitnessClients::State::pause_of(Client const& client) const {
    auto pause = settings.first_pause;
    for (int i = 1; i < client.failures && pause < settings.longest_pause; ++i) pause *= 2;
    return std::min(pause, settings.longest_pause);
}

// With the lock.
std::size_t WitnessClients::State::up_to_date() const {
    return static_cast<std::size_t>(std::ranges::count_if(clients, [&](Client const& client) { return client.signed_size >= newest; }));
}

bool WitnessClients::wait_for_last(milliseconds at_most) {
    auto& state = *state_;
    std::unique_lock lock{state.mutex};
    auto const enough = std::max<std::size_t>(state.settings.quorum, 1);
    return state.changed.wait_for(lock, at_most, [&] { return state.up_to_date() >= enough; });
}

WitnessHealth WitnessClients::health() const {
    auto const& state = *state_;
    std::lock_guard const lock{state.mutex};
    WitnessHealth health{.witnesses = state.clients.size(), .quorum = state.settings.quorum, .up_to_date = state.up_to_date()};
    std::vector<std::uint64_t> sizes;
    for (auto const& client : state.clients) {
        sizes.push_back(client.signed_size);
        if (client.refused) health.refused.push_back(client.target.key.name());
    }
    std::ranges::sort(sizes, std::greater{});
    auto const enough = std::max<std::size_t>(state.settings.quorum, 1);
    if (sizes.size() >= enough) health.witnessed_size = sizes[enough - 1];
    return health;
}

}  // namespace zephyr::audit
