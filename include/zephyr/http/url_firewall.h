// Refuses request targets and headers that two readers could read differently. The path it returns is the only one that
// routing and guarding ever see.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "zephyr/encoding/url.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"

namespace zephyr::http {

namespace errors {
// The path or query could be read in two ways, or is not origin-form.
inline constexpr Failure target_malformed{Kind::invalid, "http.target_malformed"};
// Answered with 414.
inline constexpr Failure target_too_long{Kind::invalid, "http.target_too_long"};
// A header's name or value has a character none may have, or Host is no host.
inline constexpr Failure header_malformed{Kind::invalid, "http.header_malformed"};
// A header that decides something stands twice.
inline constexpr Failure header_repeated{Kind::invalid, "http.header_repeated"};
}  // namespace errors

inline constexpr std::size_t max_target_bytes = 8192;
inline constexpr std::size_t max_path_bytes = 2048;

struct DecodedTarget {
    std::string path;  // decoded once, UTF-8, begins with '/', no dot segment, no empty one but perhaps the last
    encoding::FormFields query;  // decoded, in order
};

// Accepts origin-form only (RFC 9112 3.2.1). In the path it refuses, raw or encoded: backslash, ';' (path parameters),
// control and invisible characters, "//", "." and ".." segments, characters that Unicode folds into one of these or
// '/'; an encoded '/' or '%' (double encoding); bytes that are not UTF-8; raw characters outside RFC 3986 3.3.
// Anywhere: a fragment, raw non-ASCII, broken escapes, NUL, and more than the limits above. Fails with
// target_malformed, target_too_long or parse_form's failures.
Result<DecodedTarget> check_target(std::string_view target);

// Names are tokens, values hold no control character but tab, and the headers that decide something stand at most once:
// Host, Authorization, Cookie, Origin, Content-Type, Content-Length, Transfer-Encoding, Sec-Fetch-Site and the
// forwarding family. Content-Length and Transfer-Encoding exclude each other.
Result<void> check_headers(Headers const& headers);

// host or host:port as in RFC 9110 7.2: a name, an IPv4 address or a bracketed IPv6 address; no userinfo, no path.
bool is_valid_host(std::string_view host);

}  // namespace zephyr::http
