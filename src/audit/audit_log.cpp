#include "zephyr/audit/audit_log.h"

#include <algorithm>

#include "audit/stored.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/unicode.h"
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

constexpr std::string_view columns =
    "sequence, id, time, code, actor_type, actor_ref, subject, outcome, reason, request_id, session_ref, details, sealed";

}  // namespace

AuditLog::AuditLog(storage::Database& database, crypto::Sealer const& sealer, Clock const& clock, Random& random)
    : database_{database}, sealer_{sealer}, clock_{clock}, random_{random} {}

void AuditLog::append(storage::Transaction& tx, Event const& event) {
    if (find_code(event.code) == nullptr) throw Fault{"no audit code " + std::string{event.code}};
    auto const now = clock_.now();
    auto const id = make_uuid_v7(now, random_);
    Personal const personal{cut(event.origin.address, max_address_bytes), cut(event.origin.user_agent, max_user_agent_bytes),
                            bounded(event.personal)};
    std::optional<Bytes> sealed;
    if (!personal.empty()) sealed = seal_personal(sealer_, id, personal);
    std::optional<std::string> subject;
    if (event.subject) subject = event.subject->str();
    tx.run("INSERT INTO audit_event (id, time, code, actor_type, actor_ref, subject, outcome, reason, request_id, session_ref,"
           " details, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
           id, now, event.code, actor_type_name(event.actor.type), word(event.actor.ref), subject,
           outcome_name(event.outcome), word(event.reason), word(event.origin.request_id), word(event.origin.session_ref),
           write_fields(bounded(event.details)), sealed);
}

void AuditLog::append(Event const& event) {
    database_.write([&](storage::Transaction& tx) { append(tx, event); });
}

std::vector<StoredEvent> AuditLog::query(Query const& query) {
    return database_.read([&](storage::Transaction& tx) { return this->query(tx, query); });
}

std::vector<StoredEvent> AuditLog::query(storage::Transaction& tx, Query const& query) {
    std::string sql = "SELECT " + std::string{columns} + " FROM audit_event WHERE 1 = 1";
    storage::Values values;
    auto const add = [&](std::string_view condition, storage::Value value) {
        values.push_back(std::move(value));
        sql += " AND " + std::string{condition} + " $" + std::to_string(values.size());
    };
    if (query.subject) add("subject =", storage::bind(query.subject->str()));
    if (query.code) add("code =", storage::bind(*query.code));
    if (query.from) add("time >=", storage::bind(*query.from));
    if (query.until) add("time <", storage::bind(*query.until));
    if (query.before_sequence > 0) add("sequence <", storage::bind(query.before_sequence));
    auto const limit = std::clamp<std::size_t>(query.limit, 1, 1000);
    values.push_back(storage::bind(static_cast<std::int64_t>(limit)));
    sql += " ORDER BY sequence DESC LIMIT $" + std::to_string(values.size());

    std::vector<StoredEvent> out;
    for (auto const& row : tx.query(sql, values)) {
        StoredEvent event;
        event.sequence = row.integer(0);
        event.id = row.text(1);
        event.time = row.time(2);
        event.code = row.text(3);
        auto const* info = find_code(event.code);
        event.name = info == nullptr ? "" : std::string{info->name};
        event.actor = {parse_actor_type(row.text(4)), row.text(5)};
        if (auto const subject = row.optional_text(6)) event.subject = UserId::trusted(*subject);
        event.outcome = parse_outcome(row.text(7));
        event.reason = row.text(8);
        event.request_id = row.text(9);
        event.session_ref = row.text(10);
        event.details = read_fields(row.text(11));
        if (!row.is_null(12)) {
            auto personal = open_personal(sealer_, event.id, row.blob(12));
            event.address = std::move(personal.address);
            event.user_agent = std::move(personal.user_agent);
            event.personal = std::move(personal.fields);
        }
        out.push_back(std::move(event));
    }
    return out;
}

std::int64_t AuditLog::count(std::string_view code, TimePoint from, TimePoint until) {
    constexpr std::int64_t looked_at = 100'000;
    return database_.read([&](storage::Transaction& tx) {
        return tx.row("SELECT count(*) FROM audit_event WHERE code = $1 AND time >= $2 AND time < $3 AND "
                      "sequence > (SELECT coalesce(max(sequence), 0) FROM audit_event) - $4",
                      code, from, until, looked_at)
            ->integer(0);
    });
}

}  // namespace zephyr::audit
