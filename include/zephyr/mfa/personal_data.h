// What room mfa keeps about a person, for export and erasure.
#pragma once

#include "zephyr/privacy/personal_data.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::mfa {

class MfaPersonalData final : public privacy::PersonalDataSource {
public:
    // For the numbers and addresses that a person gets told about themselves. Must outlive this object.
    explicit MfaPersonalData(crypto::Sealer const& sealer) : sealer_{sealer} {}
    std::string name() const override { return "mfa"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    crypto::Sealer const& sealer_;
};

}  // namespace zephyr::mfa
