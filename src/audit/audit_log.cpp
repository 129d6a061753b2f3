#include "zephyr/audit/audit_log.h"

#include <algorithm>
#include <set>

#include "audit/log_state.h"
#include "audit/stored.h"
#include "zephyr/audit/codes.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::audit {

namespace {

constexpr std::size_t max_address_bytes = 64;
constexpr std::size_t max_user_agent_bytes = 256;
constexpr std::size_t max_word_bytes = 128;
constexpr std::size_t max_value_bytes = 512;
constexpr std::size_t max_fields = 32;

// Values may come from outside. PostgreSQL takes neither a NUL nor broken UTF-8 in text, and a log must not be where
// an attack fails with a fault, so the plain columns hold printable ASCII alone.
std::string word(std::string_view text) {
    std::string out{text.substr(0, max_word_bytes)};
    std::replace_if(out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return out;
}

// At most `limit` bytes, not ending inside a character.
std::string cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string{text};
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0u) == 0x80u) --limit;
    return std::string{text.substr(0, limit)};
}

Fields bounded(Fields const& fields) {
    Fields out;
    for (auto const& [name, value] : fields) {
        if (out.size() == max_fields) break;
        out.emplace_back(name, cut(value, max_value_bytes));
    }
    return out;
}

void refuse_repeated(Fields const& fields) {
    std::set<std::string_view> names;
    for (auto const& [name, value] : fields) {
        if (!names.insert(name).second) throw Fault{"an audit event names the detail " + name + " twice"};
    }
}

constexpr std::string_view columns =
    "sequence, id, time, code, actor_type, actor_ref, subject, outcome, reason, node, log_index, body";

// Parts about one person become one.
class Parts {
public:
    Personal& about(Pseudonym const& who) {
        for (auto& [known, personal] : parts_) {
            if (known.ref == who.ref) return personal;
        }
        return parts_.emplace_back(who, Personal{}).second;
    }
    std::vector<std::pair<Pseudonym, Personal>> const& all() const { return parts_; }

private:
    std::vector<std::pair<Pseudonym, Personal>> parts_;
};

// Where a request came from is about whoever sent it: the actor, or the subject when nobody else is known. The rest is about the
// subject. Each person's part is under their own key, so that erasing one leaves what is about the other.
std::vector<SealedPart> seal_parts(SubjectKeys& keys, Event const& event, Record const& record, std::optional<Pseudonym> const& actor,
                                   std::optional<Pseudonym> const& subject) {
    Personal const origin{cut(event.origin.address, max_address_bytes), cut(event.origin.user_agent, max_user_agent_bytes), {}};
    auto const fields = bounded(event.personal);
    auto const nobody_known = [&] { return Pseudonym{keys.ref_of_strangers()}; };
    Parts parts;
    if (!origin.empty()) {
        auto& part = parts.about(actor ? *actor : subject ? *subject : nobody_known());
        part.address = origin.address;
        part.user_agent = origin.user_agent;
    }
    if (!fields.empty()) parts.about(subject ? *subject : actor ? *actor : nobody_known()).fields = fields;
    std::vector<SealedPart> sealed;
    for (auto const& [who, personal] : parts.all()) {
        if (who.erased) continue;
        auto data = keys.seal(who.ref, record.retention, record.time, record.id, as_bytes(write_personal(personal)));
        if (!data.empty()) sealed.push_back({who.ref, std::move(data)});
    }
    return sealed;
}

}  // namespace

Pseudonym AuditLog::State::pseudonym_of(UserId const& person, storage::Transaction* tx) {
    if (auto ref = keys.find_ref(person)) return {std::move(*ref)};
    constexpr std::string_view select = "SELECT ref FROM audit_erasure WHERE person = $1";
    auto const erased = tx != nullptr ? tx->row(select, person.str())
                                      : database.read([&](storage::Transaction& own) { return own.row(select, person.str()); });
    if (erased) return {erased->text(0), true};
    return {keys.ref_of(person)};
}

AuditLog::AuditLog(storage::Database& database, SubjectKeys& keys, Clock const& clock, Random& random)
    : state_{new State{database, nullptr, keys, clock, random}} {}

AuditLog::AuditLog(storage::Database& database, crypto::Sealer const& sealer, Clock const& clock, Random& random) {
    auto keys = std::make_unique<SubjectKeys>(database, sealer, clock, random);
    auto& lent = *keys;
    state_.reset(new State{database, std::move(keys), lent, clock, random});
}

AuditLog::~AuditLog() = default;

void AuditLog::attach(Trail* trail) { state_->trail = trail; }
Trail* AuditLog::trail() const { return state_->trail; }
void AuditLog::when_unavailable(WhenUnavailable choice) { state_->when_unavailable = choice; }
void AuditLog::on_hold_check(HoldCheck held) { state_->held = std::move(held); }

bool AuditLog::must_refuse(RetentionClass retention) const {
    bool const privileged = retention == RetentionClass::admin || retention == RetentionClass::phi;
    return privileged || state_->when_unavailable == WhenUnavailable::refuse;
}

