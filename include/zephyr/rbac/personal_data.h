// The rbac room's share of a person's data: the roles given to them, and their id where they gave one to others.
#pragma once

#include "zephyr/privacy/personal_data.h"
#include "zephyr/rbac/role_service.h"

namespace zephyr::rbac {

class RbacPersonalData final : public privacy::PersonalDataSource {
public:
    explicit RbacPersonalData(RoleService& roles) : roles_{roles} {}
    std::string name() const override { return "rbac"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction& tx, UserId const& user) override;
    void erase(storage::Transaction& tx, UserId const& user) override;

private:
    RoleService& roles_;
};

}  // namespace zephyr::rbac
