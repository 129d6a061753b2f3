#include "zephyr/pages/account_pages.h"

#include <algorithm>

#include "pages/items.h"
#include "pages/page_body.h"
#include "pages/trusted_urls.h"

namespace zephyr::pages {

namespace {

void fill_factors(Fill& fill, AccountPage const& page) {
    if (page.factors.empty()) {
        fill.show_if("NO_FACTORS", true);
        return;
    }
    bool const last = page.factors.size() == 1;
    Fill list = fill.add("FACTORS");
    for (auto const& factor : page.factors) {
        Fill row = list.add("FACTOR");
        fill_factor(row, factor);
        row.set("REMOVE_ACTION", path_of("/account/factors", factor.id, "remove"));
        char const* words = !last                         ? "factor.remove.one_of_several"
                            : page.second_factor_demanded ? "factor.remove.demanded"
                            : page.password_full_length   ? "factor.remove.last"
                                                          : "factor.remove.last_short_password";
        row.set("REMOVE_WORDS", fill.texts().text(words));
        row.show_if("NEEDS_PASSWORD", last && !page.password_full_length && !page.second_factor_demanded);
        row.show_if("MAY_REMOVE", !(last && page.second_factor_demanded));
    }
}

void fill_sessions(Fill& fill, AccountPage const& page) {
    for (auto const& session : page.sessions) {
        Fill row = fill.add("SESSION");
        fill_session(row, session);
        if (!session.current)
            row.add("OTHER").set("REVOKE_ACTION", path_of("/account/sessions", session.ref, "revoke"));
    }
    auto const others =
        std::count_if(page.sessions.begin(), page.sessions.end(), [](auto const& s) { return !s.current; });
    fill.show_if("OTHER_SESSIONS", others > 0);
}

void fill_happened(Fill& fill, AccountPage const& page) {
    if (page.happened.empty()) return;
    Fill list = fill.add("HAPPENINGS");
    for (auto const& notice : page.happened)
        list.add("HAPPENED")
            .set("TEXT", fill.words({notice.what, {}}, "happened", "happened.other"))
            .time("AT", notice.at);
}

}  // namespace

std::string Pages::render(AccountPage const& page, PageContext const& context) const {
    return body_->render("account.html", context, [&](Fill& fill) {
        fill.show_if("AT_ACCOUNT", true);
        fill.set("USERNAME", page.username).set("VALUE_display_name", page.display_name).set("VALUE_email", page.email);
        fill.set("MINIMUM", page.minimum_length);
        fill.time_if("CHANGED", page.password_changed_at).show_if("SHORT", !page.password_full_length);
        fill_factors(fill, page);
        fill_sessions(fill, page);
        fill_happened(fill, page);
        fill.notice(page.notice).errors(page.errors);
    });
}

std::string Pages::render(ChangePasswordPage const& page, PageContext const& context) const {
    return body_->render("change_password.html", context, [&](Fill& fill) {
        fill.set("USERNAME", page.username).set("MINIMUM", page.minimum_length);
        fill.show_if("ASK_CURRENT", !page.must_change);
        if (page.must_change)
            fill.add("MUST_CHANGE").set("WHY", fill.words({page.why, {}}, "must_change", "must_change.other"));
        fill.errors(page.errors, page.must_change ? "current_password" : "").show_if("FRESH", page.errors.empty());
    });
}

std::string Pages::render(EnrolTotpPage const& page, PageContext const& context) const {
    return body_->render("enrol_totp.html", context, [&](Fill& fill) {
        fill.set("QR", qr_image(page.qr_svg))
            .set("OTPAUTH", page.otpauth_uri)
            .set("VALUE_device_name", page.device_name);
        for (std::size_t at = 0; at < page.secret.size(); at += 4)
            fill.add("GROUP").set("TEXT", page.secret.substr(at, 4));
        fill.show_if("DEMANDED", page.demanded).show_if("CHOSEN", !page.demanded);
        fill.set("CANCEL_HREF", safe_return_to(context.return_to, "/account"));
        fill.errors(page.errors);
    });
}

}  // namespace zephyr::pages
