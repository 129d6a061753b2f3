#include "config/values.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "zephyr/encoding/unicode.h"
#include "zephyr/encoding/mail_address.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::config {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t worth;
};

constexpr std::array<Unit, 5> time_units{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 4> size_units{
    {{"GiB", std::int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<Unit const> units, std::int64_t bare,
                                            std::int64_t most) {
    auto const digits = std::min(text.find_first_not_of("0123456789"), text.size());
    auto const number = parse_integer(text.substr(0, digits));
    if (!number || *number < 0) return std::nullopt;
    std::int64_t worth = bare;
    if (auto const name = text.substr(digits); !name.empty()) {
        auto const unit = std::find_if(units.begin(), units.end(), [&](Unit const& u) { return u.name == name; });
        if (unit == units.end()) return std::nullopt;
        worth = unit->worth;
    }
    if (*number > most / worth) return std::nullopt;
    return *number * worth;
}

std::string print_with_unit(std::int64_t value, std::span<Unit const> units) {
    for (auto const& unit : units) {
        if (value % unit.worth == 0) return std::to_string(value / unit.worth) + std::string{unit.name};
    }
    return std::to_string(value);
}

Checked fine(std::string value) {
    return {std::move(value), {}};
}
Checked wrong(std::string problem) {
    return {{}, std::move(problem)};
}

bool has_controls(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_zero_beyond(std::span<unsigned char const> address, int prefix) {
    for (std::size_t bit = static_cast<std::size_t>(prefix); bit < address.size() * 8; ++bit) {
        if ((address[bit / 8] >> (7 - bit % 8)) & 1) return false;
    }
    return true;
}

Checked range_of(int family, std::string const& address, std::optional<std::string_view> prefix_text) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> printed{};
    if (inet_pton(family, address.c_str(), bytes.data()) != 1) return wrong("is not an address range");
    std::size_t const length = family == AF_INET ? 4 : 16;
    auto const prefix = prefix_text ? parse_integer(*prefix_text) : std::optional<std::int64_t>{length * 8};
    if (!prefix || *prefix < 0 || *prefix > static_cast<std::int64_t>(length) * 8)
        return wrong("has an impossible prefix length");
    if (*prefix == 0) return wrong("would trust every address there is");
    if (!is_zero_beyond(std::span{bytes}.first(length), static_cast<int>(*prefix)))
        return wrong("has bits set beyond its prefix length");
    inet_ntop(family, bytes.data(), printed.data(), printed.size());
    return fine(std::string{printed.data()} + '/' + std::to_string(*prefix));
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    auto const millis = parse_with_unit(text, time_units, 1000, std::int64_t{10'000} * 86'400'000);
    return millis ? std::optional{Duration{*millis}} : std::nullopt;
}

std::string print_duration(Duration duration) {
    if (duration.count() == 0) return "0s";
    return print_with_unit(duration.count(), time_units);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
    return parse_with_unit(text, size_units, 1, std::int64_t{1} << 50);
}

std::string print_size(std::int64_t bytes) {
    if (bytes == 0) return "0B";
    return print_with_unit(bytes, size_units);
}

std::optional<bool> parse_boolean(std::string_view text) {
    for (auto const word : {"true", "yes", "on", "1"}) {
        if (equals_ignoring_case(text, word)) return true;
    }
    for (auto const word : {"false", "no", "off", "0"}) {
        if (equals_ignoring_case(text, word)) return false;
    }
    return std::nullopt;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return std::nullopt;
    auto const port_text = text.substr(colon + 1);
    auto const port = parse_integer(port_text);
    if (!port || *port < 0 || *port > 65535 || (port_text.size() > 1 && port_text.front() == '0')) return std::nullopt;

    std::string host{text.substr(0, colon)};
    bool const bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> printed{};
    int const family = bracketed ? AF_INET6 : AF_INET;
    if (inet_pton(family, host.c_str(), bytes.data()) == 1) {
        inet_ntop(family, bytes.data(), printed.data(), printed.size());
        host = printed.data();
    } else if (bracketed || host != "localhost") {
        return std::nullopt;
    }
    return Endpoint{std::move(host), static_cast<std::uint16_t>(*port)};
}

Checked any_text(std::string_view text) {
    if (!encoding::is_valid_utf8(text)) return wrong("is not UTF-8");
    if (has_controls(text)) return wrong("holds control characters");
    return fine(std::string{text});
}

Checked visible_text(std::string_view text) {
    if (text.empty() || encoding::code_points(text) > 64) return wrong("must have 1 to 64 characters");
    if (encoding::has_hidden_characters(text)) return wrong("holds characters nobody can see");
    return fine(std::string{text});
}

Checked issuer_name(std::string_view text) {
    if (text.find(':') != std::string_view::npos) return wrong("may not hold ':'");
    return visible_text(text);
}

Checked origin_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    auto const origin = encoding::parse_origin(text);
    if (origin.ok()) return fine(origin.value().str());
    if (text.ends_with('/') && encoding::parse_origin(text.substr(0, text.size() - 1)).ok())
        return wrong("must not end with '/'");
    return wrong("is not an origin");
}

Checked cors_origin(std::string_view text) {
    if (text == "*") return wrong("would let every site read answers");
    if (text.empty() || text == "null") return wrong("is not an origin");
    return origin_or_empty(text);
}

Checked forward_rule(std::string_view text) {
    if (text.empty() || text.size() > 1024) return wrong("must have 1 to 1024 bytes");
    if (text.find("://") != std::string_view::npos) return wrong("begins with a host, not with a scheme");
    return any_text(text);
}

Checked country_prefix(std::string_view text) {
    auto const number = text.starts_with('!') ? text.substr(1) : text;
    // E.164: a country code begins with no zero. Seven digits tell a country and an area.
    bool const form = number.size() >= 2 && number.size() <= 8 && number[0] == '+' && number[1] != '0';
    if (!form || number.find_first_not_of("0123456789", 1) != std::string_view::npos) return wrong("is no beginning of a number");
    return any_text(text);
}

Checked mfa_rule(std::string_view text) {
    constexpr std::string_view grace = " grace:";
    if (text.size() > 256) return wrong("has more than 256 bytes");
    auto who = text;
    if (auto const at = text.rfind(grace); at != std::string_view::npos) {
        auto const length = text.substr(at + grace.size());
        auto const digits = length.find_first_not_of("0123456789");
        if (digits == 0 || digits == std::string_view::npos || digits + 1 != length.size() || digits > 4 ||
            std::string_view{"hdw"}.find(length.back()) == std::string_view::npos)
            return wrong("has a grace that is no number of h, d or w");
        who = text.substr(0, at);
    }
    bool const somebody = (who.starts_with("role:") && who.size() > 5) || (who.starts_with("group:") && who.size() > 6);
    if (who != "everyone" && !somebody) return wrong("names nobody");
    return any_text(text);
}

Checked witness_line(std::string_view text) {
    auto const blank = text.find(' ');
    if (text.size() > 1024 || blank == std::string_view::npos || blank == 0) return wrong("is not KEY URL");
    auto const url = text.substr(blank + 1);
    if (!url.starts_with("https://") && !url.starts_with("http://")) return wrong("has an address that is not http:// or https://");
    if (url.find_first_of(" ?#@") != std::string_view::npos) return wrong("has an address with more than scheme, host, port and path");
    return any_text(text);
}

Checked address_range(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return wrong("is not an address range");
    auto const slash = text.find('/');
    std::string const address{text.substr(0, slash)};
    auto const prefix = slash == std::string_view::npos ? std::nullopt : std::optional{text.substr(slash + 1)};
    return range_of(address.find(':') == std::string::npos ? AF_INET : AF_INET6, address, prefix);
}

Checked colour_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    bool const hex = text.size() == 7 && text.front() == '#' &&
                     text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string_view::npos;
    return hex ? fine(ascii_lower(text)) : wrong("is not a colour");
}

Checked host_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    auto const origin = encoding::parse_origin("https://" + std::string{text});
    if (!origin.ok() || origin.value().host != ascii_lower(text)) return wrong("is not a host name");
    return fine(origin.value().host);
}

Checked sms_provider_or_empty(std::string_view text) {
    if (text.empty() || text == "twilio" || text == "hook" || text == "smpp") return fine(std::string{text});
    return wrong("is no provider there is");
}

Checked email_provider_or_empty(std::string_view text) {
    if (text.empty() || text == "smtp" || text == "sendgrid") return fine(std::string{text});
    return wrong("is no provider there is");
}

Checked mail_address_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    auto const address = encoding::mail_address(text);
    return address ? fine(*address) : wrong("is not an e-mail address");
}

Checked one_line(std::string_view text) {
    bool const clean = std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return clean ? any_text(text) : wrong("has control characters");
}

// SMPP 3.4, 4.1.1: a field of 9 bytes, the last of them NUL.
Checked smpp_password(std::string_view text) {
    if (text.size() > 8) return wrong("has more than 8 characters");
    return one_line(text);
}

Checked ldap_uri_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    auto const scheme_end = text.find("://");
    auto const scheme = text.substr(0, std::min(scheme_end, text.size()));
    if (scheme_end == std::string_view::npos || (scheme != "ldap" && scheme != "ldaps"))
        return wrong("is not an LDAP address");
    if (!encoding::parse_origin("https" + std::string{text.substr(scheme_end)}).ok())
        return wrong("is not an LDAP address");
    return fine(std::string{text});
}

