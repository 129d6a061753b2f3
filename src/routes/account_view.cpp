#include "zephyr/routes/account_view.h"

#include <algorithm>

namespace zephyr::routes {

std::vector<pages::FactorItem> factor_items(mfa::TotpService& totp, UserId const& user) {
    std::vector<pages::FactorItem> items;
    for (auto const& device : totp.list(user)) {
        items.push_back(
            {.id = device.id.str(), .name = device.name, .added_at = device.confirmed_at, .last_used_at = device.last_used_at});
    }
    return items;
}

std::vector<pages::SessionItem> session_items(sessions::SessionService& sessions, UserId const& user, SessionRef const& current) {
    std::vector<pages::SessionItem> items;
    for (auto const& session : sessions.list(user)) {
        bool const second = std::any_of(session.factors.begin(), session.factors.end(), [](auto const& f) { return f.name != "pwd"; });
        items.push_back({.ref = session.ref.str(),
                         .user_agent = session.user_agent,
                         .address = session.address,
                         .created_at = session.created_at,
                         .last_seen_at = session.last_seen_at,
                         .current = session.ref == current,
                         .remembered = session.remembered,
                         .second_factor = second});
    }
    return items;
}

Result<pages::AccountPage> account_view(AccountRooms const& rooms, http::Principal const& who) {
    ZEPHYR_TRY(auto const user, rooms.users.find(who.user));
    pages::AccountPage view{.username = user.username, .email = user.email.value_or(""), .display_name = user.display_name};
    if (auto const password = rooms.passwords.state(user.id)) {
        view.password_changed_at = password->changed_at;
        view.password_full_length = password->full_length;
    }
    view.second_factor_demanded = rooms.sign_in.mfa_demanded(user.id);
    view.factors = factor_items(rooms.totp, user.id);
    view.sessions = session_items(rooms.sessions, user.id, who.session);
    for (auto const& notice : rooms.notices.unseen(user.id)) view.happened.push_back({notice.what, notice.at});
    return view;
}

}  // namespace zephyr::routes
