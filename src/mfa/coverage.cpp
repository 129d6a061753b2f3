#include "zephyr/mfa/coverage.h"

#include "zephyr/mfa/backup_codes.h"
#include "zephyr/mfa/delivered_codes.h"

namespace zephyr::mfa {

namespace {

template <class... Values>
std::int64_t count(storage::Transaction& tx, std::string const& sql, Values const&... values) {
    auto const row = tx.row(sql, values...);
    return row ? row->integer(0) : 0;
}

std::int64_t count_channels(storage::Transaction& tx, FactorKind const& kind) {
    return count(tx, "SELECT count(DISTINCT user_id) FROM mfa_channel WHERE state = 'confirmed' AND kind = $1", kind.name);
}

}  // namespace

Coverage coverage(storage::Database& database) {
    return database.read([](storage::Transaction& tx) {
        Coverage out;
        out.kinds = {{"totp", count(tx, "SELECT count(DISTINCT user_id) FROM totp_device WHERE state = 'confirmed'")},
                     {sms_kind.name, count_channels(tx, sms_kind)},
                     {email_kind.name, count_channels(tx, email_kind)},
                     {backup_code_kind.name, count(tx, "SELECT count(DISTINCT user_id) FROM backup_code WHERE used_at IS NULL")}};
        out.second_factor = count(tx,
                                  "SELECT count(*) FROM (SELECT user_id FROM totp_device WHERE state = 'confirmed' "
                                  "UNION SELECT user_id FROM mfa_channel WHERE state = 'confirmed' AND kind = 'sms') AS people");
        return out;
    });
}

}  // namespace zephyr::mfa
