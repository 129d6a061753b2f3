// What happened to an account without its owner's doing, kept until they have seen it: an operator reset their second factor, a factor
// or the password was changed.
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
#include "zephyr/privacy/personal_data.h"
#include "zephyr/storage/database.h"

namespace zephyr::signin {

struct Notice {
    std::string id;
    std::string what;  // a stable word: "factors_reset", "factor_added", "factor_removed", "password_changed", "token_reused"
    TimePoint at;
};

class NoticeBoard final : public privacy::PersonalDataSource {
public:
    NoticeBoard(storage::Database& database, Clock const& clock, Random& random)
        : database_{database}, clock_{clock}, random_{random} {}

    void post(storage::Transaction&, UserId const&, std::string_view what);
    std::vector<Notice> unseen(UserId const&);  // newest first, at most 20
    std::int64_t mark_seen(UserId const&);  // how many there were

    std::string name() const override { return "notices"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    storage::Database& database_;
    Clock const& clock_;
    Random& random_;
};

}  // namespace zephyr::signin
