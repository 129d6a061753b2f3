// Tokens for clients that keep no cookies: a short access token (a JWT, RFC 9068) and a long, opaque refresh token, both standing for one
// session. Whatever ends the session ends them.
//
// A refresh token is 512 bits that only we can make: which family it is of, 256 random bits, and a tag. The table keeps hashes. Using one
// gives its successor; using it again within `refresh_grace` gives the very same successor, because an answer may be lost on its way; using
// it later means that two parties hold it, and ends the session (RFC 9700 4.14.2: refresh token rotation).
//
// Owns: table refresh_token. Emits: tokens.reuse_detected.
// Not here: signing in and account state (signin::BearerService joins them), the keys (signing_keys.h), HTTP (routes, guards).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/jose/jwt.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/storage/database.h"
#include "zephyr/tokens/signing_keys.h"

namespace zephyr::tokens {

namespace errors {
// No access token of ours, or of a session that ended or was rotated. One answer for all; the detail tells which.
inline constexpr Failure access_refused{Kind::unauthenticated, "tokens.access_refused"};
// It was one; refresh and try again.
inline constexpr Failure access_expired{Kind::unauthenticated, "tokens.access_expired"};
// Never was a refresh token, was used before, or its session or account is gone. One answer for all.
inline constexpr Failure refresh_refused{Kind::unauthenticated, "tokens.refresh_refused"};
}  // namespace errors

struct TokenSettings {
    std::string issuer;    // server.public_url
    std::string audience;  // whom access tokens are for
    std::chrono::seconds access_lifetime = 5min;
    std::chrono::seconds refresh_grace = 20s;  // 10 to 30 s; Fault outside
};

struct IssuedTokens {
    SecretText access_token;
    SecretText refresh_token;
    std::chrono::seconds expires_in{0};  // of the access token
    sessions::Session session;
};

// An access token that check() found good. Says nothing about the session's life: find() does.
class AccessToken {
public:
    UserId const& user() const { return user_; }
    SessionRef const& session() const { return session_; }
    std::string const& pending() const { return pending_; }  // as Session::pending when it was issued
    std::vector<std::string> const& amr() const { return amr_; }
    std::string const& acr() const { return acr_; }  // "aal1", "aal2"
    std::string const& id() const { return id_; }
    TimePoint expires_at() const { return expires_at_; }

private:
    friend class TokenService;
    AccessToken(UserId user, SessionRef session) : user_{std::move(user)}, session_{std::move(session)} {}
    UserId user_;
    SessionRef session_;
    std::string pending_;
    std::vector<std::string> amr_;
    std::string acr_;
    std::string id_;
    std::string generation_;
    TimePoint expires_at_;
};

// What this room cannot know. Both run inside the transaction of the refresh.
struct RefreshRules {
    // Success when the account may go on.
    std::function<Result<void>(storage::Transaction&, UserId const&)> admit;
    // A used token came again and ended the session: tell the person.
    std::function<void(storage::Transaction&, UserId const&)> reuse_detected;
};

class TokenService {
public:
    // `keys` may belong to nobody else's tokens: whatever they signed with our types is believed.
    TokenService(SigningKeys& keys, sessions::SessionService&, storage::Database&, audit::AuditLog&, crypto::Sealer const&, Clock const&,
                 Random&, TokenSettings);

    // Is there a key to sign with? To be asked before anything is used up for tokens. Fails with jose.keys_unavailable.
    Result<void> ready();
    // The tokens of a session just started or rotated; those it had before are dead. A pending session's access token has another type
    // and audience, so that nobody takes it for a whole sign-in. Fails with refresh_refused when the session was rotated again meanwhile,
    // and with jose.keys_unavailable.
    Result<IssuedTokens> issue(sessions::IssuedSession const& issued);
    // Is it ours, and in time? No statement. Fails with access_refused, access_expired or jose.keys_unavailable.
    Result<AccessToken> check(std::string_view access_token) const;
    // check(), then the live session it stands for; its use is recorded. A token issued before the session's last step-up is refused.
    Result<sessions::Session> find(std::string_view access_token);
    // The same for a token checked before.
    Result<sessions::Session> find(AccessToken const& token);
    // New tokens for a refresh token. Counts as use of the session. Of any number of callers with one token, on any number of nodes, all
    // within the grace get the same successor. Fails with refresh_refused or jose.keys_unavailable.
    Result<IssuedTokens> refresh(SecretText const& refresh_token, RefreshRules const& rules, audit::Origin const& origin);
    // Refresh tokens of this session are dead. The session itself is sessions' matter.
    void end_family(SessionRef const& session);
    // Removes what time has ended, at most `limit` rows of each kind; how many rows changed.
    std::size_t purge(std::size_t limit = 500);

    TokenSettings const& settings() const { return settings_; }

private:
    struct Presented;  // a refresh token as the client showed it, and the successor it would get
    struct Outcome;
    Outcome decide(storage::Transaction&, Presented const&, RefreshRules const&, audit::Origin const&);
    Outcome decide_used(storage::Transaction&, Presented const&, RefreshRules const&, audit::Origin const&, sessions::Session const&,
                        storage::Row const&);
    IssuedTokens finish(jose::SigningJwk const& key, sessions::Session const& session, ByteView session_hash, SecretText refresh_token);
    Result<AccessToken> read(jose::VerifiedJwt const& token) const;

    SigningKeys& keys_;
    sessions::SessionService& sessions_;
    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    Random& random_;
    TokenSettings settings_;
    jose::JwtVerifier whole_;
    jose::JwtVerifier pending_;
};

}  // namespace zephyr::tokens
