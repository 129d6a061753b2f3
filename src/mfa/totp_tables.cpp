#include "mfa/totp_tables.h"

#include "zephyr/foundation/fault.h"

namespace zephyr::mfa::totp_tables {

namespace {

constexpr std::string_view select_device =
    "SELECT id, user_id, name, secret, algorithm, digits, period_seconds, session_ref, confirm_failures, last_step, "
    "created_at, confirmed_at, "
    "last_used_at FROM totp_device ";

DeviceRow read_device(storage::Row const& row) {
    auto const algorithm = parse_totp_algorithm(row.text(4));
    if (!algorithm) throw Fault{"table totp_device holds an unknown algorithm"};
    return {.id = FactorId::trusted(row.text(0)),
            .user = UserId::trusted(row.text(1)),
            .name = row.text(2),
            .secret = row.blob(3),
            .algorithm = *algorithm,
            .digits = static_cast<int>(row.integer(5)),
            .period = std::chrono::seconds{row.integer(6)},
            .session = SessionRef::trusted(row.text(7)),
            .confirm_failures = row.integer(8),
            .last_step = row.integer(9),
            .created_at = row.time(10),
            .confirmed_at = row.optional_time(11),
            .last_used_at = row.optional_time(12)};
}

std::int64_t returned(std::optional<storage::Row> const& row) {
    return row ? row->integer(0) : 0;
}

}  // namespace

std::vector<DeviceRow> confirmed(storage::Transaction& tx, UserId const& user) {
    std::vector<DeviceRow> out;
    for (auto const& row :
         tx.rows(std::string{select_device} + "WHERE user_id = $1 AND state = 'confirmed' ORDER BY confirmed_at, id",
                 user.str()))
        out.push_back(read_device(row));
    return out;
}

std::optional<DeviceRow> pending(storage::Transaction& tx, UserId const& user, SessionRef const& session) {
    auto const row =
        tx.row(std::string{select_device} + "WHERE user_id = $1 AND session_ref = $2 AND state = 'pending'", user.str(),
               session.str());
    if (!row) return std::nullopt;
    return read_device(*row);
}

std::int64_t count(storage::Transaction& tx, UserId const& user, std::string_view state) {
    return returned(tx.row("SELECT count(*) FROM totp_device WHERE user_id = $1 AND state = $2", user.str(), state));
}

std::int64_t count_people(storage::Transaction& tx) {
    return returned(tx.row("SELECT count(DISTINCT user_id) FROM totp_device WHERE state = 'confirmed'"));
}

void insert_pending(storage::Transaction& tx, DeviceRow const& device) {
    tx.run(
        "INSERT INTO totp_device (id, user_id, name, secret, algorithm, digits, period_seconds, state, session_ref, "
        "confirm_failures, last_step, "
        "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, 0, $9, $10)",
        device.id.str(), device.user.str(), device.name, device.secret, to_string(device.algorithm), device.digits,
        std::int64_t{device.period.count()}, device.session.str(), device.last_step, device.created_at);
}

void delete_pending(storage::Transaction& tx, UserId const& user, SessionRef const& session) {
    tx.run("DELETE FROM totp_device WHERE user_id = $1 AND session_ref = $2 AND state = 'pending'", user.str(),
           session.str());
}

std::int64_t delete_pending_from_before(storage::Transaction& tx, UserId const& user, TimePoint time) {
    return tx.run("DELETE FROM totp_device WHERE user_id = $1 AND state = 'pending' AND created_at <= $2", user.str(),
                  time);
}

std::int64_t count_confirm_failure(storage::Transaction& tx, FactorId const& device) {
    return returned(tx.row(
        "UPDATE totp_device SET confirm_failures = confirm_failures + 1 WHERE id = $1 RETURNING confirm_failures",
        device.str()));
}

bool confirm(storage::Transaction& tx, FactorId const& device, std::int64_t step, TimePoint now) {
    return tx.run(
               "UPDATE totp_device SET state = 'confirmed', confirmed_at = $1, last_step = $2 WHERE id = $3 AND state "
               "= 'pending' AND last_step < $2",
               now, step, device.str()) == 1;
}

bool use_step(storage::Transaction& tx, FactorId const& device, std::int64_t step, TimePoint now) {
    return tx.run(
               "UPDATE totp_device SET last_step = $1, last_used_at = $2 WHERE id = $3 AND state = 'confirmed' AND "
               "last_step < $1",
               step, now, device.str()) == 1;
}

void replace_secret(storage::Transaction& tx, FactorId const& device, Bytes const& sealed) {
    tx.run("UPDATE totp_device SET secret = $1 WHERE id = $2", sealed, device.str());
}

bool rename(storage::Transaction& tx, UserId const& user, FactorId const& device, std::string_view name) {
    return tx.run("UPDATE totp_device SET name = $1 WHERE id = $2 AND user_id = $3 AND state = 'confirmed'", name,
                  device.str(), user.str()) == 1;
}

bool remove(storage::Transaction& tx, UserId const& user, FactorId const& device) {
    return tx.run("DELETE FROM totp_device WHERE id = $1 AND user_id = $2 AND state = 'confirmed'", device.str(),
                  user.str()) == 1;
}

std::int64_t erase(storage::Transaction& tx, UserId const& user) {
    auto const devices = count(tx, user, "confirmed");
    tx.run("DELETE FROM totp_device WHERE user_id = $1", user.str());
    return devices;
}

std::int64_t purge(storage::Transaction& tx, TimePoint enrolments_before) {
    return tx.run("DELETE FROM totp_device WHERE state = 'pending' AND created_at <= $1", enrolments_before);
}

}  // namespace zephyr::mfa::totp_tables
