#include "tokens/access_token.h"

#include <algorithm>

#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr::tokens {

using encoding::Json;

namespace {

std::int64_t seconds_of(TimePoint time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }

// The last time the person themselves took part.
TimePoint authenticated_at(sessions::Session const& session) {
    auto at = session.created_at;
    for (auto const& factor : session.factors) at = std::max(at, factor.at);
    return at;
}

//= https://www.rfc-editor.org/rfc/rfc8176#section-2
// # mfa  Multiple-factor authentication … When this is present, specific authentication methods used may also be included.
std::vector<std::string> amr_of(sessions::Session const& session) {
    std::vector<std::string> amr;
    auto const add = [&](std::string_view value) {
        if (std::find(amr.begin(), amr.end(), value) == amr.end()) amr.emplace_back(value);
    };
    // A backup code is a one-time password of another make; RFC 8176 has no name of its own for it.
    for (auto const& factor : session.factors) add(factor.name == "backup" ? "otp" : factor.name);
    if (session.factors.size() > 1 && reaches_aal2(session)) add("mfa");
    return amr;
}

}  // namespace

std::string pending_audience(TokenSettings const& settings) { return settings.issuer + "/auth/mfa"; }

std::string generation_of(ByteView session_hash) {
    auto hash = crypto::sha256(session_hash);
    hash.resize(12);
    return encoding::base64url_encode(hash);
}

TimePoint access_end(sessions::Session const& session, TokenSettings const& settings, TimePoint now) {
    return std::chrono::floor<std::chrono::seconds>(std::min(now + settings.access_lifetime, session.expires_at));
}

// RFC 9068 2.2, without client_id: we register no clients yet.
Json claims_of(sessions::Session const& session, ByteView session_hash, TokenSettings const& settings, TimePoint now, Random& random) {
    auto const amr = amr_of(session);
    bool const pending = !session.pending.empty();
    auto claims = Json::object({{"iss", settings.issuer},
                                {"aud", pending ? pending_audience(settings) : settings.audience},
                                {"sub", session.user.str()},
                                {"sid", session.ref.str()},
                                {"jti", encoding::base64url_encode(random.bytes(16))},
                                {"iat", seconds_of(now)},
                                {"exp", seconds_of(access_end(session, settings, now))},
                                {"auth_time", seconds_of(authenticated_at(session))},
                                {"acr", reaches_aal2(session) ? "aal2" : "aal1"},
                                {"amr", Json::strings(amr)},
                                {"gen", generation_of(session_hash)}});
    if (pending) claims.set("pending", session.pending);
    return claims;
}

}  // namespace zephyr::tokens
