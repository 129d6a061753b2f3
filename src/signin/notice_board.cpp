#include "zephyr/signin/notice_board.h"

namespace zephyr::signin {

using encoding::Json;
using storage::Transaction;

void NoticeBoard::post(Transaction& tx, UserId const& user, std::string_view what) {
    auto const now = clock_.now();
    tx.run("INSERT INTO user_notice (id, user_id, what, created_at) VALUES ($1, $2, $3, $4)", make_uuid_v7(now, random_), user.str(), what,
           now);
}

std::vector<Notice> NoticeBoard::unseen(UserId const& user) {
    return database_.read([&](Transaction& tx) {
        std::vector<Notice> notices;
        for (auto const& row : tx.rows("SELECT id, what, created_at FROM user_notice WHERE user_id = $1 AND seen_at IS NULL "
                                       "ORDER BY id DESC LIMIT 20",
                                       user.str())) {
            notices.push_back({row.text(0), row.text(1), row.time(2)});
        }
        return notices;
    });
}

std::int64_t NoticeBoard::mark_seen(UserId const& user) {
    return database_.write([&](Transaction& tx) {
        return tx.run("UPDATE user_notice SET seen_at = $2 WHERE user_id = $1 AND seen_at IS NULL", user.str(), clock_.now());
    });
}

std::vector<privacy::TableClaim> NoticeBoard::claims() const {
    return {{.table = "user_notice", .personal = {"user_id", "what", "created_at", "seen_at"}, .not_personal = {"id"}},
            {.table = "setup_link", .personal = {}, .not_personal = {"id", "token_hash", "expires_at"}}};
}

Json NoticeBoard::export_for(Transaction& tx, UserId const& user) {
    Json notices = Json::array();
    for (auto const& row : tx.rows("SELECT what, created_at, seen_at FROM user_notice WHERE user_id = $1 ORDER BY id", user.str())) {
        auto const seen = row.optional_time(2);
        notices.push(Json::object({{"what", row.text(0)},
                                   {"at", to_rfc3339(row.time(1))},
                                   {"seen", seen ? Json{to_rfc3339(*seen)} : Json{}}}));
    }
    return notices;
}

void NoticeBoard::erase(Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM user_notice WHERE user_id = $1", user.str());
}

}  // namespace zephyr::signin
