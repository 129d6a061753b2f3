// The users room's share of a person's data: the account and its group memberships.
#pragma once

#include "zephyr/privacy/personal_data.h"

namespace zephyr::users {

class UsersPersonalData final : public privacy::PersonalDataSource {
public:
    std::string name() const override { return "users"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction& tx, UserId const& user) override;
    void erase(storage::Transaction& tx, UserId const& user) override;
    // Last: while other rooms erase, the account still stands.
    int erase_order() const override { return 100; }
};

}  // namespace zephyr::users
