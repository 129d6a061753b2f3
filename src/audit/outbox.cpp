// Between the database and the log: out of the outbox, into the table of events, and whose rows are whose.
#include <map>

#include "audit/log_state.h"
#include "audit/trail_state.h"
#include "zephyr/audit/codes.h"

namespace zephyr::audit {

namespace {

constexpr std::int64_t at_once = 500;  // rows a transaction: others write too

struct Waiting {
    std::string id;
    Bytes body;
};

std::vector<Waiting> take(storage::Rows const& rows, std::unordered_set<std::string> const& but_for) {
    std::vector<Waiting> out;
    for (auto const& row : rows) {
        if (!but_for.contains(row.text(0))) out.push_back({row.text(0), row.blob(1)});
    }
    return out;
}

}  // namespace

bool Trail::State::drain_some() {
    auto const limit = at_once + static_cast<std::int64_t>(drained.size());
    std::vector<Waiting> rows;
    if (single_node()) {
        // Whatever node wrote them: a folder may have lost its name, and nobody else will come for them.
        rows = parts.database.read([&](storage::Transaction& tx) {
            return take(tx.rows("SELECT id, body FROM audit_outbox ORDER BY sequence LIMIT $1", limit), drained);
        });
    } else {
        bool const any = parts.database.read([&](storage::Transaction& tx) {
            return !take(tx.rows("SELECT id, body FROM audit_outbox WHERE node = $1 ORDER BY sequence LIMIT $2", settings.node, limit),
                         drained)
                        .empty();
        });
        if (!any) return false;
        // Claimed before they are in the log: from here on only this node can tell whether they are.
        rows = parts.database.write([&](storage::Transaction& tx) {
            auto const mine =
                tx.rows("SELECT id, body, sequence FROM audit_outbox WHERE node = $1 ORDER BY sequence LIMIT $2", settings.node, limit);
            if (mine.empty()) return std::vector<Waiting>{};
            // One that commits just now with a lower sequence may be claimed along: it is ours, and the next round takes it.
            tx.run("UPDATE audit_outbox SET claimed = 1 WHERE node = $1 AND claimed = 0 AND sequence <= $2", settings.node,
                   mine.back().integer(2));
            return take(mine, drained);
        });
    }
    if (rows.empty()) return false;
    std::vector<ByteView> entries;
    for (auto const& row : rows) entries.emplace_back(row.body);
    auto const receipts = parts.writer.append_all(entries);
    if (!receipts.ok()) {
        failed(receipts.error());
        return false;
    }
    for (auto const& row : rows) drained.insert(row.id);
    return true;
}

bool Trail::State::index_some() {
    auto from = indexed.load();
    auto const end = std::min(parts.writer.size(), parts.reader.size());
    from = std::max(from, parts.reader.first_index());
    if (from >= end) return false;
    auto const until = std::min(end, from + static_cast<std::uint64_t>(at_once));
    std::vector<std::pair<std::uint64_t, Bytes>> entries;
    auto const read = parts.reader.each(from, until, [&](std::uint64_t index, ByteView entry) {
        entries.emplace_back(index, to_bytes(entry));
        return true;
    });
    if (!read.ok()) throw Fault{"audit: the log can't be read: " + std::string{read.error().id()} + ": " + std::string{read.error().detail()}};

    std::vector<std::string> ids;
    parts.database.write([&](storage::Transaction& tx) {
        ids.clear();
        std::map<std::string, std::string> people;  // by pseudonym
        auto const who = [&](std::string const& ref) -> std::string const& {
            auto const found = people.find(ref);
            if (found != people.end()) return found->second;
            auto const person = parts.keys.person_of(ref);
            return people.emplace(ref, person ? person->str() : ref).first->second;
        };
        for (auto const& [index, body] : entries) {
            auto const parsed = Record::parse(body);
            if (!parsed.ok()) {
                parts.log.error("audit.entry_malformed", {{"index", static_cast<long long>(index)}});
                continue;
            }
            auto const& record = parsed.value();
            auto const place = static_cast<std::int64_t>(index);
            ids.push_back(record.id);
            if (!drained.contains(record.id)) {
                auto const actor = record.actor_type == Actor::Type::user ? who(record.actor_ref) : record.actor_ref;
                std::optional<std::string> subject;
                if (record.subject) subject = who(*record.subject);
                if (insert_event(tx, {record, actor, subject, settings.node, place, body})) continue;
            }
            tx.run("UPDATE audit_event SET log_index = $2, node = $3 WHERE id = $1", record.id, place, settings.node);
            tx.run("DELETE FROM audit_outbox WHERE id = $1", record.id);
        }
        tx.run("UPDATE audit_node SET indexed = $2, seen_at = $3 WHERE node = $1", settings.node, static_cast<std::int64_t>(until),
               parts.clock.now());
    });
    for (auto const& id : ids) drained.erase(id);
    indexed = until;
    return until < end;
}

void Trail::State::heartbeat() {
    if (single_node()) return;  // nobody else looks
    auto const now = parts.clock.monotonic();
    if (now < heartbeat_due) return;
    parts.database.write([&](storage::Transaction& tx) {
        tx.run("UPDATE audit_node SET seen_at = $2 WHERE node = $1", settings.node, parts.clock.now());
    });
    heartbeat_due = now + settings.lease / 4;
}

// Rows that a dead node had not begun to put into its log. What it had begun waits for it to come back: it may be there already.
void Trail::State::adopt_dead() {
    auto const now = parts.clock.monotonic();
    if (single_node() || now < adoption_due) return;
    adoption_due = now + settings.lease / 4;
    auto const dead = parts.database.read([&](storage::Transaction& tx) {
        return tx.rows("SELECT DISTINCT o.node FROM audit_outbox o WHERE o.claimed = 0 AND o.node <> $1 AND NOT EXISTS"
                       " (SELECT 1 FROM audit_node n WHERE n.node = o.node AND n.seen_at >= $2)",
                       settings.node, parts.clock.now() - settings.lease);
    });
    for (auto const& row : dead) adopt(row.text(0), false);
}

std::int64_t Trail::State::adopt(std::string const& from, bool claimed_too) {
    auto const adopted = parts.database.write([&](storage::Transaction& tx) -> std::int64_t {
        if (!claimed_too && tx.row("SELECT node FROM audit_node WHERE node = $1 AND seen_at >= $2", from,
                                   parts.clock.now() - settings.lease)) {
            return 0;  // it came back meanwhile
        }
        auto const rows = claimed_too ? tx.run("UPDATE audit_outbox SET node = $1, claimed = 0 WHERE node = $2", settings.node, from)
                                      : tx.run("UPDATE audit_outbox SET node = $1 WHERE node = $2 AND claimed = 0", settings.node, from);
        if (rows == 0) return 0;
        auto const record = own_record(codes::audit_rows_adopted, {{"node", from}, {"rows", std::to_string(rows)}});
        auto const body = record.encode().value();
        insert_event(tx, {record, record.actor_ref, record.subject, settings.node, std::nullopt, body});
        tx.run("INSERT INTO audit_outbox (id, node, body) VALUES ($1, $2, $3)", record.id, settings.node, body);
        return rows;
    });
    if (adopted > 0) {
        parts.log.warning("audit.rows_adopted", {{"node", from}, {"rows", static_cast<long long>(adopted)}});
        std::lock_guard const lock{mutex};
        dirty = true;
        woken.notify_all();
    }
    return adopted;
}

std::optional<KnownLog> newest_known_log(storage::Transaction& tx, bool single_node, std::string const& node) {
    auto const rows = single_node ? tx.rows("SELECT node, epoch, indexed FROM audit_node ORDER BY epoch DESC, indexed DESC LIMIT 1")
                                  : tx.rows("SELECT node, epoch, indexed FROM audit_node WHERE node = $1", node);
    if (rows.empty()) return std::nullopt;
    auto const& row = rows.front();
    return KnownLog{row.text(0), static_cast<std::uint32_t>(row.integer(1)), static_cast<std::uint64_t>(row.integer(2))};
}

std::int64_t indexed_entries(storage::Database& database, std::string const& node) {
    return database.read([&](storage::Transaction& tx) -> std::int64_t {
        auto const row = tx.row("SELECT indexed FROM audit_node WHERE node = $1", node);
        return row ? row->integer(0) : 0;
    });
}

}  // namespace zephyr::audit
