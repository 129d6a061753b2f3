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

std::string write_factors(std::vector<Factor> const& factors) {
    Json list = Json::array();
    for (auto const& factor : factors) list.push(Json::object({{"name", factor.name}, {"at", to_millis(factor.at)}}));
    return list.dump();
}

std::vector<Factor> read_factors(std::string const& text) {
    auto const parsed = encoding::parse_json(text);
    if (!parsed.ok() || parsed.value().items() == nullptr) throw Fault{"session: damaged factors column"};
    std::vector<Factor> factors;
    for (auto const& item : *parsed.value().items()) {
        auto const name = item.string_at("name");
        auto const* at = item.find("at");
        if (!name || at == nullptr || !at->integer()) throw Fault{"session: damaged factors column"};
        factors.push_back({*name, from_millis(*at->integer())});
    }
    return factors;
}

crypto::Place place(SessionRef const& ref) { return {"session", ref.str(), "sealed"}; }

Bytes seal_origin(crypto::Sealer const& sealer, Session const& session) {
    auto const origin = Json::object({{"address", session.address}, {"user_agent", session.user_agent}});
    return sealer.seal(place(session.ref), as_bytes(origin.dump()));
}

void open_origin(crypto::Sealer const& sealer, Bytes const& sealed, Session& session) {
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

std::vector<Session> read_sessions(crypto::Sealer const& sealer, storage::Rows const& rows) {
    std::vector<Session> sessions;
    sessions.reserve(rows.size());
    for (auto const& row : rows) sessions.push_back(read_row(sealer, row).session);
    return sessions;
}

}  // namespace

SessionStore::Inserted SqlSessionStore::insert(Row const& row, Limit const& limit, TimePoint now) {
    auto const& session = row.session;
    return database_.write([&](Transaction& tx) {
        Inserted result;
        if (limit.per_user > 0) {
            auto const held = tx.rows(
                "SELECT ref FROM session WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at, ref", session.user.str(), now);
            if (held.size() >= limit.per_user) {
                if (limit.when_full == Limit::WhenFull::refuse) return Inserted{.refused = true, .evicted = {}};
                std::size_t const excess = held.size() - limit.per_user + 1;
                for (std::size_t i = 0; i < excess; ++i) {
                    tx.run("DELETE FROM session WHERE ref = $1", held[i].text(0));
                    result.evicted.push_back(SessionRef::trusted(held[i].text(0)));
                }
            }
        }
        tx.run("INSERT INTO session (ref, token_hash, user_id, pending, factors, created_at, last_seen_at, expires_at, remembered, "
               "sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
               session.ref.str(), row.token_hash, session.user.str(), session.pending, write_factors(session.factors),
               session.created_at, session.last_seen_at, session.expires_at, session.remembered, seal_origin(sealer_, session));
        return result;
    });
}

std::optional<Session> SqlSessionStore::find_by_token(ByteView token_hash) {
    return database_.read([&](Transaction& tx) -> std::optional<Session> {
        auto const row = tx.row(select("WHERE token_hash = $1"), token_hash);
        if (!row) return std::nullopt;
        return read_row(sealer_, *row).session;
    });
}

std::optional<SessionStore::Row> SqlSessionStore::find(SessionRef const& ref) {
    return database_.read([&](Transaction& tx) -> std::optional<Row> {
        auto const row = tx.row(select("WHERE ref = $1"), ref.str());
        if (!row) return std::nullopt;
        return read_row(sealer_, *row);
    });
}

std::vector<Session> SqlSessionStore::list(UserId const& user) {
    return database_.read([&](Transaction& tx) {
        return read_sessions(sealer_, tx.rows(select("WHERE user_id = $1 ORDER BY created_at DESC, ref DESC"), user.str()));
    });
}

std::vector<Session> SqlSessionStore::list_all(SessionRef const& after, std::size_t limit) {
    return database_.read([&](Transaction& tx) {
        return read_sessions(sealer_, tx.rows(select("WHERE ref > $1 ORDER BY ref LIMIT $2"), after.str(),
                                              static_cast<std::int64_t>(limit)));
    });
}

bool SqlSessionStore::replace(ByteView old_hash, Row const& row) {
    auto const& session = row.session;
    return database_.write([&](Transaction& tx) {
        return tx.run("UPDATE session SET token_hash = $3, pending = $4, factors = $5, last_seen_at = $6, expires_at = $7, "
                      "remembered = $8, sealed = $9 WHERE ref = $1 AND token_hash = $2",
                      session.ref.str(), old_hash, row.token_hash, session.pending, write_factors(session.factors),
                      session.last_seen_at, session.expires_at, session.remembered, seal_origin(sealer_, session)) == 1;
    });
}

void SqlSessionStore::touch(SessionRef const& ref, TimePoint now) {
    database_.write([&](Transaction& tx) {
        tx.run("UPDATE session SET last_seen_at = $2 WHERE ref = $1 AND last_seen_at < $2", ref.str(), now);
    });
}

bool SqlSessionStore::erase(SessionRef const& ref) {
    return database_.write([&](Transaction& tx) { return tx.run("DELETE FROM session WHERE ref = $1", ref.str()) == 1; });
}

std::vector<SessionRef> SqlSessionStore::erase_user(UserId const& user, std::optional<SessionRef> const& except) {
    return database_.write([&](Transaction& tx) {
        auto const rows = tx.rows("DELETE FROM session WHERE user_id = $1 AND ref <> $2 RETURNING ref", user.str(),
                                  except ? except->str() : std::string{});
        std::vector<SessionRef> erased;
        for (auto const& row : rows) erased.push_back(SessionRef::trusted(row.text(0)));
        return erased;
    });
}

std::size_t SqlSessionStore::erase_expired(TimePoint now, std::size_t limit) {
    return database_.write([&](Transaction& tx) {
        return static_cast<std::size_t>(
            tx.run("DELETE FROM session WHERE ref IN (SELECT ref FROM session WHERE expires_at <= $1 LIMIT $2)", now,
                   static_cast<std::int64_t>(limit)));
    });
}

std::size_t SqlSessionStore::count() {
    return database_.read([&](Transaction& tx) {
        return static_cast<std::size_t>(tx.row("SELECT count(*) FROM session")->integer(0));
    });
}

}  // namespace zephyr::sessions
