#include "pages/factor_ask.h"

#include "pages/items.h"
#include "zephyr/encoding/url.h"

namespace zephyr::pages {

namespace {

std::string kind_text(Catalogue const& texts, std::string_view purpose, std::string_view kind) {
    std::string const prefix = "factor." + std::string{purpose} + ".";
    std::string const key = prefix + std::string{kind};
    return texts.text(texts.has(key) ? key : prefix + "other");
}

std::string link_to(std::string_view path, std::string_view kind, std::string_view return_to) {
    encoding::FormFields fields{{"method", std::string{kind}}};
    if (auto const back = safe_return_to(return_to, ""); !back.empty()) fields.emplace_back("return_to", back);
    return std::string{path} + "?" + encoding::build_form(fields);
}

}  // namespace

void fill_kind_icon(Fill& fill, std::string_view kind) {
    bool const message = kind == "sms";
    bool const mail = kind == "email";
    bool const key = kind == "backup_code";
    fill.show_if("ICON_MESSAGE", message).show_if("ICON_MAIL", mail).show_if("ICON_KEY", key);
    fill.show_if("ICON_PHONE", !message && !mail && !key);
}

void fill_ask(Fill& fill, FactorAsk const& ask, std::string_view path, std::string_view return_to) {
    auto const& texts = fill.texts();
    bool const waits = ask.delivered && !ask.sent;
    bool const backup = ask.kind == "backup_code";
    Fill section = fill.add("ASK");
    section.set("METHOD", ask.kind);
    std::string const to = ask.names.empty() ? std::string{} : ask.names.front();
    if (waits) {
        section.add("SEND").set("LEAD", kind_text(texts, "send_lead", ask.kind)).set("TO", to);
    } else {
        Fill enter = section.add("ENTER");
        if (ask.delivered) enter.add("SENT").set("TO", to).set("RESEND_SECONDS", ask.resend_seconds);
        else enter.set_if("LEAD", kind_text(texts, "lead", ask.kind));
        enter.set("LABEL", texts.text(backup ? "factor.code.backup_code" : "field.code"));
        enter.set("HELP", kind_text(texts, "help", ask.kind));
        enter.show_if("DIGITS", !backup).show_if("LETTERS", backup);
        // Any of an app's codes will do: which ones, is worth saying when there are several.
        if (!ask.delivered && !backup && ask.names.size() > 1) fill_devices(enter, ask.names);
    }
    if (ask.kinds.size() < 2) return;
    Fill choices = section.add("CHOICES");
    for (auto const& kind : ask.kinds) {
        if (kind == ask.kind) continue;
        Fill choice = choices.add("CHOICE");
        choice.set("TEXT", kind_text(texts, "use", kind)).set("HREF", link_to(path, kind, return_to));
        fill_kind_icon(choice, kind);
    }
}

void fill_offers(Fill& fill, FactorOffers const& offers, std::string_view return_to) {
    std::string query;
    if (auto const back = safe_return_to(return_to, ""); !back.empty()) query = "?" + encoding::build_form({{"return_to", back}});
    if (offers.sms) fill.add("OFFER_SMS").set("SMS_HREF", "/account/factors/sms" + query);
    if (!offers.email) return;
    Fill email = fill.add("OFFER_EMAIL");
    email.set("EMAIL_HREF", "/account/factors/email" + query);
    email.show_if("EMAIL_COUNTS", offers.email_counts).show_if("EMAIL_DOES_NOT_COUNT", !offers.email_counts);
    email.show_if("EMAIL_READY", !offers.email_address.empty()).show_if("EMAIL_UNVERIFIED", offers.email_address.empty());
}

}  // namespace zephyr::pages
