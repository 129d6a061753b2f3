#include "users/rows.h"

#include "zephyr/foundation/fault.h"

namespace zephyr::users {

User read_user(storage::Row const& row) {
    auto const state = parse_state(row.text(6));
    if (!state) throw Fault{"app_user holds an unknown state"};
    return {UserId::trusted(row.text(0)), row.text(1),          row.text(2),          row.optional_text(3),
            row.optional_text(4),         row.text(5),          *state,               row.optional_time(7),
            row.optional_time(8),         row.time(9),          row.time(10),         row.integer(11),
            row.optional_time(12)};
}

Group read_group(storage::Row const& row) {
    return {GroupId::trusted(row.text(0)), row.text(1), row.text(2), row.time(3), row.time(4), row.integer(5)};
}

// effective_state as a condition; the test of any_active compares the two.
std::string active_condition(UserService::Lasting lasting, std::string const& now) {
    std::string out = "(state = 'active' OR (state = 'locked' AND locked_until IS NOT NULL AND locked_until <= " + now + "))";
    if (lasting == UserService::Lasting::for_good) return out + " AND expires_at IS NULL";
    return out + " AND (expires_at IS NULL OR expires_at > " + now + ")";
}

std::string end_of_prefix(std::string_view prefix) {
    // Bytes of UTF-8 never reach 0xff, and a text column takes no broken UTF-8: the end is the prefix and the highest
    // code point behind it, often enough to lie behind any name.
    std::string out{prefix};
    for (int i = 0; i < 4; ++i) out += "\xf4\x8f\xbf\xbf";
    return out;
}

std::string behind(std::string_view after, std::string_view prefix) { return after < prefix ? ">=" : ">"; }

std::string placeholders(std::size_t first, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out += ", ";
        out += "$" + std::to_string(first + i);
    }
    return out;
}

}  // namespace zephyr::users
