// JSON Web Tokens (RFC 7519) by the best practice of RFC 8725.
//
// A VerifiedJwt is proof: only JwtVerifier makes one, by a JwtPolicy that can't leave out issuer, audience and type, of
// a token that can't leave out its expiry.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"
#include "zephyr/jose/jws.h"
#include "zephyr/jose/key_source.h"

namespace zephyr::jose {

namespace errors {
// The header's "typ" is missing or not the one of this use: a token of one kind is never taken for another.
inline constexpr Failure type_refused{Kind::unauthenticated, "jose.type_refused"};
inline constexpr Failure expired{Kind::unauthenticated, "jose.expired"};
// "nbf" lies ahead, or "iat" more than a minute.
inline constexpr Failure not_yet_valid{Kind::unauthenticated, "jose.not_yet_valid"};
inline constexpr Failure issuer_wrong{Kind::unauthenticated, "jose.issuer_wrong"};
inline constexpr Failure audience_wrong{Kind::unauthenticated, "jose.audience_wrong"};
// A claim that the policy or this library demands; the detail names it.
inline constexpr Failure claim_missing{Kind::unauthenticated, "jose.claim_missing"};
}  // namespace errors

// What a token must be. There is no way to leave issuer, audience or type open.
class JwtPolicy {
public:
    static constexpr std::chrono::seconds max_leeway{60};

    // `typ` such as "at+jwt" (RFC 9068) or "JWT"; "application/" in front and upper case count as the same (RFC 7515
    // 4.1.9). Throws Fault when one is empty.
    JwtPolicy(std::string issuer, std::string audience, std::string typ);

    // For "exp" and "nbf" with clocks that differ; 0 unless said otherwise. Throws Fault outside 0..60 s.
    JwtPolicy leeway(std::chrono::seconds leeway) &&;
    // Also demands this claim, as a string that is not empty ("sub", "jti", "sid").
    JwtPolicy demand(std::string claim) &&;
    JwtPolicy limits(JwsLimits limits) &&;

    std::string const& issuer() const { return issuer_; }
    std::string const& audience() const { return audience_; }
    std::string const& typ() const { return typ_; }
    std::chrono::seconds leeway() const { return leeway_; }
    std::vector<std::string> const& demanded() const { return demanded_; }
    JwsLimits limits() const { return limits_; }

private:
    std::string issuer_;
    std::string audience_;
    std::string typ_;  // in the form that is compared
    std::chrono::seconds leeway_{0};
    std::vector<std::string> demanded_;
    JwsLimits limits_;
};

// Neither algorithm nor key can be read here: nobody may decide by them.
class VerifiedJwt {
public:
    std::string const& issuer() const { return issuer_; }
    std::string const& subject() const { return subject_; }  // empty when absent and not demanded
    std::vector<std::string> const& audiences() const { return audiences_; }
    std::string const& id() const { return id_; }  // "jti"; empty when absent and not demanded
    TimePoint expires_at() const { return expires_at_; }
    std::optional<TimePoint> issued_at() const { return issued_at_; }
    encoding::Json const& claims() const { return claims_; }

private:
    friend class JwtVerifier;
    VerifiedJwt() = default;
    std::string issuer_;
    std::string subject_;
    std::vector<std::string> audiences_;
    std::string id_;
    TimePoint expires_at_{};
    std::optional<TimePoint> issued_at_;
    encoding::Json claims_;
};

class JwtVerifier {
public:
    // Keeps `keys` and `clock` by reference.
    JwtVerifier(KeySource& keys, JwtPolicy policy, Clock const& clock);

    // In this order: form, type, key, algorithm, signature, then the claims: issuer, audience, time, others. "exp", "nbf" and
    // "iat" are numbers of seconds, with or without a fraction, from 0 to the end of the year 9999 (RFC 7519 2).
    // Fails with an id of jose:: errors, all Kind::unauthenticated but keys_unavailable.
    Result<VerifiedJwt> verify(std::string_view token) const;
    JwtPolicy const& policy() const { return policy_; }

private:
    Result<VerifiedJwt> judge(encoding::Json claims) const;

    KeySource& keys_;
    JwtPolicy policy_;
    Clock const& clock_;
};

// `claims` as they stand: the caller puts "iss", "aud", "exp" and the rest.
std::string sign_jwt(SigningJwk const& key, std::string_view typ, encoding::Json const& claims);

// Whether two "typ" values name one media type (RFC 7515 4.1.9: "application/" may be left out when no other slash
// is in it; RFC 2045 5.1: matching is without regard to case).
bool same_type(std::string_view a, std::string_view b);

}  // namespace zephyr::jose
