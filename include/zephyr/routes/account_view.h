// What the account and administration pages show of a person, read from the rooms that keep it.
#pragma once

#include "zephyr/audit/audit_log.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

// Of the person asking.
Result<pages::AccountPage> account_view(AccountRooms const& rooms, http::Principal const& who);

std::vector<pages::FactorItem> factor_items(mfa::TotpService& totp, UserId const& user);
std::vector<pages::SessionItem> session_items(sessions::SessionService& sessions, UserId const& user, SessionRef const& current);

}  // namespace zephyr::routes
