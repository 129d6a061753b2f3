#include "mfa/delivered_tables.h"

namespace zephyr::mfa::delivered_tables {

namespace {

using storage::Transaction;

constexpr std::string_view select_channel =
    "SELECT id, user_id, kind, destination, session_ref, created_at, confirmed_at, last_used_at FROM mfa_channel ";

ChannelRow read_channel(storage::Row const& row) {
    return {.id = FactorId::trusted(row.text(0)),
            .user = UserId::trusted(row.text(1)),
            .kind = row.text(2),
            .destination = row.blob(3),
            .session = SessionRef::trusted(row.text(4)),
            .created_at = row.time(5),
            .confirmed_at = row.optional_time(6),
            .last_used_at = row.optional_time(7)};
}

std::vector<ChannelRow> read_channels(storage::Rows const& rows) {
    std::vector<ChannelRow> out;
    for (auto const& row : rows) out.push_back(read_channel(row));
    return out;
}

}  // namespace

std::vector<ChannelRow> confirmed(Transaction& tx, UserId const& user, std::string_view kind) {
    auto const sql = std::string{select_channel} + "WHERE user_id = $1 AND kind = $2 AND state = 'confirmed' ORDER BY confirmed_at, id";
    return read_channels(tx.rows(sql, user.str(), kind));
}

std::vector<ChannelRow> all_confirmed(Transaction& tx, UserId const& user) {
    return read_channels(
        tx.rows(std::string{select_channel} + "WHERE user_id = $1 AND state = 'confirmed' ORDER BY confirmed_at, id", user.str()));
}

std::optional<ChannelRow> pending(Transaction& tx, UserId const& user, std::string_view kind, SessionRef const& session) {
    auto const row = tx.row(std::string{select_channel} + "WHERE user_id = $1 AND kind = $2 AND session_ref = $3 AND state = 'pending'",
                            user.str(), kind, session.str());
    if (!row) return std::nullopt;
    return read_channel(*row);
}

std::int64_t count_pending(Transaction& tx, UserId const& user, std::string_view kind) {
    auto const row = tx.row("SELECT count(*) FROM mfa_channel WHERE user_id = $1 AND kind = $2 AND state = 'pending'", user.str(), kind);
    return row ? row->integer(0) : 0;
}

void insert_pending(Transaction& tx, ChannelRow const& channel) {
    tx.run("INSERT INTO mfa_channel (id, user_id, kind, destination, state, session_ref, created_at) "
           "VALUES ($1, $2, $3, $4, 'pending', $5, $6)",
           channel.id.str(), channel.user.str(), channel.kind, channel.destination, channel.session.str(), channel.created_at);
}

void delete_pending(Transaction& tx, UserId const& user, std::string_view kind, SessionRef const& session) {
    tx.run("DELETE FROM mfa_channel WHERE user_id = $1 AND kind = $2 AND session_ref = $3 AND state = 'pending'", user.str(), kind,
           session.str());
}

void delete_pending_from_before(Transaction& tx, UserId const& user, std::string_view kind, TimePoint time) {
    tx.run("DELETE FROM mfa_channel WHERE user_id = $1 AND kind = $2 AND state = 'pending' AND created_at <= $3", user.str(), kind, time);
}

bool confirm(Transaction& tx, FactorId const& id, TimePoint now) {
    return tx.run("UPDATE mfa_channel SET state = 'confirmed', confirmed_at = $2, last_used_at = $2 WHERE id = $1 AND state = 'pending'",
                  id.str(), now) == 1;
}

bool touch(Transaction& tx, FactorId const& id, TimePoint now) {
    return tx.run("UPDATE mfa_channel SET last_used_at = $2 WHERE id = $1 AND state = 'confirmed'", id.str(), now) == 1;
}

bool remove(Transaction& tx, UserId const& user, std::string_view kind, FactorId const& id) {
    if (tx.run("DELETE FROM mfa_channel WHERE id = $1 AND user_id = $2 AND kind = $3 AND state = 'confirmed'", id.str(), user.str(),
               kind) == 0)
        return false;
    tx.run("DELETE FROM mfa_code WHERE user_id = $1 AND channel_id = $2", user.str(), id.str());
    return true;
}

std::int64_t remove_all(Transaction& tx, UserId const& user, std::string_view kind) {
    tx.run("DELETE FROM mfa_code WHERE user_id = $1 AND kind = $2", user.str(), kind);
    tx.run("DELETE FROM mfa_channel WHERE user_id = $1 AND kind = $2 AND state = 'pending'", user.str(), kind);
    return tx.run("DELETE FROM mfa_channel WHERE user_id = $1 AND kind = $2", user.str(), kind);
}

std::vector<CodeRow> codes(Transaction& tx, UserId const& user, SessionRef const& session, std::string_view kind,
                           std::string_view purpose) {
    std::vector<CodeRow> out;
    for (auto const& row : tx.rows("SELECT id, channel_id, code, created_at, expires_at, ended_at, used_at FROM mfa_code "
                                   "WHERE user_id = $1 AND session_ref = $2 AND kind = $3 AND purpose = $4 ORDER BY created_at DESC, id DESC",
                                   user.str(), session.str(), kind, purpose)) {
        out.push_back({.id = row.text(0),
                       .user = user,
                       .session = session,
                       .kind = std::string{kind},
                       .purpose = std::string{purpose},
                       .channel = FactorId::trusted(row.text(1)),
                       .code = row.blob(2),
                       .created_at = row.time(3),
                       .expires_at = row.time(4),
                       .ended = !row.is_null(5),
                       .used = !row.is_null(6)});
    }
    return out;
}

void end_codes(Transaction& tx, UserId const& user, SessionRef const& session, std::string_view kind, std::string_view purpose,
               TimePoint now) {
    tx.run("UPDATE mfa_code SET ended_at = $5 WHERE user_id = $1 AND session_ref = $2 AND kind = $3 AND purpose = $4 AND "
           "ended_at IS NULL AND used_at IS NULL",
           user.str(), session.str(), kind, purpose, now);
}

void insert_code(Transaction& tx, CodeRow const& code) {
    tx.run("INSERT INTO mfa_code (id, user_id, session_ref, kind, purpose, channel_id, code, created_at, expires_at) "
           "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
           code.id, code.user.str(), code.session.str(), code.kind, code.purpose, code.channel.str(), code.code, code.created_at,
           code.expires_at);
}

bool use_code(Transaction& tx, std::string const& id, TimePoint now) {
    return tx.run("UPDATE mfa_code SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND ended_at IS NULL AND expires_at > $2", id,
                  now) == 1;
}

void insert_sent(Transaction& tx, SentRow const& sent) {
    tx.run("INSERT INTO mfa_sent (id, kind, user_id, session_ref, purpose, destination, prefix, sent_at) "
           "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
           sent.id, sent.kind, sent.user.str(), sent.session.str(), sent.purpose, sent.destination, sent.prefix, sent.sent_at);
}

std::optional<TimePoint> reached(Transaction& tx, std::string_view kind, Sends const& which, std::int64_t most, TimePoint since) {
    std::string sql = "SELECT sent_at FROM mfa_sent WHERE kind = $1 AND sent_at > $2";
    storage::Values bound{storage::bind(kind), storage::bind(since), storage::bind(most - 1)};
    auto const next = [&](std::string_view value) {
        bound.push_back(storage::bind(value));
        return "$" + std::to_string(bound.size());
    };
    auto const narrow = [&](std::string_view column, std::string_view value) {
        if (!value.empty()) sql += " AND " + std::string{column} + " = " + next(value);
    };
    narrow("purpose", which.purpose);
    narrow("user_id", which.user);
    narrow("session_ref", which.session);
    narrow("prefix", which.prefix);
    for (std::size_t i = 0; i < which.destinations.size(); ++i)
        sql += (i == 0 ? " AND destination IN (" : ", ") + next(which.destinations[i]);
    if (!which.destinations.empty()) sql += ")";
    auto const rows = tx.query(sql + " ORDER BY sent_at DESC LIMIT 1 OFFSET $3", bound);
    if (rows.empty()) return std::nullopt;
    return rows.front().optional_time(0);
}

bool claim_alert(Transaction& tx, std::string_view kind, std::string_view cap, TimePoint now, TimePoint since) {
    return tx.run("INSERT INTO mfa_cap_alert (kind, cap, alerted_at) VALUES ($1, $2, $3) ON CONFLICT (kind, cap) DO UPDATE SET "
                  "alerted_at = excluded.alerted_at WHERE mfa_cap_alert.alerted_at <= $4",
                  kind, cap, now, since) == 1;
}

std::int64_t purge(Transaction& tx, std::string_view kind, Purge const& before) {
    auto const channels =
        tx.run("DELETE FROM mfa_channel WHERE kind = $1 AND state = 'pending' AND created_at <= $2", kind, before.enrolments_before);
    auto const codes = tx.run("DELETE FROM mfa_code WHERE kind = $1 AND expires_at <= $2", kind, before.codes_before);
    auto const sent = tx.run("DELETE FROM mfa_sent WHERE kind = $1 AND sent_at <= $2", kind, before.sent_before);
    auto const alerts = tx.run("DELETE FROM mfa_cap_alert WHERE kind = $1 AND alerted_at <= $2", kind, before.sent_before);
    return channels + codes + sent + alerts;
}

void erase(Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM mfa_code WHERE user_id = $1", user.str());
    tx.run("DELETE FROM mfa_channel WHERE user_id = $1", user.str());
    tx.run("UPDATE mfa_sent SET user_id = '', session_ref = '', destination = '' WHERE user_id = $1", user.str());
}

}  // namespace zephyr::mfa::delivered_tables
