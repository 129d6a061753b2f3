#include "passwords/credential_table.h"

#include <algorithm>

namespace zephyr::passwords::credential_table {

namespace {
std::string_view scheme_of(Credential const& credential) {
    return credential.imported ? "imported" : "peppered";
}
}  // namespace

namespace {
std::optional<Credential> read(std::optional<storage::Row> const& row) {
    if (!row) return std::nullopt;
    return Credential{.phc = row->blob(0),
                      .imported = row->text(1) == "imported",
                      .pepper_key_id = row->text(2),
                      .full_length = row->flag(3),
                      .must_change = row->flag(4),
                      .failures = row->integer(5),
                      .throttled_until = row->time(6),
                      .changed_at = row->time(7)};
}
}  // namespace

std::optional<Credential> find(storage::Transaction& tx, UserId const& user, std::string_view lane) {
    if (lane.empty()) {
        return read(
            tx.row("SELECT phc, scheme, pepper_key_id, full_length, must_change, failures, throttled_until, changed_at "
                   "FROM password_credential WHERE user_id = $1",
                   user.str()));
    }
    return read(
        tx.row("SELECT c.phc, c.scheme, c.pepper_key_id, c.full_length, c.must_change, COALESCE(l.failures, 0), "
               "COALESCE(l.throttled_until, 0), c.changed_at FROM password_credential c "
               "LEFT JOIN password_lane l ON l.user_id = c.user_id AND l.lane = $2 WHERE c.user_id = $1",
               user.str(), lane));
}

std::optional<Credential> find_worst(storage::Transaction& tx, UserId const& user) {
    auto credential = find(tx, user);
    if (!credential) return credential;
    auto const lanes = tx.row(
        "SELECT COALESCE(MAX(failures), 0), COALESCE(MAX(throttled_until), 0) FROM password_lane WHERE user_id = $1", user.str());
    if (!lanes) return credential;
    credential->failures = std::max(credential->failures, lanes->integer(0));
    credential->throttled_until = std::max(credential->throttled_until, lanes->time(1));
    return credential;
}

void put(storage::Transaction& tx, UserId const& user, Credential const& credential) {
    tx.run(
        "INSERT INTO password_credential (user_id, phc, scheme, pepper_key_id, full_length, must_change, failures, "
        "throttled_until, changed_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7) "
        "ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, scheme = excluded.scheme, pepper_key_id = "
        "excluded.pepper_key_id, "
        "full_length = excluded.full_length, must_change = excluded.must_change, failures = 0, throttled_until = 0, "
        "changed_at = excluded.changed_at",
        user.str(), credential.phc, scheme_of(credential), credential.pepper_key_id, credential.full_length,
        credential.must_change, credential.changed_at);
    clear_lanes(tx, user);
}

bool replace_hash(storage::Transaction& tx, UserId const& user, Bytes const& old_phc, Credential const& credential) {
    return tx.run(
               "UPDATE password_credential SET phc = $1, scheme = $2, pepper_key_id = $3, full_length = $4 "
               "WHERE user_id = $5 AND phc = $6",
               credential.phc, scheme_of(credential), credential.pepper_key_id, credential.full_length, user.str(),
               old_phc) == 1;
}

std::optional<std::int64_t> count_failure(storage::Transaction& tx, UserId const& user, std::string_view lane, TimePoint now,
                                          std::int64_t limit) {
    auto const row =
        lane.empty() ? tx.row("UPDATE password_credential SET failures = failures + 1 "
                              "WHERE user_id = $1 AND throttled_until <= $2 AND failures < $3 RETURNING failures",
                              user.str(), now, limit)
                     : tx.row("INSERT INTO password_lane (user_id, lane, failures, throttled_until, counted_at) "
                              "SELECT user_id, CAST($2 AS TEXT), 1, 0, CAST($3 AS BIGINT) FROM password_credential WHERE user_id = $1 "
                              "ON CONFLICT (user_id, lane) DO UPDATE SET failures = password_lane.failures + 1, counted_at = "
                              "excluded.counted_at "
                              "WHERE password_lane.throttled_until <= $3 AND password_lane.failures < $4 RETURNING failures",
                              user.str(), lane, now, limit);
    if (!row) return std::nullopt;
    return row->integer(0);
}

void throttle(storage::Transaction& tx, UserId const& user, std::string_view lane, TimePoint until) {
    if (lane.empty()) {
        tx.run("UPDATE password_credential SET throttled_until = $1 WHERE user_id = $2", until, user.str());
    } else {
        tx.run("UPDATE password_lane SET throttled_until = $1 WHERE user_id = $2 AND lane = $3", until, user.str(), lane);
    }
}

bool clear_after_success(storage::Transaction& tx, UserId const& user, std::string_view lane, Bytes const& phc, TimePoint now,
                         std::int64_t limit) {
    if (!lane.empty()) {
        // Not deleted: of several right ones at once the first would leave the others nothing to clear.
        return tx.run("UPDATE password_lane SET failures = 0, throttled_until = 0 "
                      "WHERE user_id = $1 AND lane = $2 AND throttled_until <= $3 AND failures < $4 "
                      "AND EXISTS (SELECT 1 FROM password_credential c WHERE c.user_id = $1 AND c.phc = $5)",
                      user.str(), lane, now, limit, phc) == 1;
    }
    return tx.run(
               "UPDATE password_credential SET failures = 0, throttled_until = 0 "
               "WHERE user_id = $1 AND phc = $2 AND throttled_until <= $3 AND failures < $4",
               user.str(), phc, now, limit) == 1;
}

bool clear_failures(storage::Transaction& tx, UserId const& user) {
    return tx.run("UPDATE password_credential SET failures = 0, throttled_until = 0 WHERE user_id = $1", user.str()) ==
           1;
}

void clear_lanes(storage::Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM password_lane WHERE user_id = $1", user.str());
}

std::int64_t purge_lanes(storage::Transaction& tx, TimePoint counted_before) {
    return tx.run("DELETE FROM password_lane WHERE counted_at <= $1 OR failures = 0", counted_before);
}

bool set_must_change(storage::Transaction& tx, UserId const& user) {
    return tx.run("UPDATE password_credential SET must_change = 1 WHERE user_id = $1", user.str()) == 1;
}

bool remove(storage::Transaction& tx, UserId const& user) {
    clear_lanes(tx, user);
    return tx.run("DELETE FROM password_credential WHERE user_id = $1", user.str()) == 1;
}

}  // namespace zephyr::passwords::credential_table
