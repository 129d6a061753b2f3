// What happened, as data. Every code stands once in the table of src/audit/codes.cpp; docs and tests come from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::audit {

enum class Outcome { success, failure, denied };

// Who did it. `ref` is an id, never a name: names are personal data.
struct Actor {
    enum class Type { user, operator_cli, system, anonymous };
    Type type = Type::anonymous;
    std::string ref;

    static Actor user(UserId const& id) { return {Type::user, id.str()}; }
    static Actor operator_cli() { return {Type::operator_cli, {}}; }
    static Actor system() { return {Type::system, {}}; }
    static Actor anonymous() { return {}; }
};

// Where a request came from. Personal data: stored sealed, erased with the person.
struct Origin {
    std::string address = {};     // of the client, after the trusted proxies
    std::string user_agent = {};  // cut to 256 bytes
    std::string request_id = {};
    std::string session_ref = {};
};

struct Event {
    std::string_view code;  // from codes.h, such as "ZAUTH01I"
    Actor actor = {};
    std::optional<UserId> subject = std::nullopt;  // whose account it concerns
    Outcome outcome = Outcome::success;
    std::string reason = {};  // a Failure id or another stable word
    Origin origin = {};
    // Field and value, never a secret and never personal data: "role"="admin", "factor"="totp".
    std::vector<std::pair<std::string, std::string>> details = {};
    // Personal details, stored sealed: the name that was typed, the e-mail it was changed to.
    std::vector<std::pair<std::string, std::string>> personal = {};
};

}  // namespace zephyr::audit
