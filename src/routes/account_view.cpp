#include "zephyr/routes/account_view.h"

#include <algorithm>

#include "zephyr/encoding/url.h"

namespace zephyr::routes {

namespace {

constexpr std::string_view backup_codes = mfa::backup_code_kind.name;

// Names of one browser are one string: the cookie is not looked at here, so the one in use is told by its last use in this session.
pages::BrowserItem browser_item(mfa::KnownDevice const& device) {
    return {.id = device.id,
            .user_agent = device.user_agent,
            .first_seen_at = device.first_seen_at,
            .last_seen_at = device.last_seen_at,
            .trusted_until = device.trusted_until};
}

bool contains(std::vector<std::string> const& list, std::string_view wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

std::vector<pages::FactorItem> factor_items(signin::SignInService const& sign_in, mfa::MFAManager& mfa, UserId const& user) {
    std::vector<pages::FactorItem> items;
    for (auto const& factor : mfa.list(user)) {
        if (factor.kind->name == backup_codes) continue;
        items.push_back({.id = factor.id.str(),
                         .kind = std::string{factor.kind->name},
                         .name = factor.shown,
                         .added_at = factor.confirmed_at,
                         .last_used_at = factor.last_used_at,
                         .restricted = factor.kind->restricted,
                         .counts = sign_in.counts(*factor.kind)});
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

pages::FactorOffers factor_offers(AccountRooms const& rooms, users::User const& user) {
    auto const available = [](auto const* provider) { return provider != nullptr && provider->available(); };
    return {.sms = available(rooms.mfa.sms()),
            .email = available(rooms.mfa.email()),
            .email_counts = rooms.sign_in.counts(mfa::email_kind),
            .email_address = user.email_verified() ? *user.email : std::string{}};
}

pages::FactorAsk factor_ask(signin::SignInService const& sign_in, mfa::MFAManager& mfa, UserId const& user, AskedFor why,
                            std::string_view wanted, bool sent) {
    auto held = mfa.list(user);
    bool const has_second = std::any_of(held.begin(), held.end(), [](auto const& f) { return f.kind->aal2 && f.kind->stands_alone; });
    std::erase_if(held, [&](auto const& f) {
        bool const used_up = f.kind->name == backup_codes && mfa.backup_codes().left(user).value_or(0) == 0;
        bool const counts = why == AskedFor::step_up ? f.kind->aal2 || !has_second : sign_in.completes_sign_in(user, *f.kind);
        return used_up || !counts;
    });
    auto const usable = [&](auto const& f) { return mfa.provider(f.kind->name)->available(); };
    if (std::any_of(held.begin(), held.end(), usable)) std::erase_if(held, [&](auto const& f) { return !usable(f); });
    // Backup codes are for when nothing else is at hand, whatever they are worth.
    std::stable_partition(held.begin(), held.end(), [](auto const& f) { return f.kind->stands_alone; });
    pages::FactorAsk ask;
    for (auto const& factor : held)
        if (!contains(ask.kinds, factor.kind->name)) ask.kinds.emplace_back(factor.kind->name);
    if (!ask.kinds.empty()) ask.kind = contains(ask.kinds, wanted) ? std::string{wanted} : ask.kinds.front();
    for (auto const& factor : held) {
        if (factor.kind->name != ask.kind) continue;
        ask.delivered = factor.kind->delivered;
        if (ask.kind != backup_codes) ask.names.push_back(factor.shown);
    }
    ask.sent = ask.delivered && sent;
    return ask;
}

Result<pages::AccountPage> account_view(AccountRooms const& rooms, http::SessionHolder const& who) {
    ZEPHYR_TRY(auto const user, rooms.users.find(who.user));
    pages::AccountPage view{.username = user.username, .email = user.email.value_or(""), .display_name = user.display_name};
    if (auto const password = rooms.passwords.state(user.id)) {
        view.password_changed_at = password->changed_at;
        view.password_full_length = password->full_length;
    }
    view.email_page = rooms.address != nullptr;
    if (auto const open = rooms.recovery.open_for(user.id)) view.recovery_due = open->due_at;
    view.second_factor_demanded = rooms.sign_in.mfa_demanded(user.id);
    if (view.second_factor_demanded && !rooms.sign_in.has_counting_factor(user.id))
        view.second_factor_due = rooms.policy.demanded(user.id).until;
    view.factors = factor_items(rooms.sign_in, rooms.mfa, user.id);
    view.offers = factor_offers(rooms, user);
    view.backup_codes_left = rooms.mfa.backup_codes().left(user.id);
    view.backup_codes_low = view.backup_codes_left && *view.backup_codes_left <= rooms.mfa.backup_codes().settings().low;
    for (auto const& device : rooms.devices.list(user.id)) view.browsers.push_back(browser_item(device));
    view.sessions = session_items(rooms.sessions, user.id, who.session);
    for (auto const& notice : rooms.notices.unseen(user.id)) view.happened.push_back({notice.what, notice.at});
    return view;
}

std::string with_return_path(std::string path, http::Request const& request) {
    auto const typed = request.form("return_to");
    auto const asked = typed ? *typed : request.query("return_to").value_or("");
    auto const back = pages::safe_return_to(asked, "");
    if (back.empty()) return path;
    path += path.find('?') == std::string::npos ? '?' : '&';
    return path + encoding::build_form({{"return_to", back}});
}

bool asks_for_proof(Error const& error) {
    return error == signin::errors::step_up_required || error == mfa::errors::stronger_proof_required;
}

http::Response to_step_up(Error const& error, std::string_view after) {
    encoding::FormFields fields{{"return_to", std::string{after}}};
    if (error == mfa::errors::stronger_proof_required) fields.emplace_back("need", "stronger");
    return http::Response::see_other("/account/verify?" + encoding::build_form(fields));
}

}  // namespace zephyr::routes
