// Making, rotating and revoking signing keys. A key is made outside the transaction (RSA takes seconds); the transaction decides whether
// it is still wanted.
#include "tokens/key_snapshot.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"

namespace zephyr::tokens {

using audit::Actor;
using storage::Transaction;

namespace {

audit::Event key_event(std::string_view code, std::string const& kid, std::string const& algorithm, Actor const& actor,
                       audit::Origin const& origin) {
    return {.code = code, .actor = actor, .origin = origin, .details = {{"key", kid}, {"algorithm", algorithm}}};
}

// Nothing when another node put one there first.
bool insert_key(Transaction& tx, FreshKey const& key, Bytes const& sealed, std::string const& algorithm, KeyState state, TimePoint now) {
    return tx.run("INSERT INTO signing_key (kid, algorithm, state, secret, public_jwk, created_at, activated_at) "
                  "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                  key.kid, algorithm, to_string(state), sealed, key.public_jwk, now,
                  state == KeyState::active ? std::optional{now} : std::nullopt) == 1;
}

}  // namespace

// The next key signs from now on; its id, or nothing when there is none.
std::optional<std::string> SigningKeys::activate_next(Transaction& tx, std::string const& algorithm, Actor const& actor,
                                                      audit::Origin const& origin) {
    auto const row = tx.row("UPDATE signing_key SET state = 'active', activated_at = $2 WHERE algorithm = $1 AND state = 'next' "
                            "RETURNING kid",
                            algorithm, clock_.now());
    if (!row) return std::nullopt;
    audit_.append(tx, key_event(audit::codes::signing_key_activated, row->text(0), algorithm, actor, origin));
    return row->text(0);
}

void SigningKeys::make_missing() {
    // One thread of this node makes keys; the others find them made.
    std::lock_guard const one_makes{making_mutex_};
    auto const snapshot = current();
    bool const wants_active = snapshot->active_kid.empty();
    bool const wants_next = !snapshot->has_next;
    if (!wants_active && !wants_next) return;
    // What is missing: a next key becomes the active one, so two new keys are the most that may be needed.
    std::vector<FreshKey> fresh;
    std::vector<Bytes> sealed;
    for (int wanted = (wants_active ? 1 : 0) + (wants_next ? 1 : 0); wanted > 0; --wanted) {
        fresh.push_back(make_key(settings_.algorithm));
        sealed.push_back(seal_key(sealer_, fresh.back()));
    }
    std::string const algorithm{jose::name_of(settings_.algorithm)};
    database_.write([&](Transaction& tx) {
        auto const now = clock_.now();
        std::size_t used = 0;
        auto const put = [&](KeyState state) {
            if (used == fresh.size() || !insert_key(tx, fresh[used], sealed[used], algorithm, state, now)) return;
            audit_.append(tx, key_event(audit::codes::signing_key_created, fresh[used].kid, algorithm, Actor::system(), {}));
            if (state == KeyState::active) {
                audit_.append(tx, key_event(audit::codes::signing_key_activated, fresh[used].kid, algorithm, Actor::system(), {}));
            }
            ++used;
        };
        bool const has_active = tx.row("SELECT kid FROM signing_key WHERE algorithm = $1 AND state = 'active'", algorithm).has_value();
        if (!has_active && !activate_next(tx, algorithm, Actor::system(), {})) put(KeyState::active);
        put(KeyState::next);
        tx.announce(changed_topic, "");
    });
}

bool SigningKeys::rotate(Actor const& actor, audit::Origin const& origin) {
    (void)active().ok();  // there is something to rotate
    auto const expected = current()->active_kid;
    bool const rotated = replace_active(expected, actor, origin);
    make_missing();
    return rotated;
}

bool SigningKeys::rotate_if_due() {
    auto const snapshot = current();
    if (snapshot->active_kid.empty()) return false;
    auto const since = database_.read([&](Transaction& tx) {
        return tx.row("SELECT activated_at FROM signing_key WHERE kid = $1 AND state = 'active'", snapshot->active_kid);
    });
    auto const activated_at = since ? since->optional_time(0) : std::nullopt;
    if (!activated_at || clock_.now() < *activated_at + settings_.rotation) return false;
    bool const rotated = replace_active(snapshot->active_kid, Actor::system(), {});
    make_missing();
    return rotated;
}

bool SigningKeys::replace_active(std::string const& expected_kid, Actor const& actor, audit::Origin const& origin) {
    std::string const algorithm{jose::name_of(settings_.algorithm)};
    return database_.write([&](Transaction& tx) {
        auto const now = clock_.now();
        bool const ours = tx.run("UPDATE signing_key SET state = 'retired', secret = NULL, retired_at = $2 WHERE kid = $1 "
                                 "AND state = 'active'",
                                 expected_kid, now) == 1;
        if (!ours) return false;
        audit_.append(tx, key_event(audit::codes::signing_key_retired, expected_kid, algorithm, actor, origin));
        activate_next(tx, algorithm, actor, origin);
        // After a change of tokens.algorithm: the old algorithm's key has signed its last, and its next one never will.
        for (auto const& row : tx.rows("UPDATE signing_key SET state = 'retired', secret = NULL, retired_at = $2 "
                                       "WHERE algorithm <> $1 AND state = 'active' RETURNING kid, algorithm",
                                       algorithm, now)) {
            audit_.append(tx, key_event(audit::codes::signing_key_retired, row.text(0), row.text(1), actor, origin));
        }
        tx.run("DELETE FROM signing_key WHERE algorithm <> $1 AND state = 'next'", algorithm);
        tx.announce(changed_topic, "");
        return true;
    });
}

Result<void> SigningKeys::revoke(std::string_view kid, Actor const& actor, audit::Origin const& origin, std::string const& reason) {
    auto const algorithm = database_.write([&](Transaction& tx) -> Result<std::string> {
        auto const row = tx.row("SELECT state, algorithm FROM signing_key WHERE kid = $1", kid);
        if (!row) return errors::key_not_found;
        if (row->text(0) == to_string(KeyState::revoked)) return errors::key_revoked_before;
        tx.run("UPDATE signing_key SET state = 'revoked', secret = NULL, revoked_at = $2 WHERE kid = $1", kid, clock_.now());
        auto event = key_event(audit::codes::signing_key_revoked, std::string{kid}, row->text(1), actor, origin);
        event.reason = reason;
        event.details.emplace_back("was", row->text(0));
        audit_.append(tx, event);
        if (row->text(0) == to_string(KeyState::active)) activate_next(tx, row->text(1), actor, origin);
        tx.announce(changed_topic, "");
        return row->text(1);
    });
    if (!algorithm.ok()) return algorithm.error();
    if (algorithm.value() == jose::name_of(settings_.algorithm)) make_missing();
    return success();
}

std::size_t SigningKeys::purge() {
    auto const out_since = clock_.now() - settings_.overlap();
    // Asked first, so that a round with nothing to do writes nothing.
    auto const due = database_.read([&](Transaction& tx) {
        return tx.row("SELECT kid FROM signing_key WHERE state = 'retired' AND retired_at <= $1 LIMIT 1", out_since).has_value();
    });
    if (!due) return 0;
    return database_.write([&](Transaction& tx) {
        auto const removed = tx.run("DELETE FROM signing_key WHERE state = 'retired' AND retired_at <= $1", out_since);
        tx.announce(changed_topic, "");
        return static_cast<std::size_t>(removed);
    });
}

}  // namespace zephyr::tokens
