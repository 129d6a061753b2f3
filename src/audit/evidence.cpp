#include "zephyr/audit/evidence.h"

#include "zephyr/audit/record.h"
#include "zephyr/encoding/json.h"

namespace zephyr::audit {

namespace {

// An index says where an event stands in its node's log, and each epoch has its own: the bytes say whether it is this one.
bool is_event(ByteView stored, std::string const& id) {
    auto const json = encoding::parse_json(as_text(stored), {.bytes = stored.size(), .depth = 8});
    return json.ok() && json.value().string_at("id") == id;
}

// The log has the event, and something else is the matter.
bool holds(Error const& error) { return error == errors::row_differs || error == errors::not_yet_signed; }

// An unlucky or insistent reader must not make the log sign and sync at every request.
constexpr std::chrono::seconds between_checkpoints{1};

}  // namespace

void Evidence::attach(NodeLog log) {
    log_ = std::move(log);
    earlier_.clear();
    earlier_.resize(log_.earlier_epochs.size());
}

Result<StoredEvent> Evidence::find(std::string_view id) {
    if (!is_uuid(id)) return errors::event_unknown;
    auto events = audit_.query({.id = std::string{id}, .limit = 1});
    if (events.empty()) return errors::event_unknown;
    return std::move(events.front());
}

Result<tlog::SignedCheckpoint> Evidence::checkpoint() const {
    if (log_.reader == nullptr) return errors::not_logged;
    return log_.reader->last_checkpoint();
}

Result<ProvedEvent> Evidence::prove_in(tlog::LogReader const& reader, StoredEvent const& event, bool newest) const {
    auto const index = static_cast<std::uint64_t>(*event.log_index);
    if (index >= reader.size()) return errors::not_logged;
    ZEPHYR_TRY(auto stored, reader.entry(index));
    if (!is_event(stored, event.id)) return errors::not_logged;
    ZEPHYR_CHECK(check_row(event, stored));
    auto proof = reader.prove(index);
    if (!proof.ok() && proof.error() == tlog::errors::proof_out_of_range && newest && log_.writer != nullptr) {
        auto const signed_now = sign_checkpoint();
        proof = reader.prove(index);  // also when somebody else's request just had one signed
        if (!proof.ok() && !signed_now.ok()) return signed_now.error();
    }
    if (!proof.ok()) return std::move(proof).error();
    auto vkey = vkey_of(proof.value().checkpoint);
    return ProvedEvent{std::move(stored), std::move(proof).value(), std::move(vkey)};
}

// The proof is about the log's bytes; what people read comes from the row, partly from its columns and partly from its copy of the bytes.
Result<void> Evidence::check_row(StoredEvent const& event, ByteView stored) const {
    auto const differs = [](std::string_view what) { return Error{errors::row_differs, std::string{what}}; };
    if (as_text(event.body) != as_text(stored)) return differs("body");
    auto const parsed = Record::parse(stored);
    if (!parsed.ok()) return differs("record");
    auto const& record = parsed.value();
    if (event.code != record.code) return differs("code");
    if (event.time != record.time) return differs("time");
    if (event.outcome != record.outcome) return differs("outcome");
    if (event.reason != record.reason) return differs("reason");
    if (event.actor.type != record.actor_type) return differs("actor_type");
    bool const is_user = record.actor_type == Actor::Type::user;
    if (is_user ? !is_in_log_as(event.actor.ref, record.actor_ref) : event.actor.ref != record.actor_ref) return differs("actor_ref");
    if (event.subject.has_value() != record.subject.has_value()) return differs("subject");
    if (event.subject && !is_in_log_as(event.subject->str(), *record.subject)) return differs("subject");
    return success();
}

// An erased person stands in the row under the pseudonym too.
bool Evidence::is_in_log_as(std::string const& person, std::string const& pseudonym) const {
    return person == pseudonym || keys_.find_ref(UserId::trusted(person)) == pseudonym;
}

Result<void> Evidence::sign_checkpoint() const {
    std::lock_guard const lock{mutex_};
    auto const now = clock_.monotonic();
    if (signed_at_ && now < *signed_at_ + between_checkpoints) return errors::not_yet_signed;
    ZEPHYR_CHECK(log_.writer->checkpoint());
    signed_at_ = now;
    return success();
}

tlog::LogReader const* Evidence::earlier(std::size_t number) const {
    std::lock_guard const lock{mutex_};
    auto& reader = earlier_.at(number);
    if (!reader) {
        auto opened = tlog::LogReader::open(log_.earlier_epochs[number]);
        if (opened.ok()) reader = std::move(opened).value();
    }
    return reader.get();
}

// An earlier epoch has a name of its own and may have had the same key.
std::string Evidence::vkey_of(tlog::SignedCheckpoint const& checkpoint) const {
    if (log_.writer == nullptr) return {};
    auto const ours = log_.writer->public_key();
    tlog::NoteKey const named{checkpoint.checkpoint.origin, ours.kind(), ours.key()};
    return tlog::verify_note(checkpoint.note, named).ok() ? named.vkey() : std::string{};
}

Result<ProvedEvent> Evidence::prove(StoredEvent const& event) const {
    if (log_.reader == nullptr || !event.log_index) return errors::not_logged;
    if (event.node != log_.node) {
        return Error{errors::other_node}.with_reason("The log of node " + event.node + " holds this event: ask there.");
    }
    auto proved = prove_in(*log_.reader, event, true);
    // Another event stands there, or none: an epoch before may hold it.
    for (std::size_t i = 0; !proved.ok() && !holds(proved.error()) && i < log_.earlier_epochs.size(); ++i) {
        auto const* reader = earlier(i);
        if (reader == nullptr) continue;
        auto found = prove_in(*reader, event, false);
        if (found.ok() || holds(found.error())) return found;
    }
    return proved;
}

}  // namespace zephyr::audit