Checked ldap_filter(std::string_view text) {
    if (!text.starts_with('(') || !text.ends_with(')')) return wrong("must stand in parentheses");
    if (std::count(text.begin(), text.end(), '(') != std::count(text.begin(), text.end(), ')'))
        return wrong("has unbalanced parentheses");
    if (text.find("={username}") == std::string_view::npos) return wrong("must compare something with {username}");
    return any_text(text);
}

Checked http_url_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    auto const path = text.find('/', std::min(text.find("://"), text.size() - 1) + 3);
    if (!encoding::parse_origin(text.substr(0, path)).ok()) return wrong("is not an http or https URL");
    if (text.find_first_of(" ?#\\") != std::string_view::npos)
        return wrong("may have a path, but no query, fragment or blank");
    return any_text(text);
}

Checked postgres_url_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    if (!text.starts_with("postgresql://") && !text.starts_with("postgres://"))
        return wrong("must begin with postgresql://");
    if (text.find(' ') != std::string_view::npos) return wrong("may not hold blanks");
    return any_text(text);
}

// The client parses it again, part by part; here only what is surely wrong is said, and never quoted: it holds a password.
Checked redis_url_or_empty(std::string_view text) {
    if (text.empty()) return fine({});
    if (!text.starts_with("redis://") && !text.starts_with("rediss://")) return wrong("must begin with redis:// or rediss://");
    auto authority = text.substr(text.find("://") + 3);
    if (auto const at = authority.rfind('@'); at != std::string_view::npos) {
        auto const secret = authority.substr(0, at);
        if (secret.find(':') == std::string_view::npos || secret.ends_with(':')) return wrong("has a user without a password");
        if (!encoding::percent_decode(secret).ok()) return wrong("has a '%' that encodes nothing");
        authority.remove_prefix(at + 1);
    }
    if (auto const slash = authority.find('/'); slash != std::string_view::npos) {
        auto const number = authority.substr(slash + 1);
        auto const database = parse_integer(number);
        if (!number.empty() && (!database || *database < 0 || *database > 9999)) return wrong("has no database number behind the '/'");
        authority = authority.substr(0, slash);
    }
    if (!encoding::parse_origin("https://" + std::string{authority}).ok()) return wrong("does not name a host");
    return any_text(text);
}

}  // namespace zephyr::config
