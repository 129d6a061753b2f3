#include "zephyr/pages/entry_pages.h"

#include "pages/factor_ask.h"
#include "pages/items.h"
#include "pages/page_body.h"

namespace zephyr::pages {

namespace {

template <class Page>
void fill_person(Fill& fill, Page const& page) {
    fill.set("VALUE_username", page.username)
        .set("VALUE_display_name", page.display_name)
        .set("VALUE_email", page.email);
    fill.set("MINIMUM", page.minimum_length);
    fill.errors(page.errors).show_if("FRESH", page.errors.empty());
}

struct ErrorWords {
    std::string heading;
    std::string words;
};

// The words of the failure, else of its status, else of any failure.
ErrorWords words_for(Catalogue const& texts, ErrorPage const& page) {
    std::string status = "error." + std::to_string(page.status);
    if (!texts.has(status + ".title")) status = page.status < 500 ? "error.400" : "error.500";
    std::string const id = "errors." + page.id;
    bool const by_id = !page.id.empty() && texts.has(id);
    ErrorWords out{texts.text(status + ".title"), texts.text(by_id ? id : status + ".text")};
    if (!page.reason.empty() && (texts.language() == "en" || !by_id)) out.words = page.reason;
    return out;
}

}  // namespace

std::string Pages::render(SetupPage const& page, PageContext const& context) const {
    return body_->render("setup.html", context, [&](Fill& fill) {
        fill.set("ACTION", path_of("/setup", page.token));
        fill_person(fill, page);
    });
}

std::string Pages::render(SetupGonePage const&, PageContext const& context) const {
    return body_->render("setup_gone.html", context, [](Fill&) {});
}

std::string Pages::render(SignUpPage const& page, PageContext const& context) const {
    return body_->render("sign_up.html", context, [&](Fill& fill) { fill_person(fill, page); });
}

std::string Pages::render(SignInPage const& page, PageContext const& context) const {
    return body_->render("sign_in.html", context, [&](Fill& fill) {
        fill.set("VALUE_username", page.username).show_if("REMEMBER", page.remember);
        fill.show_if("SIGN_UP_OPEN", page.sign_up_open).show_if("CAN_RESET", page.can_reset).notice(page.notice);
        fill.errors(page.errors).show_if("FRESH", page.errors.empty());
    });
}

std::string Pages::render(SecondFactorPage const& page, PageContext const& context) const {
    return body_->render("second_factor.html", context, [&](Fill& fill) {
        fill_ask(fill, page.ask, "/sign-in/factor", context.return_to);
        if (page.trust_days > 0) fill.add("MAY_TRUST").set("DAYS", page.trust_days);
        fill.set_if("LOST_HREF", page.lost_href).show_if("NO_LOST_HREF", page.lost_href.empty());
        fill.errors(page.errors, page.ask.delivered && !page.ask.sent ? "code" : "").show_if("FRESH", page.errors.empty());
    });
}

std::string Pages::render(ReauthPage const& page, PageContext const& context) const {
    FormErrors errors = page.errors;
    // The same refusal has a field of another name where the password is changed.
    for (auto& error : errors.fields)
        if (error.field == "current_password") error.field = "password";
    return body_->render("reauth.html", context, [&](Fill& fill) {
        fill.set("USERNAME", context.who ? context.who->username : "");
        fill.show_if("ASK_PASSWORD", !page.ask).show_if("STRONGER", page.stronger);
        if (page.ask) fill_ask(fill, *page.ask, "/account/verify", context.return_to);
        fill.set("CANCEL_HREF", "/account");
        bool const no_code = !page.ask || (page.ask->delivered && !page.ask->sent);
        fill.errors(errors, no_code ? "code" : page.ask ? "password" : "").show_if("FRESH", page.errors.empty());
    });
}

std::string Pages::render(ErrorPage const& page, PageContext const& context) const {
    return body_->render("error.html", context, [&](Fill& fill) {
        auto const& texts = fill.texts();
        auto const [heading, words] = words_for(texts, page);
        fill.set("STATUS", page.status)
            .set("HEADING", heading)
            .set("WORDS", words)
            .set_if("REQUEST_ID", page.request_id);
        bool const signed_in = context.who.has_value();
        fill.set("WAY_HREF", signed_in ? "/account" : "/sign-in");
        fill.set("WAY_TEXT", texts.text(signed_in ? "error.to_account" : "error.to_sign_in"));
    });
}

}  // namespace zephyr::pages
