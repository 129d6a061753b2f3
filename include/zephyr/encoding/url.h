// Percent-encoding (RFC 3986 2.1), form bodies (application/x-www-form-urlencoded) and web origins (RFC 6454 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/foundation/result.h"

namespace zephyr::encoding {

namespace errors {
inline constexpr Failure url_malformed_escape{Kind::invalid, "url.malformed_escape"};
inline constexpr Failure form_malformed{Kind::invalid, "form.malformed"};
inline constexpr Failure form_too_large{Kind::invalid, "form.too_large"};
inline constexpr Failure form_too_many_fields{Kind::invalid, "form.too_many_fields"};
inline constexpr Failure origin_malformed{Kind::invalid, "origin.malformed"};
}  // namespace errors

// Everything but the unreserved characters of RFC 3986 2.3 becomes %XX (upper case).
std::string percent_encode(std::string_view text);
// Once, never twice. Refuses a '%' without two hexadecimal digits. '+' stays '+'. The result may be any bytes.
Result<std::string> percent_decode(std::string_view text);

using FormFields = std::vector<std::pair<std::string, std::string>>;

struct FormLimits {
    std::size_t bytes = 64 * 1024;
    std::size_t fields = 100;
};

// Fields of a form body or a query, in order, repeated names kept. '+' is a blank. Names and values must decode to
// UTF-8 without NUL. Empty pieces ("a=1&&b=2") are skipped; a piece without '=' has an empty value.
Result<FormFields> parse_form(std::string_view text, FormLimits limits = {});
// The inverse, with %20 for a blank: fit for a query too.
std::string build_form(FormFields const& fields);

// Scheme, host and port of a web origin, in one spelling.
struct Origin {
    std::string scheme;  // "http" or "https"
    std::string host;    // lower case; an IPv6 address without brackets, in its shortest form (RFC 5952)
    std::uint16_t port = 0;

    // "https://example.com", "http://[::1]:8080": the default port is left out, as browsers do.
    std::string str() const;
    // localhost, *.localhost, 127.0.0.0/8 and ::1: never leaves the machine.
    bool is_loopback() const;
    bool operator==(Origin const&) const = default;
};

// Strict: http or https, an ASCII host name or IP address, perhaps a port, and nothing else: no user, path (not even
// "/"), query or fragment. "null" is refused.
Result<Origin> parse_origin(std::string_view text);

}  // namespace zephyr::encoding
