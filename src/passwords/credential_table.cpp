#include "passwords/credential_table.h"

namespace zephyr::passwords::credential_table {

namespace {
std::string_view scheme_of(Credential const& credential) {
    return credential.imported ? "imported" : "peppered";
}
}  // namespace

std::optional<Credential> find(storage::Transaction& tx, UserId const& user) {
    auto const row = tx.row(
        "SELECT phc, scheme, pepper_key_id, full_length, must_change, failures, throttled_until, changed_at "
        "FROM password_credential WHERE user_id = $1",
        user.str());
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
}

bool replace_hash(storage::Transaction& tx, UserId const& user, Bytes const& old_phc, Credential const& credential) {
    return tx.run(
               "UPDATE password_credential SET phc = $1, scheme = $2, pepper_key_id = $3, full_length = $4 "
               "WHERE user_id = $5 AND phc = $6",
               credential.phc, scheme_of(credential), credential.pepper_key_id, credential.full_length, user.str(),
               old_phc) == 1;
}

std::optional<std::int64_t> count_failure(storage::Transaction& tx, UserId const& user, TimePoint now,
                                          std::int64_t limit) {
    auto const row = tx.row(
        "UPDATE password_credential SET failures = failures + 1 "
        "WHERE user_id = $1 AND throttled_until <= $2 AND failures < $3 RETURNING failures",
        user.str(), now, limit);
    if (!row) return std::nullopt;
    return row->integer(0);
}

void throttle(storage::Transaction& tx, UserId const& user, TimePoint until) {
    tx.run("UPDATE password_credential SET throttled_until = $1 WHERE user_id = $2", until, user.str());
}

bool clear_after_success(storage::Transaction& tx, UserId const& user, Bytes const& phc, TimePoint now,
                         std::int64_t limit) {
    return tx.run(
               "UPDATE password_credential SET failures = 0, throttled_until = 0 "
               "WHERE user_id = $1 AND phc = $2 AND throttled_until <= $3 AND failures < $4",
               user.str(), phc, now, limit) == 1;
}

bool clear_failures(storage::Transaction& tx, UserId const& user) {
    return tx.run("UPDATE password_credential SET failures = 0, throttled_until = 0 WHERE user_id = $1", user.str()) ==
           1;
}

bool set_must_change(storage::Transaction& tx, UserId const& user) {
    return tx.run("UPDATE password_credential SET must_change = 1 WHERE user_id = $1", user.str()) == 1;
}

bool remove(storage::Transaction& tx, UserId const& user) {
    return tx.run("DELETE FROM password_credential WHERE user_id = $1", user.str()) == 1;
}

}  // namespace zephyr::passwords::credential_table
