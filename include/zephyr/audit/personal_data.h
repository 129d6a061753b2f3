// The audit room's share of a person's data: events about the person or by the person.
#pragma once

#include "zephyr/audit/audit_log.h"
#include "zephyr/privacy/personal_data.h"

namespace zephyr::audit {

class AuditPersonalData final : public privacy::PersonalDataSource {
public:
    explicit AuditPersonalData(AuditLog& log) : log_{log} {}
    std::string name() const override { return "audit"; }
    std::vector<privacy::TableClaim> claims() const override;
    // Every event about the person, newest first.
    encoding::Json export_for(storage::Transaction& tx, UserId const& user) override;
    // The events stay; what was sealed in them about the person goes.
    void erase(storage::Transaction& tx, UserId const& user) override;

private:
    AuditLog& log_;
};

}  // namespace zephyr::audit
