#include "zephyr/signin/notice_board.h"

#include <algorithm>
#include <array>

namespace zephyr::signin {

using encoding::Json;
using storage::Transaction;

namespace {
// Of those the messages room has words for.
constexpr std::array<std::string_view, 10> mailed{"factor_added", "factor_removed", "factors_reset",
                                                 "password_changed", "recovery_begun", "token_reused",
                                                 "email_changed", "email_change_asked", "backup_codes_made",
                                                 "backup_codes_low"};
constexpr std::chrono::hours worth_sending{3 * 24};
}  // namespace

void NoticeBoard::post(Transaction& tx, UserId const& user, std::string_view what, Words words) {
    auto const now = clock_.now();
    tx.run("INSERT INTO user_notice (id, user_id, what, created_at) VALUES ($1, $2, $3, $4)", make_uuid_v7(now, random_), user.str(), what,
           now);
    mail(tx, user, what, std::move(words));
}

void NoticeBoard::mail(Transaction& tx, UserId const& user, std::string_view what, Words words) {
    if (outbox_ == nullptr || !outbox_->can_send(messages::Channel::email)) return;
    if (std::find(mailed.begin(), mailed.end(), what) == mailed.end()) return;
    auto const found = users_->find(tx, user);
    if (!found.ok() || !found.value().email_verified()) return;
    outbox_->enqueue(tx, {.channel = messages::Channel::email,
                          .user = user,
                          .to = *found.value().email,
                          .what = std::string{what},
                          .words = std::move(words),
                          .until = clock_.now() + worth_sending});
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
