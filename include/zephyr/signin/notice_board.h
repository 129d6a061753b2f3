// What happened to an account without its owner's doing, kept until they have seen it: an operator reset their second factor, a factor
// or the password was changed. What can be sent by mail goes to the verified address as well.
//
// Owns: table user_notice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/messages/outbox.h"
#include "zephyr/privacy/personal_data.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/user_service.h"

namespace zephyr::signin {

struct Notice {
    std::string id;
    std::string what;  // a stable word: "factors_reset", "factor_added", "factor_removed", "password_changed", "token_reused",
                       // "email_changed", "email_change_asked", "recovery_begun",
                       // "backup_codes_made", "backup_codes_low"
    TimePoint at;
};

class NoticeBoard final : public privacy::PersonalDataSource {
public:
    NoticeBoard(storage::Database& database, Clock const& clock, Random& random)
        : database_{database}, clock_{clock}, random_{random} {}

    // Once, while wiring: from then on notices go out by mail too, where mail can be sent. Both must outlive the board.
    void use_mail(users::UserService const& users, messages::Outbox& outbox) {
        users_ = &users;
        outbox_ = &outbox;
    }

    // `words` are for the mail: messages/templates.h. To the address that is verified at this moment, so tell of a change of it before.
    using Words = std::vector<std::pair<std::string, std::string>>;
    void post(storage::Transaction&, UserId const&, std::string_view what, Words words = {});
    std::vector<Notice> unseen(UserId const&);  // newest first, at most 20
    std::int64_t mark_seen(UserId const&);  // how many there were

    std::string name() const override { return "notices"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    void mail(storage::Transaction&, UserId const&, std::string_view what, Words words);

    storage::Database& database_;
    Clock const& clock_;
    Random& random_;
    users::UserService const* users_ = nullptr;
    messages::Outbox* outbox_ = nullptr;
};

}  // namespace zephyr::signin
