// The keys that sign tokens, and their life: next (published, signs nothing yet) -> active -> retired (published as long as something it
// signed may be accepted) -> gone. Or revoked: out of the key set at once, and with it everything the key signed.
//
// A key is published a whole rotation before it signs, so that verifiers elsewhere hold it before they meet it. The first two keys are
// made when somebody first needs them: nobody waits for RSA who never signs with it.
//
// Owns: table signing_key. Emits: tokens.key_created, tokens.key_activated, tokens.key_retired, tokens.key_revoked.
// Not here: master keys, which seal data at rest (crypto, server); other issuers' keys (jose::RemoteKeys).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"
#include "zephyr/jose/key_source.h"
#include "zephyr/storage/database.h"

namespace zephyr::audit {
class AuditLog;
}
namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::tokens {

namespace errors {
// No signing key has this id.
inline constexpr Failure key_not_found{Kind::not_found, "tokens.key_not_found"};
inline constexpr Failure key_revoked_before{Kind::conflict, "tokens.key_revoked_before"};
}  // namespace errors

enum class KeyState { next, active, retired, revoked };
std::string_view to_string(KeyState state);

struct SigningKeySettings {
    jose::Algorithm algorithm = jose::Algorithm::es256;  // es256, eddsa or rs256; Fault for another
    std::chrono::seconds rotation = 90 * 24h;
    // A retired key stays in the key set for these three together: the longest life of what it signed, the most that a verifier forgives
    // a clock, and how long a verifier may keep the set (Cache-Control of the JWKS endpoint).
    std::chrono::seconds access_lifetime = 5min;
    std::chrono::seconds leeway = 60s;
    std::chrono::seconds jwks_lifetime = 5min;

    std::chrono::seconds overlap() const { return access_lifetime + leeway + jwks_lifetime; }
};

struct SigningKeyInfo {
    std::string kid;  // RFC 7638 thumbprint
    std::string algorithm;
    KeyState state = KeyState::next;
    TimePoint created_at;
    std::optional<TimePoint> activated_at;
    std::optional<TimePoint> retired_at;
    std::optional<TimePoint> revoked_at;
};

// Keys are remembered in memory. On SQLite, where one process owns the file, what is remembered is never behind. On PostgreSQL it is
// asked for again when older than `shared_for`: so long a key that another node revoked may still be accepted here. Safe to share
// between threads. Every method throws StorageFault when the store is down.
class SigningKeys final : public jose::KeySource {
public:
    static constexpr std::chrono::milliseconds shared_for{1000};

    SigningKeys(storage::Database&, audit::AuditLog&, crypto::Sealer const&, Clock const&, SigningKeySettings);
    ~SigningKeys() override;

    // The key that signs now. Makes the first keys. Fails with jose.keys_unavailable when it is sealed under a key this node lacks.
    Result<jose::SigningJwk> active();
    // Any key but a revoked one or one retired longer than the overlap. Fails with jose.unknown_key or jose.algorithm_refused.
    Result<jose::Jwk> find(std::string_view kid, jose::Algorithm algorithm) override;
    // What GET /.well-known/jwks.json shows: active, next, retired within the overlap. While the store is down, the last set as long
    // as anybody might keep it anyway.
    jose::JwkSet published();

    // next -> active, active -> retired, a new next. Of callers on any node who saw the same active key, one rotates; the others find it
    // done. True for that one.
    bool rotate(audit::Actor const&, audit::Origin const&);
    // For a periodic job: rotates when the active key is old enough. Never makes the first keys.
    bool rotate_if_due();
    // Emergency. When this returns, the key set here lacks the key and nothing it signed is accepted; if it signed, another does.
    // Fails with key_not_found or key_revoked_before.
    Result<void> revoke(std::string_view kid, audit::Actor const&, audit::Origin const&, std::string const& reason = {});
    // Another node changed them, or may have: what is remembered is asked for again.
    void forget() { ++changes_; }
    // All there are, oldest first.
    std::vector<SigningKeyInfo> list();
    // Removes retired keys that are out of the key set; how many. Revoked ones stay on record.
    std::size_t purge();

    SigningKeySettings const& settings() const { return settings_; }

private:
    struct Snapshot;
    using Held = std::shared_ptr<Snapshot const>;

    Held current();
    Held reload();  // under reload_mutex_
    bool fresh(Snapshot const&) const;
    Held held() const;
    void make_missing();
    bool replace_active(std::string const& expected_kid, audit::Actor const&, audit::Origin const&);
    std::optional<std::string> activate_next(storage::Transaction&, std::string const& algorithm, audit::Actor const&,
                                             audit::Origin const&);

    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    SigningKeySettings settings_;

    std::mutex mutable held_mutex_;  // for held_ alone, never across a statement
    Held held_;
    std::mutex reload_mutex_;
    std::mutex making_mutex_;
    std::atomic<std::uint64_t> changes_{0};
    storage::ChangeRegistration registration_;
};

}  // namespace zephyr::tokens
