// What the tables of forward-auth keep about a person.
#pragma once

#include "zephyr/privacy/personal_data.h"

namespace zephyr::forward {

class ForwardPersonalData final : public privacy::PersonalDataSource {
public:
    std::string name() const override { return "forward"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;
};

}  // namespace zephyr::forward
