// One-time passwords as arithmetic: RFC 4226 (HOTP) and RFC 6238 (TOTP). Pure functions, no clock, no store.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"

namespace zephyr::mfa {

enum class TotpAlgorithm { sha1, sha256, sha512 };

// "SHA1", "SHA256", "SHA512": the spelling of otpauth URIs and of the table.
std::string_view to_string(TotpAlgorithm algorithm);
std::optional<TotpAlgorithm> parse_totp_algorithm(std::string_view text);

// RFC 6238 4.2: the number of whole periods since 1970. Negative times belong to step -1 and below.
std::int64_t totp_step(TimePoint time, std::chrono::seconds period);

// The code for one step (RFC 4226 5.3 with HMAC-SHA-1, or SHA-256/SHA-512 as RFC 6238 1.2 allows): `digits` decimal
// digits, 6 to 8, leading zeros kept.
std::string totp_code(ByteView secret, std::int64_t step, int digits, TotpAlgorithm algorithm);

// A code as a person may have typed or pasted it, as exactly `digits` ASCII digits: blanks of every width and hyphens
// are dropped, decimal digits of every script become ASCII. Nothing for anything else.
std::optional<std::string> normalise_code(std::string_view typed, int digits);

// The URI an authenticator app reads from the QR code; issuer and account percent-encoded.
struct OtpauthParts {
    std::string_view issuer;
    std::string_view account;
    std::string_view secret_base32;
    TotpAlgorithm algorithm = TotpAlgorithm::sha1;
    int digits = 6;
    std::chrono::seconds period{30};
};
std::string otpauth_uri(OtpauthParts const& parts);

}  // namespace zephyr::mfa
