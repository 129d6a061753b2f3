#include "zephyr/rbac/role.h"

#include <algorithm>

namespace zephyr::rbac {

namespace {

constexpr std::size_t max_permission_bytes = 128;

bool is_small(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_small(c) || c == '_' || c == '-'; });
}

}  // namespace

bool is_role_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || !is_small(name.front())) return false;
    return std::all_of(name.begin(), name.end(), [](char c) { return is_small(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_permission(std::string_view text) {
    if (text.size() > max_permission_bytes) return false;
    for (;;) {
        auto const dot = text.find('.');
        if (!is_word(text.substr(0, dot))) return false;
        if (dot == text.npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_permission_pattern(std::string_view text) {
    if (text == "*") return true;
    if (text.size() > max_permission_bytes) return false;
    if (text.ends_with(".*")) text.remove_suffix(2);
    return is_permission(text);
}

bool covers(std::string_view held, std::string_view wanted) {
    if (held == "*" || held == wanted) return true;
    if (!held.ends_with(".*")) return false;
    // With its dot, so that "users.*" reaches neither "users" nor "users2.read".
    auto const stem = held.substr(0, held.size() - 1);
    return wanted.size() > stem.size() && wanted.starts_with(stem);
}

bool EffectiveRoles::has_role(std::string_view role) const {
    return std::binary_search(roles.begin(), roles.end(), role, std::less<>{});
}

namespace {

// Every pattern that could cover the text is one of its own stems: a lookup for each dot, however many are held.
bool any_covers(std::vector<std::string> const& held, std::string_view wanted) {
    auto const holds = [&](std::string_view pattern) {
        return std::binary_search(held.begin(), held.end(), pattern, std::less<>{});
    };
    if (holds("*") || holds(wanted)) return true;
    for (auto dot = wanted.find('.'); dot != wanted.npos; dot = wanted.find('.', dot + 1)) {
        std::string const stem = std::string{wanted.substr(0, dot)} + ".*";
        if (stem != wanted && holds(stem)) return true;
    }
    return false;
}

}  // namespace

bool EffectiveRoles::allows(std::string_view permission) const {
    return is_permission(permission) && any_covers(permissions, permission);
}

bool EffectiveRoles::holds(EffectiveRoles const& other) const {
    if (any_covers(permissions, "*")) return true;
    return std::all_of(other.roles.begin(), other.roles.end(), [&](std::string const& role) { return has_role(role); }) &&
           std::all_of(other.permissions.begin(), other.permissions.end(),
                       [&](std::string const& pattern) { return any_covers(permissions, pattern); });
}

}  // namespace zephyr::rbac
