// What messages say, in every language we have: a plain text and, for e-mail, the same as simple HTML.
//
// Words that templates use:
//   code           the digits                  "code" (needed)
//   link           an address of ours          "verify_email", "change_email", "reset_password", "recovery_link" (needed)
//   cancel_link    where to stop it            "recovery_begun" (may be absent)
//   minutes        how long code or link live  (may be absent)
//   factor         "totp", "sms", "email", "backup", …   "factor_added", "factor_removed" (may be absent)
//   time           when it takes effect, ready to read   "factors_reset", "recovery_begun", "recovery_approved" (may be absent)
//   address        where the request came from (may be absent)
// Other words are ignored. Values are data: they are escaped in HTML, and control characters become blanks everywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zephyr/messages/outbox.h"

namespace zephyr::messages {

struct TemplateSettings {
    std::string service = "Zephyr";    // what we call ourselves
    std::string host = "localhost";    // of the public address: SMS codes are bound to it
};

struct Rendered {
    std::string subject;  // one line; e-mail only
    std::string text;
    std::string html;     // e-mail only
};

// Names of templates and languages, for tests.
std::vector<std::string_view> template_names();
std::vector<std::string_view> languages();

// A sentence for the programmer: no such template, none for this channel, or a word it needs is absent. Empty: all is there.
std::string what_is_missing(Message const& message);
// In the message's language, English for one we don't have. `happened` is named in notices. Throws Fault as what_is_missing says.
// An SMS has at most 160 characters of GSM 03.38, so it is sent as one; the service's name is cut for that, or left out.
Rendered render(Message const& message, TimePoint happened, TemplateSettings const& settings);

}  // namespace zephyr::messages
