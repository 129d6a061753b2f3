#include "zephyr/pages/recovery_pages.h"

#include "pages/items.h"
#include "pages/page_body.h"

namespace zephyr::pages {

namespace {

void fill_recovery(Fill& row, RecoveryItem const& item) {
    auto const& texts = row.texts();
    row.set("HREF", path_of("/admin/users", item.user_id, "recovery")).set("USERNAME", item.username);
    row.set("ASKED_BY", item.self                     ? texts.text("recovery.by_person")
                        : !item.requested_by.empty() ? item.requested_by
                                                     : texts.text("recovery.by_operator"));
    row.set_if("REASON", item.reason).show_if("NO_REASON", item.reason.empty());
    row.time("ASKED", item.requested_at).time("DUE", item.due_at);
}

}  // namespace

std::string Pages::render(ForgotPasswordPage const& page, PageContext const& context) const {
    return body_->render("forgot_password.html", context, [&](Fill& fill) {
        fill.show_if("SENT", page.sent).show_if("ASK", !page.sent);
        fill.set("VALUE_login", "").errors(page.errors);
    });
}

std::string Pages::render(ResetPasswordPage const& page, PageContext const& context) const {
    return body_->render("reset_password.html", context, [&](Fill& fill) {
        fill.set("ACTION", path_of("/reset-password", page.token)).set("USERNAME", page.username).set("MINIMUM", page.minimum_length);
        fill.show_if("SECOND_FACTOR", page.second_factor).errors(page.errors);
    });
}

std::string Pages::render(LinkGonePage const&, PageContext const& context) const {
    return body_->render("link_gone.html", context, [&](Fill& fill) {
        bool const signed_in = context.who.has_value();
        fill.set("WAY_HREF", signed_in ? "/account" : "/sign-in");
        fill.set("WAY_TEXT", fill.texts().text(signed_in ? "error.to_account" : "error.to_sign_in"));
    });
}

std::string Pages::render(ConfirmAddressPage const& page, PageContext const& context) const {
    return body_->render("confirm_address.html", context, [&](Fill& fill) {
        fill.set("ACTION", path_of("/verify-email", page.token)).set("USERNAME", page.username).set("ADDRESS", page.address);
        fill.show_if("DONE", page.done).show_if("ASK", !page.done);
        fill.show_if("CHANGE", page.change).show_if("VERIFY", !page.change).errors(page.errors);
    });
}

std::string Pages::render(AccountEmailPage const& page, PageContext const& context) const {
    return body_->render("account_email.html", context, [&](Fill& fill) {
        fill.set("ADDRESS", page.address).set("VALUE_email", page.email);
        fill.show_if("HAS_ADDRESS", !page.address.empty()).show_if("NO_ADDRESS", page.address.empty());
        fill.show_if("VERIFIED", page.verified).show_if("UNVERIFIED", !page.address.empty() && !page.verified);
        fill.notice(page.notice).errors(page.errors);
    });
}

std::string Pages::render(LostFactorPage const& page, PageContext const& context) const {
    return body_->render("lost_factor.html", context, [&](Fill& fill) {
        fill.show_if("SENT", page.sent).show_if("ASK", !page.sent).number("HOURS", page.hours).errors(page.errors);
    });
}

std::string Pages::render(RecoverPage const& page, PageContext const& context) const {
    return body_->render("recover.html", context, [&](Fill& fill) {
        fill.set("ACTION", path_of("/recover", page.token)).set("USERNAME", page.username).number("HOURS", page.hours);
        fill.time_if("DUE", page.due).errors(page.errors);
    });
}

std::string Pages::render(AdminRecoveryPage const& page, PageContext const& context) const {
    return body_->render("admin_recovery.html", context, [&](Fill& fill) {
        fill.show_if("AT_USERS", true).set("USERNAME", page.username).number("HOURS", page.hours);
        auto const base = path_of("/admin/users", page.user_id);
        fill.set("USER_HREF", base).set("ACTION", base + "/recovery").set("VALUE_reason", page.reason);
        fill.show_if("NOTHING", !page.open && !page.has_factor).show_if("ASK", !page.open && page.has_factor);
        if (page.open) {
            Fill open = fill.add("OPEN");
            fill_recovery(open, *page.open);
            open.show_if("MAY_APPROVE", page.may_approve && !page.open->self).show_if("SELF", page.open->self);
            open.show_if("NEEDS_ANOTHER", !page.may_approve && !page.open->self);
        }
        fill.notice(page.notice).errors(page.errors);
    });
}

std::string Pages::render(AdminRecoveriesPage const& page, PageContext const& context) const {
    return body_->render("admin_recoveries.html", context, [&](Fill& fill) {
        fill.show_if("AT_MFA", true).show_if("NONE", page.open.empty());
        if (page.open.empty()) return;
        Fill list = fill.add("SOME");
        for (auto const& item : page.open) {
            Fill row = list.add("RECOVERY");
            fill_recovery(row, item);
        }
    });
}

}  // namespace zephyr::pages
