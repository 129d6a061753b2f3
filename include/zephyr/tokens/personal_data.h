// What the refresh token table keeps about a person.
#pragma once

#include "zephyr/privacy/personal_data.h"

namespace zephyr::tokens {

class TokensPersonalData final : public privacy::PersonalDataSource {
public:
    std::string name() const override { return "tokens"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;
};

}  // namespace zephyr::tokens
