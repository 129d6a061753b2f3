#include "zephyr/users/user.h"

#include <algorithm>
#include <array>

#include "zephyr/encoding/unicode.h"

namespace zephyr::users {

namespace {

constexpr std::size_t max_username_points = 64;
constexpr std::size_t max_display_points = 128;
constexpr std::size_t max_display_bytes = 512;
constexpr std::size_t max_local_bytes = 64;  // RFC 5321 4.5.3.1.1

constexpr std::array states{UserState::active, UserState::disabled, UserState::locked, UserState::expired, UserState::pending};

// As typed, but in one normal form and without the blanks at its ends.
std::optional<std::string> shown(std::string_view text) {
    auto const composed = encoding::nfc(text);
    if (!composed) return std::nullopt;
    return std::string{encoding::trim_blanks(*composed)};
}

// RFC 5322 3.2.3 atext, dots, and anything beyond ASCII (RFC 6531); no quoted strings.
bool is_local_part(std::string_view local) {
    if (local.empty() || local.size() > max_local_bytes || local.front() == '.' || local.back() == '.') return false;
    if (local.find("..") != local.npos) return false;
    return std::all_of(local.begin(), local.end(), [](char c) {
        bool const alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return alnum || static_cast<unsigned char>(c) >= 0x80 || std::string_view{".!#$%&'*+-/=?^_`{|}~"}.find(c) != std::string_view::npos;
    });
}

bool is_label(std::string_view label) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    return std::all_of(label.begin(), label.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || static_cast<unsigned char>(c) >= 0x80;
    });
}

bool is_domain(std::string_view domain) {
    while (true) {
        auto const dot = domain.find('.');
        if (!is_label(domain.substr(0, dot))) return false;
        if (dot == domain.npos) return true;
        domain.remove_prefix(dot + 1);
    }
}

}  // namespace

std::string_view state_name(UserState state) {
    switch (state) {
        case UserState::active: return "active";
        case UserState::disabled: return "disabled";
        case UserState::locked: return "locked";
        case UserState::expired: return "expired";
        case UserState::pending: return "pending";
    }
    return "disabled";
}

std::optional<UserState> parse_state(std::string_view name) {
    for (auto const state : states) {
        if (state_name(state) == name) return state;
    }
    return std::nullopt;
}

AccountLimits limits_of(User const& user) { return {user.state, user.expires_at, user.locked_until}; }

UserState effective_state(AccountLimits const& account, TimePoint now) {
    auto const state = account.state;
    if (state == UserState::disabled || state == UserState::pending || state == UserState::expired) return state;
    if (account.expires_at && now >= *account.expires_at) return UserState::expired;
    if (state == UserState::locked && (!account.locked_until || now < *account.locked_until)) return UserState::locked;
    return UserState::active;
}

UserState effective_state(User const& user, TimePoint now) { return effective_state(limits_of(user), now); }

Result<void> check_active(AccountLimits const& account, TimePoint now) {
    switch (effective_state(account, now)) {
        case UserState::active: return success();
        case UserState::disabled: return errors::disabled;
        case UserState::locked: return errors::locked;
        case UserState::expired: return errors::expired;
        case UserState::pending: return errors::pending;
    }
    return errors::disabled;
}

Result<void> check_active(User const& user, TimePoint now) { return check_active(limits_of(user), now); }

Result<Name> parse_username(std::string_view text) {
    auto canonical = encoding::canonical_name(text);
    auto typed = shown(text);
    if (!canonical || !typed) return errors::name_malformed;
    // An account named like another's id could be taken for it wherever both are accepted.
    if (is_uuid(*canonical)) return Error{errors::name_malformed}.with_reason("A username may not look like an id.");
    if (encoding::code_points(*canonical) > max_username_points && canonical->find('@') == canonical->npos) {
        return Error{errors::name_malformed}.with_reason("A username has at most 64 characters.");
    }
    return Name{std::move(*typed), std::move(*canonical)};
}

Result<Name> parse_email(std::string_view text) {
    auto canonical = encoding::canonical_name(text);
    auto typed = shown(text);
    if (!canonical || !typed) return errors::email_malformed;
    // The canonical form is judged: a full-width '＠' is an '@' too.
    auto const at = canonical->rfind('@');
    if (at == canonical->npos) return errors::email_malformed;
    std::string_view const whole{*canonical};
    if (!is_local_part(whole.substr(0, at)) || !is_domain(whole.substr(at + 1))) return errors::email_malformed;
    return Name{std::move(*typed), std::move(*canonical)};
}

Result<std::string> parse_display_name(std::string_view text) {
    auto name = shown(text);
    if (!name || name->size() > max_display_bytes || encoding::code_points(*name) > max_display_points ||
        encoding::has_hidden_characters(*name)) {
        return errors::display_name_malformed;
    }
    return std::move(*name);
}

}  // namespace zephyr::users
