// A person's account: the values, and the rules that need no table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/result.h"

namespace zephyr::users {

namespace errors {
inline constexpr Failure not_found{Kind::not_found, "users.not_found"};
// Taken by another account, in whatever spelling. Says so to operators and admins only: sign-up answers otherwise.
inline constexpr Failure name_taken{Kind::conflict, "users.name_taken"};
inline constexpr Failure email_taken{Kind::conflict, "users.email_taken"};
inline constexpr Failure name_malformed{Kind::invalid, "users.name_malformed"};
inline constexpr Failure email_malformed{Kind::invalid, "users.email_malformed"};
// The username is this address. Nobody has checked the new one, so an administrator changes both.
inline constexpr Failure email_is_username{Kind::denied, "users.email_is_username"};
// What was proved is no longer the account's address.
inline constexpr Failure email_changed{Kind::conflict, "users.email_changed"};
inline constexpr Failure display_name_malformed{Kind::invalid, "users.display_name_malformed"};
inline constexpr Failure cursor_malformed{Kind::invalid, "users.cursor_malformed"};
// Somebody else changed the account first; read it again.
inline constexpr Failure version_changed{Kind::conflict, "users.version_changed"};
inline constexpr Failure disabled{Kind::denied, "users.disabled"};
inline constexpr Failure locked{Kind::denied, "users.locked"};
inline constexpr Failure expired{Kind::denied, "users.expired"};
inline constexpr Failure pending{Kind::denied, "users.pending"};
}  // namespace errors

enum class UserState { active, disabled, locked, expired, pending };
std::string_view state_name(UserState state);
std::optional<UserState> parse_state(std::string_view name);

struct User {
    UserId id;
    std::string username;            // as typed, NFC, for display
    std::string canonical_username;  // what every lookup uses
    std::optional<std::string> email;
    std::optional<std::string> canonical_email;
    std::string display_name;
    UserState state = UserState::active;  // as stored: ask effective_state
    std::optional<TimePoint> expires_at;
    std::optional<TimePoint> locked_until;  // absent while locked: until somebody unlocks
    TimePoint created_at;
    TimePoint updated_at;
    std::int64_t version = 1;
    std::optional<TimePoint> email_verified_at = std::nullopt;  // a link sent there came back; no longer once the address changes

    bool email_verified() const { return email.has_value() && email_verified_at.has_value(); }
};

// The part of an account that says whether it may be used: all that effective_state looks at.
struct AccountLimits {
    UserState state = UserState::active;
    std::optional<TimePoint> expires_at = std::nullopt;
    std::optional<TimePoint> locked_until = std::nullopt;
    bool operator==(AccountLimits const&) const = default;
};
AccountLimits limits_of(User const& user);

// The stored state seen with the clock: a lock that ran out is active, an account past expires_at is expired.
// disabled and pending stay what they are.
UserState effective_state(AccountLimits const& account, TimePoint now);
UserState effective_state(User const& user, TimePoint now);
// Success for an active account, else errors::disabled, locked, expired or pending.
Result<void> check_active(AccountLimits const& account, TimePoint now);
Result<void> check_active(User const& user, TimePoint now);

// A name in the two forms it is kept in.
struct Name {
    std::string shown;
    std::string canonical;
};
// 1 to 64 code points, no blanks or control characters; not shaped like an id. `@` is allowed here and judged with
// the e-mail. Fails with name_malformed.
Result<Name> parse_username(std::string_view text);
// local@domain, at most 254 bytes, no quotes, brackets, commas or comments. Fails with email_malformed.
Result<Name> parse_email(std::string_view text);
// At most 128 code points and 512 bytes, no control characters; trimmed. Fails with display_name_malformed.
Result<std::string> parse_display_name(std::string_view text);

}  // namespace zephyr::users
