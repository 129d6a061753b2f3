#include "zephyr/encoding/mail_address.h"

#include <algorithm>

#include "zephyr/encoding/idna.h"

namespace zephyr::encoding {

namespace {

// RFC 5322 3.2.3, atext.
bool is_atom_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view{"!#$%&'*+/=?^_`{|}~-"}.find(c) != std::string_view::npos;
}

bool is_dot_atom(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atom_character(c); });
}

bool is_ascii_domain(std::string_view text) {
    return text.size() <= 253 && is_dot_atom(text) && std::all_of(text.begin(), text.end(), [](char c) {
        return c == '.' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    });
}

}  // namespace

std::optional<std::string> mail_address(std::string_view text) {
    auto const at = text.rfind('@');
    if (at == std::string_view::npos || at > 64 || !is_dot_atom(text.substr(0, at))) return std::nullopt;
    auto const domain = ascii_domain(text.substr(at + 1));
    if (!domain || !is_ascii_domain(*domain)) return std::nullopt;
    return std::string{text.substr(0, at)} + "@" + *domain;
}

}  // namespace zephyr::encoding
