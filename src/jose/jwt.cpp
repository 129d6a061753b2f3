#include "zephyr/jose/jwt.h"

#include <algorithm>
#include <cmath>

#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::jose {

using encoding::Json;

namespace {

constexpr std::int64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z
// A token made later than now comes from a clock that is wrong or from somebody who makes tokens up.
constexpr std::chrono::seconds future_iat{60};
constexpr std::size_t max_audiences = 100;

Error malformed(std::string_view claim) { return {errors::malformed, "\"" + std::string{claim} + "\" has another form"}; }
Error missing(std::string_view claim) { return {errors::claim_missing, std::string{claim}}; }

enum class Rounding { down, up };

// RFC 7519 2, NumericDate: "a JSON numeric value representing the number of seconds from 1970-01-01T00:00:00Z UTC …
// non-integer values can be represented". Nothing when absent; malformed for what no calendar has.
Result<std::optional<TimePoint>> date_at(Json const& claims, std::string_view name, Rounding rounding) {
    auto const* const claim = claims.find(name);
    if (claim == nullptr) return std::optional<TimePoint>{};
    if (auto const whole = claim->integer()) {
        if (*whole < 0 || *whole > last_second) return malformed(name);
        return std::optional{from_millis(*whole * 1000)};
    }
    auto const number = claim->number();
    // Written so that NaN fails too.
    if (!number || !(*number >= 0 && *number <= static_cast<double>(last_second))) return malformed(name);
    auto const millis = *number * 1000;
    return std::optional{from_millis(static_cast<std::int64_t>(rounding == Rounding::down ? std::floor(millis) : std::ceil(millis)))};
}

// A string claim; empty when absent.
Result<std::string> text_at(Json const& claims, std::string_view name) {
    auto const* const claim = claims.find(name);
    if (claim == nullptr) return std::string{};
    if (claim->string() == nullptr) return malformed(name);
    return *claim->string();
}

// RFC 7519 4.1.3: "an array of case-sensitive strings … In the special case when the JWT has one audience, the "aud"
// value MAY be a single case-sensitive string".
Result<std::vector<std::string>> audiences_of(Json const& claims) {
    auto const* const claim = claims.find("aud");
    if (claim == nullptr) return missing("aud");
    if (claim->string() != nullptr) return std::vector{*claim->string()};
    if (claim->items() == nullptr || claim->items()->size() > max_audiences) return malformed("aud");
    std::vector<std::string> out;
    for (auto const& item : *claim->items()) {
        if (item.string() == nullptr) return malformed("aud");
        out.push_back(*item.string());
    }
    return out;
}

// What is compared of a media type: lower case, with "application/" put back when no slash is there.
std::string comparable_type(std::string_view type) {
    auto out = ascii_lower(type);
    if (out.find('/') == std::string::npos) out.insert(0, "application/");
    return out;
}

}  // namespace

bool same_type(std::string_view a, std::string_view b) { return comparable_type(a) == comparable_type(b); }

JwtPolicy::JwtPolicy(std::string issuer, std::string audience, std::string typ)
    : issuer_{std::move(issuer)}, audience_{std::move(audience)}, typ_{comparable_type(typ)} {
    if (issuer_.empty() || audience_.empty() || typ.empty()) throw Fault{"jose: a policy names issuer, audience and type"};
}

JwtPolicy JwtPolicy::leeway(std::chrono::seconds leeway) && {
    if (leeway < 0s || leeway > max_leeway) throw Fault{"jose: leeway is 0 to 60 seconds"};
    leeway_ = leeway;
    return std::move(*this);
}
JwtPolicy JwtPolicy::demand(std::string claim) && {
    demanded_.push_back(std::move(claim));
    return std::move(*this);
}
JwtPolicy JwtPolicy::limits(JwsLimits limits) && {
    limits_ = limits;
    return std::move(*this);
}

JwtVerifier::JwtVerifier(KeySource& keys, JwtPolicy policy, Clock const& clock) : keys_{keys}, policy_{std::move(policy)}, clock_{clock} {}

Result<VerifiedJwt> JwtVerifier::verify(std::string_view token) const {
    ZEPHYR_TRY(auto const jws, parse_compact(token, policy_.limits()));
    // RFC 8725 3.11: explicit typing; an absent "typ" is not the one asked for either.
    if (jws.typ.empty() || comparable_type(jws.typ) != policy_.typ()) return errors::type_refused;
    ZEPHYR_TRY(auto const key, keys_.find(jws.kid, jws.algorithm));
    if (key.algorithm() != jws.algorithm) return errors::algorithm_refused;
    ZEPHYR_CHECK(key.verify(as_bytes(jws.signing_input), jws.signature));
    auto claims = encoding::parse_json(as_text(jws.payload), {.bytes = policy_.limits().bytes, .depth = policy_.limits().depth});
    if (!claims.ok()) return Error{errors::malformed, std::string{claims.error().id()}};
    if (claims.value().members() == nullptr) return Error{errors::malformed, "the claims are no object"};
    return judge(std::move(claims).value());
}

Result<VerifiedJwt> JwtVerifier::judge(Json claims) const {
    VerifiedJwt jwt;
    ZEPHYR_TRY(jwt.issuer_, text_at(claims, "iss"));
    if (jwt.issuer_.empty()) return missing("iss");
    if (jwt.issuer_ != policy_.issuer()) return errors::issuer_wrong;
    ZEPHYR_TRY(jwt.audiences_, audiences_of(claims));
    if (std::find(jwt.audiences_.begin(), jwt.audiences_.end(), policy_.audience()) == jwt.audiences_.end()) return errors::audience_wrong;

    auto const now = clock_.now();
    ZEPHYR_TRY(auto const expires, date_at(claims, "exp", Rounding::down));
    ZEPHYR_TRY(auto const not_before, date_at(claims, "nbf", Rounding::up));
    ZEPHYR_TRY(jwt.issued_at_, date_at(claims, "iat", Rounding::down));
    if (!expires) return missing("exp");
    jwt.expires_at_ = *expires;
    if (jwt.issued_at_ && *jwt.issued_at_ > *expires) return Error{errors::malformed, "made after it expires"};
    // RFC 7519 4.1.4: "the expiration time on or after which the JWT MUST NOT be accepted for processing".
    if (now >= *expires + policy_.leeway()) return errors::expired;
    if (not_before && now + policy_.leeway() < *not_before) return errors::not_yet_valid;
    if (jwt.issued_at_ && now + future_iat < *jwt.issued_at_) return errors::not_yet_valid;

    ZEPHYR_TRY(jwt.subject_, text_at(claims, "sub"));
    ZEPHYR_TRY(jwt.id_, text_at(claims, "jti"));
    for (auto const& name : policy_.demanded())
        if (claims.string_at(name).value_or("").empty()) return missing(name);
    jwt.claims_ = std::move(claims);
    return jwt;
}

std::string sign_jwt(SigningJwk const& key, std::string_view typ, Json const& claims) { return sign_compact(key, typ, claims.dump()); }

}  // namespace zephyr::jose
