// What room messages keeps about a person, for export and erasure.
#pragma once

#include "zephyr/crypto/keyring.h"
#include "zephyr/privacy/personal_data.h"

namespace zephyr::messages {

class MessagesPersonalData final : public privacy::PersonalDataSource {
public:
    explicit MessagesPersonalData(crypto::Sealer const& sealer) : sealer_{sealer} {}
    std::string name() const override { return "messages"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    crypto::Sealer const& sealer_;
};

}  // namespace zephyr::messages
