// Who is asking, as the headers that a proxy hands to the application behind it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/forward/errors.h"

namespace zephyr::forward {

struct Identity {
    std::string user;        // the username
    std::string name = {};   // as shown to others
    std::string email = {};  // empty: none
    std::vector<std::string> groups = {};
    std::vector<std::string> roles = {};  // effective
};

// Always all of them, in this order: a proxy that copies them overwrites whatever the client sent under these names.
inline constexpr std::array<std::string_view, 5> identity_headers{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups",
                                                                  "Remote-Roles"};
using IdentityHeaders = std::array<std::pair<std::string_view, std::string>, identity_headers.size()>;

// What they may hold together; proxies bound the head of an answer.
inline constexpr std::size_t max_identity_bytes = 8192;

// Visible ASCII and single blanks inside stay; every other byte of the UTF-8 text, '%' itself, and ',' in the parts of a
// list become %XX (RFC 3986 2.1). So two texts never look the same, and whoever decodes gets the text back. Lists are
// joined by ','. Fails with identity_too_large.
Result<IdentityHeaders> headers_of(Identity const& identity);
// For an open path: nobody.
IdentityHeaders headers_of_nobody();

}  // namespace zephyr::forward
