// Pages for adding a second factor: the choice, codes by SMS and e-mail, backup codes.
#include "pages/factor_ask.h"
#include "pages/items.h"
#include "pages/page_body.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::pages {

std::string Pages::render(ChooseFactorPage const& page, PageContext const& context) const {
    return body_->render("choose_factor.html", context, [&](Fill& fill) {
        fill_offers(fill, page.offers, context.return_to);
        fill.show_if("DEMANDED", page.demanded).show_if("CHOSEN", !page.demanded);
        fill.set("CANCEL_HREF", safe_return_to(context.return_to, "/account")).errors(page.errors);
    });
}

std::string Pages::render(EnrolDeliveredPage const& page, PageContext const& context) const {
    bool const sms = page.kind == "sms";
    return body_->render(sms ? "enrol_sms.html" : "enrol_email.html", context, [&](Fill& fill) {
        fill.show_if("DEMANDED", page.demanded).show_if("CHOSEN", !page.demanded);
        fill.set("CANCEL_HREF", safe_return_to(context.return_to, "/account"));
        fill.show_if("NO_ALTERNATIVE", !page.alternative).show_if("DOES_NOT_COUNT", !page.counts);
        bool const sent = !page.to.empty();
        if (sent) {
            encoding::FormFields again{{"number", "other"}};
            if (auto const back = safe_return_to(context.return_to, ""); !back.empty()) again.emplace_back("return_to", back);
            fill.add("SENT")
                .set("TO", page.to)
                .set("RESEND_SECONDS", page.resend_seconds)
                .set("OTHER_HREF", "/account/factors/sms?" + encoding::build_form(again));
        } else if (sms || !page.address.empty()) {
            fill.add("START").set("VALUE_phone", page.phone).set("TO", page.address);
        } else {
            fill.show_if("UNVERIFIED", true);
        }
        fill.errors(page.errors, sent ? "phone" : "code").show_if("FRESH", page.errors.empty());
    });
}

std::string Pages::render(BackupCodesPage const& page, PageContext const& context) const {
    return body_->render("backup_codes.html", context, [&](Fill& fill) {
        fill.set("MADE", page.made).set("ON_HREF", safe_return_to(context.return_to, "/account"));
        fill.show_if("JUST_ENROLLED", page.just_enrolled).show_if("FROM_ACCOUNT", !page.just_enrolled);
        if (page.left) {
            Fill some = fill.add("HAS_CODES");
            some.set("LEFT", *page.left).show_if("LOW", page.low).show_if("ENOUGH", !page.low);
        } else {
            fill.show_if("NO_CODES", true);
        }
        fill.errors(page.errors);
    });
}

std::string Pages::render(BackupCodesShownPage const& page, PageContext const& context) const {
    return body_->render("backup_codes_shown.html", context, [&](Fill& fill) {
        fill.set("USERNAME", page.username).time("MADE_AT", page.made_at);
        fill.set("ON_HREF", safe_return_to(page.on_href, "/account"));
        fill.show_if("JUST_ENROLLED", page.just_enrolled);
        for (auto const& code : page.codes) fill.add("CODE").set("TEXT", code);
        fill.set("CODES", join(page.codes, " "));
    });
}

}  // namespace zephyr::pages
