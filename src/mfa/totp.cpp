#include "zephyr/mfa/totp.h"

#include <array>

#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::mfa {

namespace {

constexpr std::size_t longest_typed_bytes = 64;

// What people and apps put between digits, in UTF-8: ASCII blanks and hyphen, no-break, thin, figure and ideographic
// spaces, the other hyphens.
constexpr std::array<std::string_view, 24> separators = {" ",      "\t",     "\n",     "\v",     "\f",     "\r",
                                                         "-",      "\u00A0", "\u2000", "\u2001", "\u2002", "\u2003",
                                                         "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
                                                         "\u200A", "\u202F", "\u205F", "\u3000", "\u2010", "\u2011"};

std::size_t separator_at(std::string_view text) {
    for (auto const separator : separators) {
        if (text.starts_with(separator)) return separator.size();
    }
    return 0;
}

Bytes hmac(TotpAlgorithm algorithm, ByteView key, ByteView message) {
    switch (algorithm) {
        case TotpAlgorithm::sha256: return crypto::hmac_sha256(key, message);
        case TotpAlgorithm::sha512: return crypto::hmac_sha512(key, message);
        case TotpAlgorithm::sha1: break;
    }
    return crypto::hmac_sha1(key, message);
}

}  // namespace

std::string_view to_string(TotpAlgorithm algorithm) {
    switch (algorithm) {
        case TotpAlgorithm::sha256: return "SHA256";
        case TotpAlgorithm::sha512: return "SHA512";
        case TotpAlgorithm::sha1: break;
    }
    return "SHA1";
}

std::optional<TotpAlgorithm> parse_totp_algorithm(std::string_view text) {
    for (auto const algorithm : {TotpAlgorithm::sha1, TotpAlgorithm::sha256, TotpAlgorithm::sha512}) {
        if (text == to_string(algorithm)) return algorithm;
    }
    return std::nullopt;
}

//= https://www.rfc-editor.org/rfc/rfc6238#section-4.2
// # T = (Current Unix time - T0) / X, where the default floor function is used in the computation.
std::int64_t totp_step(TimePoint time, std::chrono::seconds period) {
    auto const seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    auto const quotient = seconds / period.count();
    return seconds % period.count() < 0 ? quotient - 1 : quotient;
}

std::string totp_code(ByteView secret, std::int64_t step, int digits, TotpAlgorithm algorithm) {
    if (digits < 6 || digits > 8) throw Fault{"a one-time code has 6 to 8 digits"};
    Bytes counter;
    for (int shift = 56; shift >= 0; shift -= 8)
        counter.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(step) >> shift));
    auto const digest = hmac(algorithm, secret, counter);

    // RFC 4226 5.3: the low four bits of the last byte say where the 31 bits are taken from.
    auto const offset = std::to_integer<std::size_t>(digest.back() & std::byte{0x0F});
    std::uint32_t binary = 0;
    for (std::size_t i = 0; i < 4; ++i) binary = binary << 8 | std::to_integer<std::uint32_t>(digest[offset + i]);
    binary &= 0x7FFFFFFFu;

    std::string code(static_cast<std::size_t>(digits), '0');
    for (auto digit = code.rbegin(); digit != code.rend(); ++digit, binary /= 10)
        *digit = static_cast<char>('0' + binary % 10);
    return code;
}

std::optional<std::string> normalise_code(std::string_view typed, int digits) {
    if (typed.size() > longest_typed_bytes) return std::nullopt;
    auto const ascii = encoding::ascii_digits(typed);
    if (!ascii) return std::nullopt;
    std::string out;
    for (std::string_view rest = *ascii; !rest.empty();) {
        if (auto const blank = separator_at(rest); blank != 0) {
            rest.remove_prefix(blank);
            continue;
        }
        if (rest.front() < '0' || rest.front() > '9') return std::nullopt;
        out += rest.front();
        rest.remove_prefix(1);
    }
    if (out.size() != static_cast<std::size_t>(digits)) return std::nullopt;
    return out;
}

std::string otpauth_uri(OtpauthParts const& parts) {
    auto const issuer = encoding::percent_encode(parts.issuer);
    return "otpauth://totp/" + issuer + ":" + encoding::percent_encode(parts.account) +
           "?secret=" + std::string{parts.secret_base32} + "&issuer=" + issuer +
           "&algorithm=" + std::string{to_string(parts.algorithm)} + "&digits=" + std::to_string(parts.digits) +
           "&period=" + std::to_string(parts.period.count());
}

}  // namespace zephyr::mfa
