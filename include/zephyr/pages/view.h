// What every page is given beside its own content: who is looking, in which language, and what to say to them.
// Plain data; nothing here decides anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"

namespace zephyr::pages {

// What an operator may change without touching a template.
struct Brand {
    std::string name;      // empty: "Zephyr"
    std::string logo_url;  // a path of this server or an http(s) address; empty: our own
    std::string accent;    // "#rrggbb"; made darker or lighter until text on it and in it can be read; empty: ours
};

struct SignedIn {
    std::string username;
    std::string display_name;
    bool admin = false;
    bool auditor = false;  // may read the audit log, and nothing else of administration
};

// Facts of the request, not of the page. Start from Pages::context_for and add csrf_token and who.
struct PageContext {
    std::string language = "en";
    std::string theme;  // "light", "dark", or empty: as the device says
    std::string csrf_token;
    std::string csp_nonce;
    Brand brand;                  // without a name: the one in PagesSettings
    std::optional<SignedIn> who;  // absent for a pending sign-in too
    std::string return_to;        // a path of ours to go to afterwards; see safe_return_to
    std::string request_path;
};

// Something to tell a person. `id` is a failure id ("mfa.totp_code_reused") or the name of a notice ("profile_saved");
// the catalogue has words for it. `text` is a reason a room wrote for the person, in English: shown to readers of
// English, and to others when the catalogue has no words for `id`. Never the log's detail.
struct Message {
    std::string id;
    std::string text;

    static Message of(Error const& error) { return {std::string{error.id()}, std::string{error.reason()}}; }
};

struct FieldError {
    std::string field;  // the input's name
    Message message;
};

// What was wrong with a form. Each field's message stands next to the field and in the summary at the top, which takes
// the focus.
struct FormErrors {
    std::optional<Message> summary;  // what belongs to no single field
    std::vector<FieldError> fields;

    bool empty() const { return !summary && fields.empty(); }
    static FormErrors of(Error const& error) { return {Message::of(error), {}}; }
    static FormErrors of(std::string field, Error const& error) {
        return {std::nullopt, {{std::move(field), Message::of(error)}}};
    }
};

// `text` when it is a path of this server ("/account?x=1"), else `otherwise`: never another host, a scheme, "//", a
// backslash or a control character.
std::string safe_return_to(std::string_view text, std::string_view otherwise = "/account");

}  // namespace zephyr::pages
