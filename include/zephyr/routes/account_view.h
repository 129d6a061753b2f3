// What the account and administration pages show of a person, read from the rooms that keep it.
#pragma once

#include "zephyr/audit/audit_log.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

// Of the person asking.
Result<pages::AccountPage> account_view(AccountRooms const& rooms, http::SessionHolder const& who);

// Without backup codes, which are no device of their own.
std::vector<pages::FactorItem> factor_items(signin::SignInService const& sign_in, mfa::MFAManager& mfa, UserId const& user);
std::vector<pages::SessionItem> session_items(sessions::SessionService& sessions, UserId const& user, SessionRef const& current);
// What the person may add here.
pages::FactorOffers factor_offers(AccountRooms const& rooms, users::User const& user);

// How a second factor is asked for: by the `wanted` kind if the person has it, else by the strongest. `sent`: a code is on its way.
// Only kinds that are of use: at sign-in those that complete it, for step-up those that count as much as the best the person has. What is
// sent while nobody sends it is shown to those alone who have nothing else.
enum class AskedFor { sign_in, step_up };
pages::FactorAsk factor_ask(signin::SignInService const& sign_in, mfa::MFAManager& mfa, UserId const& user, AskedFor why,
                            std::string_view wanted, bool sent);

// "/account/factors/sms?return_to=…": the return path of a form or query goes along.
std::string with_return_path(std::string path, http::Request const& request);
// To the page that asks for a fresh proof, and then back to `after`.
http::Response to_step_up(Error const& error, std::string_view after);
// Such a refusal leads there.
bool asks_for_proof(Error const& error);

}  // namespace zephyr::routes