bool AuditLog::refuses_sign_ins() const {
    auto const* trail = state_->trail.load();
    return trail != nullptr && !trail->health().writable && must_refuse(RetentionClass::auth);
}

AuditLog::Prepared AuditLog::prepare(Event const& event, storage::Transaction* tx) {
    auto const* info = find_code(event.code);
    if (info == nullptr) throw Fault{"no audit code " + std::string{event.code}};
    refuse_repeated(event.details);
    refuse_repeated(event.personal);
    Prepared out;
    auto& record = out.record;
    record.time = state_->clock.now();
    record.monotonic_us = state_->clock.monotonic().time_since_epoch().count();
    record.id = make_uuid_v7(record.time, state_->random);
    record.code = event.code;
    record.actor_type = event.actor.type;
    record.outcome = event.outcome;
    record.reason = word(event.reason);
    record.request_id = word(event.origin.request_id);
    record.session_ref = word(event.origin.session_ref);
    record.details = bounded(event.details);
    record.retention = info->retention;

    out.actor_ref = word(event.actor.ref);
    std::optional<Pseudonym> actor;
    std::optional<Pseudonym> subject;
    if (event.actor.type == Actor::Type::user) {
        actor = state_->pseudonym_of(UserId::trusted(out.actor_ref), tx);
        record.actor_ref = actor->ref;
        if (actor->erased) out.actor_ref = actor->ref;
    } else {
        record.actor_ref = out.actor_ref;
    }
    if (event.subject) {
        subject = state_->pseudonym_of(*event.subject, tx);
        record.subject = subject->ref;
        out.subject = subject->erased ? subject->ref : event.subject->str();
    }

    record.sealed = seal_parts(state_->keys, event, record, actor, subject);

    auto encoded = record.encode();
    if (!encoded.ok()) {
        record.details = {{"bytes", std::string{encoded.error().detail()}}, {"code", record.code}};
        record.code = codes::audit_too_large;
        record.sealed.clear();
        encoded = record.encode();
    }
    out.body = std::move(encoded).value();
    return out;
}

bool insert_event(storage::Transaction& tx, EventRow const& row) {
    auto const& record = row.record;
    return tx.run("INSERT INTO audit_event (id, time, code, actor_type, actor_ref, subject, outcome, reason, node, log_index, body)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
                  record.id, record.time, record.code, actor_type_name(record.actor_type), row.actor_ref, row.subject,
                  outcome_name(record.outcome), record.reason, row.node, row.log_index, row.body) > 0;
}

void AuditLog::insert(storage::Transaction& tx, Prepared const& prepared, bool claimed) {
    auto* trail = state_->trail.load();
    insert_event(tx, {prepared.record, prepared.actor_ref, prepared.subject, trail == nullptr ? std::string{} : trail->node(), std::nullopt,
                      prepared.body});
    if (trail == nullptr) return;
    tx.run("INSERT INTO audit_outbox (id, node, claimed, body) VALUES ($1, $2, $3, $4)", prepared.record.id, trail->node(), claimed,
           prepared.body);
    tx.after_commit([trail] { trail->wake(); });
}

void AuditLog::append(storage::Transaction& tx, Event const& event) {
    auto const prepared = prepare(event, &tx);
    auto* trail = state_->trail.load();
    if (trail != nullptr && !trail->health().writable && must_refuse(prepared.record.retention)) {
        throw AuditUnavailable{"audit: the log can't be written"};
    }
    insert(tx, prepared, false);
}

void AuditLog::append(Event const& event) {
    auto* trail = state_->trail.load();
    if (trail == nullptr) {
        state_->database.write([&](storage::Transaction& tx) { append(tx, event); });
        return;
    }
    auto const* info = find_code(event.code);
    bool const may_go_on = info != nullptr && !must_refuse(info->retention);
    try {
        auto const prepared = prepare(event, nullptr);
        auto const receipt = trail->append(prepared.body);
        if (receipt.ok()) return;
        if (!may_go_on) throw AuditUnavailable{"audit: the log can't be written"};
        // Claimed: an answer may be lost on its way, and only this node can tell whether its log has the event.
        state_->database.write([&](storage::Transaction& tx) { insert(tx, prepared, true); });
    } catch (StorageFault const&) {
        if (!may_go_on) throw;
        trail->note_gap();
    }
}

std::vector<StoredEvent> AuditLog::query(Query const& query) {
    if (auto* trail = state_->trail.load()) trail->catch_up();
    return state_->database.read([&](storage::Transaction& tx) { return this->query(tx, query); });
}

