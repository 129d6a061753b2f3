// The Cookie request header. Set-Cookie is http::Cookie in response.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zephyr::http {

// Name and value pairs in order; a pair without '=', with an empty name or with a character outside RFC 6265 4.1.1 is
// skipped: other software on our host may set such cookies, and they are none of our business. At most 100.
std::vector<std::pair<std::string, std::string>> parse_cookies(std::string_view header);
// The value of the only cookie of that name. Nothing when it is absent or stands twice: a repeated name means that
// someone else planted one (RFC 6265bis 8.6), and we cannot tell which is ours.
std::optional<std::string> cookie_from(std::string_view header, std::string_view name);

}  // namespace zephyr::http
