#include "sessions/session_copy.h"
#include "sessions/session_limit.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/sessions/session_store.h"
#include "zephyr/storage/database.h"

namespace zephyr::sessions {

using encoding::Json;
using storage::Transaction;

namespace {

constexpr std::string_view columns =
    "ref, token_hash, user_id, pending, factors, created_at, last_seen_at, expires_at, remembered, sealed";

std::string select(std::string_view rest) {
    return "SELECT " + std::string{columns} + " FROM session " + std::string{rest};
}

// Who remembers a session hears that it changed or is gone. Activity alone (touch) makes nothing remembered wrong.
void announce(Transaction& tx, std::string_view ref) { tx.announce("session", ref); }

crypto::Place place(SessionRef const& ref) { return {"session", ref.str(), "sealed"}; }

Bytes seal_origin(crypto::Sealer const& sealer, Session const& session) {
    if (session.address.empty() && session.user_agent.empty()) return {};
    auto const origin = Json::object({{"address", session.address}, {"user_agent", session.user_agent}});
    return sealer.seal(place(session.ref), as_bytes(origin.dump()));
}

void open_origin(crypto::Sealer const& sealer, Bytes const& sealed, Session& session) {
    if (sealed.empty()) return;
    auto const opened = sealer.open(place(session.ref), sealed);
    if (!opened.ok()) return;  // a list of sessions without their addresses beats no list, and no sign-in depends on it
    auto const origin = encoding::parse_json(as_text(opened.value().reveal()));
    if (!origin.ok()) return;
    session.address = origin.value().string_at("address").value_or("");
    session.user_agent = origin.value().string_at("user_agent").value_or("");
}

SessionStore::Row read_row(crypto::Sealer const& sealer, storage::Row const& row) {
    SessionStore::Row out;
    out.session.ref = SessionRef::trusted(row.text(0));
    out.token_hash = row.blob(1);
    out.session.user = UserId::trusted(row.text(2));
    out.session.pending = row.text(3);
    out.session.factors = read_factors(row.text(4));
    out.session.created_at = row.time(5);
    out.session.last_seen_at = row.time(6);
    out.session.expires_at = row.time(7);
    out.session.remembered = row.flag(8);
    open_origin(sealer, row.blob(9), out.session);
    return out;
}

std::vector<SessionStore::Row> read_rows(crypto::Sealer const& sealer, storage::Rows const& rows) {
    std::vector<SessionStore::Row> out;
    out.reserve(rows.size());
    for (auto const& row : rows) out.push_back(read_row(sealer, row));
    return out;
}

std::vector<Session> sessions_of(std::vector<SessionStore::Row> rows) {
    std::vector<Session> sessions;
    sessions.reserve(rows.size());
    for (auto& row : rows) sessions.push_back(std::move(row.session));
    return sessions;
}

// Takes away whoever must go for `newcomer`.
SessionStore::Placed make_room(Transaction& tx, Session const& newcomer, Limit const& limit, TimePoint now) {
    if (limit.per_user == 0) return {};
    std::vector<detail::Held> held;
    for (auto const& row : tx.rows("SELECT ref, pending FROM session WHERE user_id = $1 AND expires_at > $2 AND ref <> $3 ORDER BY "
                                   "created_at, ref",
                                   newcomer.user.str(), now, newcomer.ref.str())) {
        held.push_back({SessionRef::trusted(row.text(0)), !row.text(1).empty()});
    }
    auto placed = detail::make_room(held, !newcomer.pending.empty(), limit);
    for (auto const& ref : placed.evicted) {
        tx.run("DELETE FROM session WHERE ref = $1", ref.str());
        announce(tx, ref.str());
    }
    return placed;
}

}  // namespace

SessionStore::Placed SqlSessionStore::insert(Row const& row, Limit const& limit, TimePoint now) {
    auto const& session = row.session;
    return database_.write([&](Transaction& tx) {
        auto placed = make_room(tx, session, limit, now);
        if (placed.refused) return placed;
        tx.run("INSERT INTO session (ref, token_hash, user_id, pending, factors, created_at, last_seen_at, expires_at, remembered, "
               "sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
               session.ref.str(), row.token_hash, session.user.str(), session.pending, write_factors(session.factors),
               session.created_at, session.last_seen_at, session.expires_at, session.remembered, seal_origin(sealer_, session));
        announce(tx, session.ref.str());
        return placed;
    });
}

std::optional<Session> SqlSessionStore::find_by_token(ByteView token_hash, std::string_view carried) {
    if (!carried.empty()) return std::nullopt;
    return database_.read([&](Transaction& tx) -> std::optional<Session> {
        auto const row = tx.row(select("WHERE token_hash = $1"), token_hash);
        if (!row) return std::nullopt;
        return read_row(sealer_, *row).session;
    });
}

std::optional<SqlSessionStore::Standing> SqlSessionStore::standing(ByteView token_hash) {
    return database_.read([&](Transaction& tx) -> std::optional<Standing> {
        auto const row =
            tx.row("SELECT ref, user_id, pending, last_seen_at, expires_at FROM session WHERE token_hash = $1", token_hash);
        if (!row) return std::nullopt;
        return Standing{SessionRef::trusted(row->text(0)), UserId::trusted(row->text(1)), row->text(2), row->time(3), row->time(4)};
    });
}

std::optional<SessionStore::Row> SqlSessionStore::find(SessionRef const& ref) {
    return database_.read([&](Transaction& tx) -> std::optional<Row> {
        auto const row = tx.row(select("WHERE ref = $1"), ref.str());
        if (!row) return std::nullopt;
        return read_row(sealer_, *row);
    });
}

std::vector<SessionStore::Row> SqlSessionStore::rows_of(UserId const& user) {
    return database_.read([&](Transaction& tx) {
        return read_rows(sealer_, tx.rows(select("WHERE user_id = $1 ORDER BY created_at DESC, ref DESC"), user.str()));
    });
}

std::vector<SessionStore::Row> SqlSessionStore::page_of_rows(SessionRef const& after, std::size_t limit) {
    return database_.read([&](Transaction& tx) {
        return read_rows(sealer_, tx.rows(select("WHERE ref > $1 ORDER BY ref LIMIT $2"), after.str(), static_cast<std::int64_t>(limit)));
    });
}

std::vector<Session> SqlSessionStore::list(UserId const& user) { return sessions_of(rows_of(user)); }

std::vector<Session> SqlSessionStore::list_all(SessionRef const& after, std::size_t limit) {
    return sessions_of(page_of_rows(after, limit));
}

SessionStore::Placed SqlSessionStore::replace(ByteView old_hash, Row const& row, Limit const& limit, TimePoint now) {
    if (row.token_hash == to_bytes(old_hash)) throw Fault{"sessions: a session changed without its token"};
    auto const& session = row.session;
    return database_.write([&](Transaction& tx) {
        announce(tx, session.ref.str());
        Placed placed;
        if (limit.per_user > 0 && session.pending.empty()) {
            auto const held = tx.row("SELECT pending FROM session WHERE ref = $1 AND token_hash = $2", session.ref.str(), old_hash);
            if (!held) return Placed{.lost = true};
            if (!held->text(0).empty()) placed = make_room(tx, session, limit, now);
            if (placed.refused) return placed;
        }
        placed.lost = tx.run("UPDATE session SET token_hash = $3, pending = $4, factors = $5, last_seen_at = $6, expires_at = $7, "
                             "remembered = $8, sealed = $9 WHERE ref = $1 AND token_hash = $2",
                             session.ref.str(), old_hash, row.token_hash, session.pending, write_factors(session.factors),
                             session.last_seen_at, session.expires_at, session.remembered, seal_origin(sealer_, session)) != 1;
        return placed;
    });
}

void SqlSessionStore::touch(SessionRef const& ref, TimePoint now) {
    database_.write([&](Transaction& tx) {
        tx.run("UPDATE session SET last_seen_at = $2 WHERE ref = $1 AND last_seen_at < $2", ref.str(), now);
    });
}

std::optional<UserId> SqlSessionStore::erase(SessionRef const& ref) {
    return database_.write([&](Transaction& tx) -> std::optional<UserId> {
        announce(tx, ref.str());
        auto const erased = tx.row("DELETE FROM session WHERE ref = $1 RETURNING user_id", ref.str());
        if (!erased) return std::nullopt;
        return UserId::trusted(erased->text(0));
    });
}

std::vector<SessionRef> SqlSessionStore::erase_user(UserId const& user, std::optional<SessionRef> const& except) {
    return database_.write([&](Transaction& tx) {
        auto const rows = tx.rows("DELETE FROM session WHERE user_id = $1 AND ref <> $2 RETURNING ref", user.str(),
                                  except ? except->str() : std::string{});
        std::vector<SessionRef> erased;
        for (auto const& row : rows) {
            announce(tx, row.text(0));
            erased.push_back(SessionRef::trusted(row.text(0)));
        }
        return erased;
    });
}

std::size_t SqlSessionStore::erase_expired(TimePoint now, std::size_t limit) {
    return database_.write([&](Transaction& tx) {
        auto const erased = tx.rows("DELETE FROM session WHERE ref IN (SELECT ref FROM session WHERE expires_at <= $1 LIMIT $2)"
                                    " RETURNING ref",
                                    now, static_cast<std::int64_t>(limit));
        for (auto const& row : erased) announce(tx, row.text(0));
        return erased.size();
    });
}

std::size_t SqlSessionStore::count() {
    return database_.read([&](Transaction& tx) {
        return static_cast<std::size_t>(tx.row("SELECT count(*) FROM session")->integer(0));
    });
}

}  // namespace zephyr::sessions
