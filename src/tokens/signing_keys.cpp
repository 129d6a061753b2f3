// What is remembered of the keys, and who is answered from it. Changing them is in signing_key_changes.cpp.
#include "zephyr/tokens/signing_keys.h"

#include <algorithm>

#include "tokens/key_snapshot.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tokens {

namespace {

crypto::Place place(std::string const& kid) { return {"signing_key", kid, "secret"}; }

crypto::SignatureAlgorithm signature_algorithm(jose::Algorithm algorithm) {
    switch (algorithm) {
        case jose::Algorithm::es256: return crypto::SignatureAlgorithm::es256;
        case jose::Algorithm::eddsa: return crypto::SignatureAlgorithm::ed25519;
        case jose::Algorithm::rs256: return crypto::SignatureAlgorithm::rs256;
        default: throw Fault{"tokens: nothing is signed with " + std::string{jose::name_of(algorithm)}};
    }
}

jose::Jwk parse_public(std::string const& text) {
    auto const json = encoding::parse_json(text);
    if (!json.ok()) throw Fault{"signing_key: damaged public_jwk column"};
    auto key = jose::Jwk::parse(json.value());
    if (!key.ok()) throw Fault{"signing_key: damaged public_jwk column"};
    return std::move(key).value();
}

}  // namespace

std::string_view to_string(KeyState state) {
    switch (state) {
        case KeyState::next: return "next";
        case KeyState::active: return "active";
        case KeyState::retired: return "retired";
        case KeyState::revoked: return "revoked";
    }
    return "revoked";
}

KeyState key_state_from(std::string_view text) {
    for (auto const state : {KeyState::next, KeyState::active, KeyState::retired, KeyState::revoked}) {
        if (to_string(state) == text) return state;
    }
    throw Fault{"signing_key: damaged state column"};
}

FreshKey make_key(jose::Algorithm algorithm) {
    auto key = crypto::SigningKey::generate(signature_algorithm(algorithm));
    auto const thumbprint = jose::Jwk::from(key.verify_key(), {}).thumbprint();
    return {thumbprint, jose::Jwk::from(key.verify_key(), thumbprint).to_json().dump(), key.pkcs8_der()};
}

Bytes seal_key(crypto::Sealer const& sealer, FreshKey const& key) { return sealer.seal(place(key.kid), key.secret); }

SigningKeys::SigningKeys(storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer, Clock const& clock,
                         SigningKeySettings settings)
    : database_{database}, audit_{audit}, sealer_{sealer}, clock_{clock}, settings_{settings} {
    (void)signature_algorithm(settings_.algorithm);
    registration_ = database_.on_change([this](std::vector<storage::Change> const& changes) {
        bool const ours = std::any_of(changes.begin(), changes.end(), [](auto const& change) { return change.topic == changed_topic; });
        if (ours) ++changes_;
    });
}

SigningKeys::~SigningKeys() = default;

SigningKeys::Held SigningKeys::held() const {
    std::lock_guard const lock{held_mutex_};
    return held_;
}

bool SigningKeys::fresh(Snapshot const& snapshot) const {
    if (snapshot.changes != changes_.load()) return false;
    return database_.engine() == storage::Engine::sqlite || clock_.monotonic() - snapshot.loaded_at < shared_for;
}

SigningKeys::Held SigningKeys::current() {
    if (auto snapshot = held(); snapshot && fresh(*snapshot)) return snapshot;
    std::lock_guard const one_asks{reload_mutex_};
    if (auto snapshot = held(); snapshot && fresh(*snapshot)) return snapshot;
    return reload();
}

