// Who carries mail and SMS, the last of the area mfa among it: a part of the table.
#include "config/settings_table.h"

namespace zephyr::config {

namespace {

// The place of a setting: AT(smtp.host).
#define AT(member) [](Settings& settings) -> auto& { return settings.member; }

constexpr std::string_view a_path = "a path";
constexpr std::string_view an_origin = "scheme, host and port alone, such as https://api.example.com";

}  // namespace

std::vector<Entry> message_settings() {
    return {
        text(Row{"mfa.sms_provider", "", "Who sends SMS. Its own settings stand under its name. Empty: nobody."}.env("MFA_SMS_PROVIDER"),
             AT(mfa.sms_provider), sms_provider_or_empty, "twilio, hook, smpp", 64),
        text(Row{"mfa.email_provider", "",
                 "Who sends mail: codes, links and notices, with or without a second factor. Its own settings stand under its name, "
                 "the sender's address under mail. Empty: nobody."}
                 .env("MFA_EMAIL_PROVIDER"),
             AT(mfa.email_provider), email_provider_or_empty, "smtp, sendgrid", 64),
        text(Row{"mail.from", "", "The address mail comes from."}, AT(mail.from), mail_address_or_empty, "an address such as login@example.com", 320),
        text(Row{"mail.from_name", "", "The name beside it. Empty: server.name."}, AT(mail.from_name), one_line, "one line of text", 128),
        text(Row{"smtp.host", "", "The mail server that takes our mail."}, AT(smtp.host), host_or_empty, "a host name", 253),
        integer(Row{"smtp.port", "0", "Its port. 0: 587, or 465 with smtp.tls = implicit, or 25 with off."}, AT(smtp.port), 0, 65535),
        choice_of<SmtpTls>(Row{"smtp.tls", "starttls",
                               "starttls: the server must offer it, or gets nothing. implicit: TLS from the first byte. off: to this machine alone."},
                           AT(smtp.tls), {"starttls", "implicit", "off"}),
        text(Row{"smtp.username", "", "The name to sign in with there. Empty: none."}, AT(smtp.username), one_line, "one line of text", 256),
        secret(Row{"smtp.password", "", "Its password."}, AT(smtp.password), 0, one_line, "one line of text"),
        text(Row{"smtp.ca_file", "", "PEM file with the authority of its certificate. Empty: the system's."}, AT(smtp.ca_file), any_text, a_path,
             4096),
        secret(Row{"sendgrid.api_key", "", "A key of SendGrid's that may send mail."}, AT(sendgrid.api_key), 16, one_line, "at least 16 bytes"),
        text(Row{"sendgrid.url", "https://api.sendgrid.com", "Where its API is."}, AT(sendgrid.url), origin_or_empty, an_origin),
        text(Row{"twilio.account_sid", "", "The account at Twilio."}, AT(twilio.account_sid), one_line, "AC and 32 characters", 64),
        secret(Row{"twilio.auth_token", "", "Its token."}, AT(twilio.auth_token), 16, one_line, "at least 16 bytes"),
        text(Row{"twilio.from", "", "Who SMS come from: a number of yours there, a name, or a messaging service (MG…)."}, AT(twilio.from), one_line,
             "such as +15005550006", 64),
        text(Row{"twilio.url", "https://api.twilio.com", "Where its API is."}, AT(twilio.url), origin_or_empty, an_origin),
        text(Row{"sms_hook.url", "", "An HTTP endpoint of yours that sends SMS; what it gets is in docs/guides/messages.md."}, AT(sms_hook.url),
             http_url_or_empty, "https://…", 2048),
        secret(Row{"sms_hook.secret", "", "What requests to it are signed with."}, AT(sms_hook.secret), 32, one_line, "at least 32 bytes"),
        text(Row{"sms_hook.ca_file", "", "PEM file with the authority of its certificate. Empty: the system's."}, AT(sms_hook.ca_file), any_text,
             a_path, 4096),
        text(Row{"smpp.host", "", "An SMS centre that speaks SMPP 3.4."}, AT(smpp.host), host_or_empty, "a host name", 253),
        integer(Row{"smpp.port", "2775", "Its port."}, AT(smpp.port), 1, 65535),
        boolean(Row{"smpp.tls", "false", "TLS from the first byte. Without it codes travel readable."}, AT(smpp.tls)),
        text(Row{"smpp.ca_file", "", "PEM file with the authority of its certificate. Empty: the system's."}, AT(smpp.ca_file), any_text, a_path,
             4096),
        text(Row{"smpp.system_id", "", "The name to bind with."}, AT(smpp.system_id), one_line, "at most 15 characters", 15),
        secret(Row{"smpp.password", "", "Its password, at most 8 characters."}, AT(smpp.password), 0, smpp_password, "at most 8 characters"),
        text(Row{"smpp.source", "", "Who SMS come from: a number, a short code, or a name of at most 11 characters."}, AT(smpp.source), one_line,
             "such as +15005550006", 21),
    };
}

}  // namespace zephyr::config
