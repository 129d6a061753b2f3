#include "zephyr/http/challenge.h"

#include <algorithm>
#include <vector>

#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http {

namespace {

// RFC 6750 3: 'Values for the "error" and "error_description" attributes ... MUST NOT include characters outside the
// set %x20-21 / %x23-5B / %x5D-7E.' We hold every attribute to it, so none needs quoting inside.
std::string attribute(std::string_view name, std::string_view value) {
    bool const clean =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; });
    if (!clean) throw Fault{"challenge attribute " + std::string{name} + " holds a character RFC 6750 does not allow"};
    return std::string{name} + "=\"" + std::string{value} + "\"";
}

}  // namespace

std::string BearerChallenge::header() const {
    std::vector<std::string> parts;
    auto const add = [&](std::string_view name, std::string const& value) {
        if (!value.empty()) parts.push_back(attribute(name, value));
    };
    add("realm", realm);
    add("error", error);
    add("error_description", error_description);
    add("scope", scope);
    add("acr_values", acr_values);
    // RFC 9470 3: the seconds that may have passed since the last active authentication; a non-negative integer, token
    // or quoted-string. Its examples quote it.
    if (max_age) {
        if (max_age->count() < 0) throw Fault{"challenge attribute max_age is negative"};
        parts.push_back(attribute("max_age", std::to_string(max_age->count())));
    }
    return parts.empty() ? "Bearer" : "Bearer " + join(parts, ", ");
}

std::string step_up_challenge(std::string_view acr_values, std::optional<std::chrono::seconds> max_age) {
    BearerChallenge challenge;
    challenge.error = "insufficient_user_authentication";
    challenge.error_description = "A different authentication level is required";
    challenge.acr_values = acr_values;
    challenge.max_age = max_age;
    return challenge.header();
}

}  // namespace zephyr::http