SigningKeys::Held SigningKeys::reload() {
    auto const before = held();
    auto next = std::make_shared<Snapshot>();
    // Both before the question: what changes while it is answered makes the answer stale, not wrongly fresh.
    next->changes = changes_.load();
    next->loaded_at = clock_.monotonic();
    auto const rows = database_.read([](storage::Transaction& tx) {
        return tx.rows("SELECT kid, algorithm, state, secret, public_jwk, retired_at FROM signing_key WHERE state <> 'revoked' "
                       "ORDER BY created_at, kid");
    });
    for (auto const& row : rows) {
        auto const& kid = row.text(0);
        auto const* known = before ? before->find(kid) : nullptr;
        auto key = known != nullptr ? known->key : parse_public(row.text(4));
        next->keys.push_back({std::move(key), key_state_from(row.text(2)), row.optional_time(5)});
        auto const& added = next->keys.back();
        if (added.key.algorithm() != settings_.algorithm) continue;
        if (added.state == KeyState::next) next->has_next = true;
        if (added.state != KeyState::active) continue;
        next->active_kid = kid;
        if (before && before->signer && before->signer->kid() == kid) {
            next->signer = before->signer;
        } else if (auto const secret = row.optional_blob(3)) {
            auto const opened = sealer_.open(place(kid), *secret);
            if (!opened.ok()) continue;  // active() says so to whoever wants to sign; verifying goes on
            auto signing = crypto::SigningKey::from_pkcs8_der(signature_algorithm(settings_.algorithm), opened.value());
            if (!signing.ok()) throw Fault{"signing_key: damaged secret column"};
            next->signer.emplace(std::move(signing).value(), kid);
        }
    }
    std::lock_guard const lock{held_mutex_};
    held_ = next;
    return next;
}

Result<jose::SigningJwk> SigningKeys::active() {
    auto snapshot = current();
    if (snapshot->active_kid.empty() || !snapshot->has_next) {
        make_missing();
        snapshot = current();
    }
    if (!snapshot->signer) return Error{jose::errors::keys_unavailable, "the active signing key can't be opened"};
    return *snapshot->signer;
}

Result<jose::Jwk> SigningKeys::find(std::string_view kid, jose::Algorithm algorithm) {
    auto const asked_at = clock_.monotonic();
    auto snapshot = current();
    auto const* known = snapshot->find(kid);
    // Another node may have made it a moment ago; a good token is never refused because we looked too early. An invented one costs a
    // statement, as an invented cookie does.
    if (known == nullptr && database_.engine() != storage::Engine::sqlite && snapshot->loaded_at <= asked_at) {
        std::lock_guard const one_asks{reload_mutex_};
        if (held() == snapshot) reload();
        snapshot = held();
        known = snapshot->find(kid);
    }
    if (known == nullptr || !known->counts(clock_.now(), settings_.overlap())) return jose::errors::unknown_key;
    if (known->key.algorithm() != algorithm) return jose::errors::algorithm_refused;
    return known->key;
}

jose::JwkSet SigningKeys::published() {
    Held snapshot;
    try {
        (void)active().ok();  // the first need may be a verifier's
        snapshot = current();
    } catch (StorageFault const&) {
        snapshot = held();
        if (!snapshot || clock_.monotonic() - snapshot->loaded_at >= settings_.jwks_lifetime) throw;
    }
    std::vector<jose::Jwk> keys;
    for (auto const& known : snapshot->keys) {
        if (known.counts(clock_.now(), settings_.overlap())) keys.push_back(known.key);
    }
    return jose::JwkSet{std::move(keys)};
}

std::vector<SigningKeyInfo> SigningKeys::list() {
    return database_.read([](storage::Transaction& tx) {
        std::vector<SigningKeyInfo> keys;
        for (auto const& row : tx.rows("SELECT kid, algorithm, state, created_at, activated_at, retired_at, revoked_at FROM signing_key "
                                       "ORDER BY created_at, kid")) {
            keys.push_back({row.text(0), row.text(1), key_state_from(row.text(2)), row.time(3), row.optional_time(4),
                            row.optional_time(5), row.optional_time(6)});
        }
        return keys;
    });
}

}  // namespace zephyr::tokens
