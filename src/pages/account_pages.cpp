#include "zephyr/pages/account_pages.h"

#include <algorithm>

#include "pages/factor_ask.h"
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
    // What counts where a second factor is demanded: of several the last such one is as hard to give up as the only one.
    auto const counting = std::count_if(page.factors.begin(), page.factors.end(), [](auto const& factor) { return factor.counts; });
    bool const only = page.factors.size() == 1;
    Fill list = fill.add("FACTORS");
    for (auto const& factor : page.factors) {
        Fill row = list.add("FACTOR");
        fill_factor(row, factor);
        bool const last = only || (page.second_factor_demanded && factor.counts && counting == 1);
        row.show_if("RESTRICTED", factor.restricted).show_if("DOES_NOT_COUNT", !factor.counts);
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

void fill_backup_codes(Fill& fill, AccountPage const& page) {
    // They stand in for another factor: without one there is nothing to stand in for, and an e-mail is worth less than they are.
    bool const to_stand_in_for = std::any_of(page.factors.begin(), page.factors.end(), [](auto const& one) { return one.kind != "email"; });
    if (!to_stand_in_for && !page.backup_codes_left) return;
    Fill section = fill.add("BACKUP");
    if (!page.backup_codes_left) {
        section.show_if("NO_CODES", true);
        return;
    }
    section.add("HAS_CODES").set("LEFT", *page.backup_codes_left).show_if("LOW", page.backup_codes_low);
}

void fill_browsers(Fill& fill, AccountPage const& page) {
    if (page.browsers.empty()) return;
    Fill list = fill.add("BROWSERS");
    for (auto const& browser : page.browsers) {
        Fill row = list.add("BROWSER");
        fill_browser(row, browser);
        row.set("FORGET_ACTION", path_of("/account/browsers", browser.id, "forget"));
    }
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
        if (page.second_factor_due)
            fill.add("DUE").set("DAY", day_text(fill.texts(), *page.second_factor_due)).time("DUE", *page.second_factor_due);
        fill_factors(fill, page);
        fill_offers(fill, page.offers, context.return_to);
        fill_backup_codes(fill, page);
        fill_browsers(fill, page);
        fill_sessions(fill, page);
        fill_happened(fill, page);
        fill.show_if("EMAIL_PAGE", page.email_page).time_if("RECOVERY", page.recovery_due);
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
