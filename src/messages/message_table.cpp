#include "messages/message_table.h"

#include "zephyr/encoding/json.h"

namespace zephyr::messages::message_table {

using encoding::Json;
using storage::Transaction;

namespace {

constexpr std::string_view columns = "id, user_id, channel, what, language, content, claim, attempts, until_at, created_at";

Row read_row(storage::Row const& row) {
    return {.id = row.text(0),
            .user = UserId::trusted(row.text(1)),
            .channel = row.text(2) == "sms" ? Channel::sms : Channel::email,
            .what = row.text(3),
            .language = row.text(4),
            .content = row.optional_blob(5).value_or(Bytes{}),
            .claim = row.text(6),
            .attempts = row.integer(7),
            .until = row.time(8),
            .created_at = row.time(9)};
}

std::vector<Row> read_rows(storage::Rows const& found) {
    std::vector<Row> rows;
    for (auto const& row : found) rows.push_back(read_row(row));
    return rows;
}

std::string select(std::string_view where) { return "SELECT " + std::string{columns} + " FROM message WHERE " + std::string{where}; }

}  // namespace

Bytes seal(crypto::Sealer const& sealer, std::string const& id, Content const& content) {
    Json words = Json::array();
    for (auto const& [name, value] : content.words) words.push(Json::array({name, value}));
    SecretText const text{Json::object({{"to", content.to}, {"words", std::move(words)}}).dump()};
    return sealer.seal(content_place(id), text);
}

std::optional<Content> open(crypto::Sealer const& sealer, std::string const& id, ByteView sealed) {
    auto const opened = sealer.open(content_place(id), sealed);
    if (!opened.ok()) return std::nullopt;
    auto const parsed = encoding::parse_json(as_text(opened.value().reveal()));
    if (!parsed.ok()) return std::nullopt;
    auto const to = parsed.value().string_at("to");
    auto const* const words = parsed.value().find("words");
    if (!to || words == nullptr || words->items() == nullptr) return std::nullopt;
    Content content{*to, {}};
    for (auto const& pair : *words->items()) {
        if (pair.items() == nullptr || pair.items()->size() != 2) return std::nullopt;
        auto const *const name = pair.items()->at(0).string(), *const value = pair.items()->at(1).string();
        if (name == nullptr || value == nullptr) return std::nullopt;
        content.words.emplace_back(*name, *value);
    }
    return content;
}

void insert(Transaction& tx, Row const& row, TimePoint now) {
    tx.run("INSERT INTO message (id, user_id, channel, what, language, content, state, claim, attempts, next_at, until_at, created_at, reason)"
           " VALUES ($1, $2, $3, $4, $5, $6, 'waiting', '', 0, $7, $8, $7, '')",
           row.id, row.user.str(), to_string(row.channel), row.what, row.language, row.content, now, row.until);
}

// A code's time runs out before a notice's: the one that is over first goes first.
std::optional<Row> claim(Transaction& tx, Channel channel, std::string const& claim, TimePoint now, TimePoint lease_end) {
    auto const row = tx.row("UPDATE message SET state = 'sending', claim = $1, attempts = attempts + 1, next_at = $2"
                            " WHERE state = 'waiting' AND id = (SELECT id FROM message WHERE state = 'waiting' AND channel = $3 AND next_at <= $4"
                            " AND until_at > $4 ORDER BY until_at, id LIMIT 1) RETURNING " +
                                std::string{columns},
                            claim, lease_end, to_string(channel), now);
    if (!row) return std::nullopt;
    return read_row(*row);
}

void release(Transaction& tx, std::string const& claim, TimePoint now) {
    tx.run("UPDATE message SET state = 'waiting', claim = '', next_at = $2 WHERE state = 'sending' AND claim = $1", claim, now);
}

bool any_due(Transaction& tx, Channel channel, TimePoint now) {
    return tx.row("SELECT id FROM message WHERE state = 'waiting' AND channel = $1 AND next_at <= $2 AND until_at > $2 LIMIT 1",
                  to_string(channel), now)
        .has_value();
}

bool renew(Transaction& tx, std::string const& id, std::string const& claim, TimePoint lease_end) {
    return tx.run("UPDATE message SET next_at = $3 WHERE id = $1 AND state = 'sending' AND claim = $2", id, claim, lease_end) == 1;
}

bool finish(Transaction& tx, std::string const& id, std::string const& claim) {
    return tx.run("DELETE FROM message WHERE id = $1 AND state = 'sending' AND claim = $2", id, claim) == 1;
}

bool wait_until(Transaction& tx, std::string const& id, std::string const& claim, TimePoint next) {
    return tx.run("UPDATE message SET state = 'waiting', claim = '', next_at = $3 WHERE id = $1 AND state = 'sending' AND claim = $2", id,
                  claim, next) == 1;
}

bool die(Transaction& tx, std::string const& id, std::string const& claim, std::string_view reason, TimePoint now) {
    return tx.run("UPDATE message SET state = 'dead', claim = '', content = NULL, reason = $3, next_at = $4"
                  " WHERE id = $1 AND state = 'sending' AND claim = $2",
                  id, claim, reason, now) == 1;
}

std::vector<Row> abandoned(Transaction& tx, Channel channel, TimePoint now, std::int64_t most) {
    return read_rows(tx.rows(select("state = 'sending' AND channel = $1 AND next_at <= $2 ORDER BY next_at LIMIT $3"), to_string(channel),
                             now, most));
}

std::vector<Row> too_late(Transaction& tx, Channel channel, TimePoint now, std::int64_t most) {
    return read_rows(tx.rows(select("state = 'waiting' AND channel = $1 AND until_at <= $2 ORDER BY until_at LIMIT $3"),
                             to_string(channel), now, most));
}

bool die_waiting(Transaction& tx, std::string const& id, std::string_view reason, TimePoint now) {
    return tx.run("UPDATE message SET state = 'dead', content = NULL, reason = $2, next_at = $3 WHERE id = $1 AND state = 'waiting'", id,
                  reason, now) == 1;
}

std::int64_t withdraw(Transaction& tx, UserId const& user, std::string_view what) {
    return tx.run("DELETE FROM message WHERE user_id = $1 AND what = $2 AND state = 'waiting'", user.str(), what);
}

std::int64_t withdraw(Transaction& tx, std::string_view id) {
    return tx.run("DELETE FROM message WHERE id = $1 AND state = 'waiting'", id);
}

std::int64_t purge_dead(Transaction& tx, TimePoint before) {
    return tx.run("DELETE FROM message WHERE id IN (SELECT id FROM message WHERE state = 'dead' AND next_at <= $1 LIMIT 500)", before);
}

}  // namespace zephyr::messages::message_table