StoredEvent AuditLog::open(Record const& record) {
    StoredEvent event;
    event.id = record.id;
    event.time = record.time;
    event.code = record.code;
    auto const* info = find_code(record.code);
    event.name = info == nullptr ? "" : std::string{info->name};
    event.actor = {record.actor_type, record.actor_ref};
    if (record.subject) event.subject = UserId::trusted(*record.subject);
    event.outcome = record.outcome;
    event.reason = record.reason;
    event.request_id = record.request_id;
    event.session_ref = record.session_ref;
    event.details = record.details;
    event.retention = record.retention;
    for (auto const& part : record.sealed) {
        auto const opened = state_->keys.open(part.ref, record.retention, record.time, record.id, part.data);
        if (!opened.ok()) continue;
        auto personal = read_personal(as_text(opened.value().reveal()));
        if (event.address.empty()) event.address = std::move(personal.address);
        if (event.user_agent.empty()) event.user_agent = std::move(personal.user_agent);
        event.personal.insert(event.personal.end(), personal.fields.begin(), personal.fields.end());
    }
    return event;
}

std::vector<StoredEvent> AuditLog::query(storage::Transaction& tx, Query const& query) {
    std::string sql = "SELECT " + std::string{columns} + " FROM audit_event WHERE 1 = 1";
    storage::Values values;
    auto const add = [&](std::string_view condition, storage::Value value) {
        values.push_back(std::move(value));
        sql += " AND " + std::string{condition} + " $" + std::to_string(values.size());
    };
    // For a day after somebody was erased their id still finds what happened, now under the pseudonym.
    auto const now_called = [&](std::string const& person) {
        if (!is_uuid(person)) return person;
        auto const erased = tx.row("SELECT ref FROM audit_erasure WHERE person = $1 AND waiting <> 'hold'", person);
        return erased ? erased->text(0) : person;
    };
    if (query.subject) add("subject =", storage::bind(now_called(query.subject->str())));
    if (query.actor) add("actor_type = 'user' AND actor_ref =", storage::bind(now_called(*query.actor)));
    if (query.id) add("id =", storage::bind(*query.id));
    if (query.code) add("code =", storage::bind(*query.code));
    if (query.but_code) add("code <>", storage::bind(*query.but_code));
    if (query.outcome) add("outcome =", storage::bind(std::string{outcome_name(*query.outcome)}));
    if (query.refused) add("outcome <>", storage::bind(std::string{outcome_name(Outcome::success)}));
    if (query.from) add("time >=", storage::bind(*query.from));
    if (query.until) add("time <", storage::bind(*query.until));
    if (query.before_sequence > 0) add("sequence <", storage::bind(query.before_sequence));
    if (query.after_sequence) add("sequence >", storage::bind(*query.after_sequence));
    auto const limit = std::clamp<std::size_t>(query.limit, 1, 1000);
    values.push_back(storage::bind(static_cast<std::int64_t>(limit)));
    sql += std::string{" ORDER BY sequence "} + (query.after_sequence ? "ASC" : "DESC") + " LIMIT $" + std::to_string(values.size());

    std::vector<StoredEvent> out;
    for (auto const& row : tx.query(sql, values)) {
        StoredEvent event;
        auto body = row.optional_blob(11).value_or(Bytes{});
        // A body under another event's id is not this event's.
        if (auto const record = Record::parse(body); record.ok() && record.value().id == row.text(1)) event = open(record.value());
        event.sequence = row.integer(0);
        event.id = row.text(1);
        event.time = row.time(2);
        event.code = row.text(3);
        auto const* info = find_code(event.code);
        event.name = info == nullptr ? "" : std::string{info->name};
        // A word that is none: somebody wrote into the table. One such row must not hide the others.
        event.actor = {find_actor_type(row.text(4)).value_or(Actor::Type::anonymous), row.text(5)};
        event.subject = std::nullopt;
        if (auto const subject = row.optional_text(6)) event.subject = UserId::trusted(*subject);
        event.outcome = find_outcome(row.text(7)).value_or(Outcome::failure);
        event.reason = row.text(8);
        event.node = row.text(9);
        event.log_index = row.optional_integer(10);
        event.body = std::move(body);
        out.push_back(std::move(event));
    }
    return out;
}

bool AuditLog::happened(std::string_view code, TimePoint from, TimePoint until) {
    auto const* info = find_code(code);
    if (info == nullptr) throw Fault{"no audit code " + std::string{code}};
    if (auto* trail = state_->trail.load()) trail->catch_up();
    // The code stands in the text, or no engine would use the index audit_event_clock.
    auto const select = "SELECT id FROM audit_event WHERE code = '" + std::string{info->code} + "' AND time >= $1 AND time < $2 LIMIT 1";
    return state_->database.read([&](storage::Transaction& tx) { return tx.row(select, from, until).has_value(); });
}

std::int64_t AuditLog::count(std::string_view code, TimePoint from, TimePoint until) {
    constexpr std::int64_t looked_at = 100'000;
    return state_->database.read([&](storage::Transaction& tx) {
        return tx.row("SELECT count(*) FROM audit_event WHERE code = $1 AND time >= $2 AND time < $3 AND "
                      "sequence > (SELECT coalesce(max(sequence), 0) FROM audit_event) - $4",
                      code, from, until, looked_at)
            ->integer(0);
    });
}

}  // namespace zephyr::audit
