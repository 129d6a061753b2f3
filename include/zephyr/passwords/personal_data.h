// What room passwords keeps about a person, for export and erasure.
#pragma once

#include "zephyr/privacy/personal_data.h"

namespace zephyr::passwords {

class PasswordsPersonalData final : public privacy::PersonalDataSource {
public:
    std::string name() const override { return "passwords"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;
};

}  // namespace zephyr::passwords
