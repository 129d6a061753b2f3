// What the session table keeps about a person.
#pragma once

#include "zephyr/privacy/personal_data.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions {

class SessionsPersonalData final : public privacy::PersonalDataSource {
public:
    explicit SessionsPersonalData(SessionStore& store) : store_{store} {}
    std::string name() const override { return "sessions"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    SessionStore& store_;
};

}  // namespace zephyr::sessions
