// Single values as text: what a duration, a size, a listener or an address range may look like, and how each is
// printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/config/settings.h"

namespace zephyr::config {

// "500ms", "30s", "10m", "12h", "30d"; a bare number is seconds. Nothing for anything else, or beyond 10,000 days.
std::optional<Duration> parse_duration(std::string_view text);
// In the largest unit that divides it.
std::string print_duration(Duration duration);

// "65536", "64KiB", "1MiB", "2GiB"; a bare number is bytes. Nothing for anything else, or beyond 2^50.
std::optional<std::int64_t> parse_size(std::string_view text);
std::string print_size(std::int64_t bytes);

// true/false, yes/no, on/off, 1/0 in any case.
std::optional<bool> parse_boolean(std::string_view text);

// HOST:PORT with an IP address or "localhost"; IPv6 in brackets.
std::optional<Endpoint> parse_endpoint(std::string_view text);

// What is made of a text: its one spelling, or what is wrong with it.
struct Checked {
    std::string value;
    std::string problem;  // empty: fine
};
using Check = Checked (*)(std::string_view);

Checked any_text(std::string_view text);
Checked visible_text(std::string_view text);  // not empty, at most 64 characters, none of them invisible
Checked issuer_name(std::string_view text);   // visible_text without ':', which otpauth labels use as their separator
Checked origin_or_empty(std::string_view text);
Checked cors_origin(std::string_view text);
Checked mfa_rule(std::string_view text);  // one line; what it says is read by signin::MfaRule
Checked forward_rule(std::string_view text);  // one line; what it says is read by forward::RuleBook
Checked witness_line(std::string_view text);  // "KEY URL"; the key is read by tlog::NoteKey
Checked address_range(std::string_view text);
Checked colour_or_empty(std::string_view text);
Checked host_or_empty(std::string_view text);
Checked sms_provider_or_empty(std::string_view text);
Checked email_provider_or_empty(std::string_view text);
Checked mail_address_or_empty(std::string_view text);
Checked smpp_password(std::string_view text);
Checked one_line(std::string_view text);  // no control characters: it goes into headers and other protocols
Checked country_prefix(std::string_view text);  // "+49": how numbers of E.164 begin; "!+1876": and how not
Checked ldap_uri_or_empty(std::string_view text);
Checked ldap_filter(std::string_view text);
Checked http_url_or_empty(std::string_view text);
Checked postgres_url_or_empty(std::string_view text);
Checked redis_url_or_empty(std::string_view text);

}  // namespace zephyr::config
