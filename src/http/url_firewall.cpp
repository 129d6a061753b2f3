#include "zephyr/http/url_firewall.h"

#include <algorithm>
#include <array>

#include "http/characters.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/trusted_proxies.h"

namespace zephyr::http {

namespace {

// Headers that decide something. Two of one would let two readers believe different ones; obs-fold and lists are no
// excuse, since none of these is a list that several lines may carry (RFC 9110 5.3), but X-Forwarded-For and Forwarded,
// which our proxies join.
constexpr std::array<std::string_view, 18> once{"Host",
                                                "Authorization",
                                                "Cookie",
                                                "Origin",
                                                "Referer",
                                                "Content-Type",
                                                "Content-Length",
                                                "Transfer-Encoding",
                                                "Content-Encoding",
                                                "Sec-Fetch-Site",
                                                "Sec-Fetch-Mode",
                                                "X-CSRF-Token",
                                                "Forwarded",
                                                "X-Forwarded-For",
                                                "X-Forwarded-Host",
                                                "X-Forwarded-Proto",
                                                "X-Forwarded-Port",
                                                "X-Real-IP"};

// Characters that Unicode's compatibility folding (NFKC) turns into, or into something with, '.', '/', '\', '%' or ';'.
// Whoever folds a path behind us must not find a segment that we did not see.
constexpr std::array<std::string_view, 21> lookalikes{
    "\u2024", "\u2025", "\u2026", "\uff0e", "\ufe52", "\ufe19",                      // dots
    "\uff0f", "\u2100", "\u2101", "\u2105", "\u2106", "\u2215", "\u2044", "\u29f8",  // solidus and relatives
    "\uff3c", "\ufe68", "\u29f5", "\uff05", "\ufe6a", "\uff1b", "\ufe54"};           // backslash, percent, semicolon
constexpr std::string_view greek_question_mark = "\u037e";                           // NFC turns it into ';'

// RFC 3986 3.3: pchar = unreserved / pct-encoded / sub-delims / ":" / "@"; ';' is a sub-delim that some servers cut a
// path at.
constexpr detail::CharacterSet is_raw_path_char{"-._~!$&'()*+,=:@%/"};

// Wider than RFC 3986 3.4, as browsers are: every visible ASCII character but '#' and '\'.
bool is_raw_query_char(char c) {
    return c > 0x20 && c < 0x7f && c != '#' && c != '\\';
}

bool has_lookalike(std::string_view path) {
    return path.find(greek_question_mark) != std::string_view::npos ||
           std::any_of(lookalikes.begin(), lookalikes.end(),
                       [&](auto text) { return path.find(text) != std::string_view::npos; });
}

// Looks at the segments of the decoded path, which must be those of the raw one: an encoded '/' was refused before.
bool has_bad_segment(std::string_view path) {
    for (;;) {
        path.remove_prefix(1);
        auto const end = path.find('/');
        auto const segment = path.substr(0, end);
        if (segment == "." || segment == "..") return true;
        if (end == std::string_view::npos) return false;  // only the last one may be empty
        if (segment.empty()) return true;
        path.remove_prefix(end);
    }
}

Error malformed(std::string_view why) {
    return Error{errors::target_malformed, std::string{why}};
}

Result<std::string> check_path(std::string_view raw) {
    if (!raw.starts_with('/')) return malformed("not origin-form");
    if (raw.size() > max_path_bytes) return errors::target_too_long;
    if (!std::all_of(raw.begin(), raw.end(), is_raw_path_char)) return malformed("a character no path has");
    // Without escapes it is its own decoded form, of visible ASCII and without anything that is refused below but a bad segment.
    if (raw.find('%') == std::string_view::npos) {
        if (has_bad_segment(raw)) return malformed("an empty or dot segment");
        return std::string{raw};
    }
    auto const slashes = std::count(raw.begin(), raw.end(), '/');
    auto decoded = encoding::percent_decode(raw);
    if (!decoded.ok()) return malformed("a broken escape");
    auto path = std::move(decoded).value();
    if (std::count(path.begin(), path.end(), '/') != slashes) return malformed("an encoded slash");
    if (path.find_first_of("\\;%") != std::string::npos)
        return malformed("an encoded backslash, semicolon or percent sign");
    if (!encoding::is_valid_utf8(path)) return malformed("not UTF-8");
    if (encoding::has_hidden_characters(path)) return malformed("a control or invisible character");
    if (has_lookalike(path)) return malformed("a lookalike of a separator");
    if (has_bad_segment(path)) return malformed("an empty or dot segment");
    return path;
}

}  // namespace

Result<DecodedTarget> check_target(std::string_view target) {
    if (target.size() > max_target_bytes) return errors::target_too_long;
    auto const mark = target.find('?');
    ZEPHYR_TRY(auto path, check_path(target.substr(0, mark)));
    DecodedTarget out{std::move(path), {}};
    if (mark == std::string_view::npos) return out;
    auto const query = target.substr(mark + 1);
    if (!std::all_of(query.begin(), query.end(), is_raw_query_char)) return malformed("a character no query has");
    ZEPHYR_TRY(out.query, encoding::parse_form(query));
    return out;
}

Result<void> check_headers(Headers const& headers) {
    for (auto const& [name, value] : headers.views()) {
        if (!detail::is_token(name) || !detail::is_field_value(value))
            return Error{errors::header_malformed, "name or value"};
    }
    for (auto const name : once) {
        if (headers.count(name) > 1) return Error{errors::header_repeated, std::string{name}};
    }
    // RFC 9112 6.1: a message with both ought to be handled as an error. Our porch does so earlier, other servers may not.
    if (headers.count("Content-Length") > 0 && headers.count("Transfer-Encoding") > 0)
        return Error{errors::header_repeated, "Content-Length beside Transfer-Encoding"};
    if (auto const host = headers.get("Host"); host && !is_valid_host(*host))
        return Error{errors::header_malformed, "Host"};
    return success();
}

bool is_valid_host(std::string_view host) {
    if (host.empty() || host.size() > 255) return false;
    auto name = host;
    auto const colon = host.rfind(':');
    auto const bracket = host.rfind(']');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        auto const port = parse_integer(host.substr(colon + 1));
        bool const digits = std::all_of(host.begin() + static_cast<std::ptrdiff_t>(colon) + 1, host.end(),
                                        [](char c) { return c >= '0' && c <= '9'; });
        if (!digits || !port || *port < 1 || *port > 65535) return false;
        name = host.substr(0, colon);
    }
    if (name.starts_with('[')) {
        if (!name.ends_with(']')) return false;
        auto const inside = name.substr(1, name.size() - 2);
        return inside.find(':') != std::string_view::npos && IpAddress::parse(inside).has_value();
    }
    // A name or an IPv4 address. Empty labels, but for one trailing dot, are refused.
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty()) return false;
    static constexpr detail::CharacterSet is_label_char{"-_"};
    std::size_t label = 0;
    for (char const c : name) {
        if (c != '.' && !is_label_char(c)) return false;
        if (c == '.' && label == 0) return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return false;
    }
    return label > 0;
}

}  // namespace zephyr::http
