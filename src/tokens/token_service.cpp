#include "zephyr/tokens/token_service.h"

#include <algorithm>

#include "tokens/access_token.h"
#include "tokens/refresh_token.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tokens {

using audit::Actor;
using sessions::Session;
using storage::Row;
using storage::Transaction;

namespace {

// Ours have some 600 bytes, 1,000 with RS256; a longer one need not be parsed to be refused.
constexpr std::size_t longest_access_token = 4096;
// How many tokens used within the grace one family remembers. Nobody honest refreshes so often.
constexpr std::size_t most_used_before = 32;

TokenSettings checked(TokenSettings settings) {
    if (settings.refresh_grace < 10s || settings.refresh_grace > 30s) throw Fault{"tokens: the grace of a refresh token is 10 to 30 s"};
    if (settings.audience.empty()) settings.audience = settings.issuer;
    return settings;
}

jose::JwtPolicy policy(std::string const& issuer, std::string const& audience, std::string_view typ) {
    return jose::JwtPolicy{issuer, audience, std::string{typ}}.demand("sub").demand("sid").demand("jti").demand("acr").demand("gen").limits(
        {.bytes = longest_access_token, .header_bytes = 512, .depth = 4});
}

// Two nodes' clocks differ a little, either way.
bool within(TimePoint at, TimePoint now, std::chrono::seconds grace) { return now < at + grace && at < now + grace; }

constexpr std::string_view columns =
    "session_ref, user_id, session_hash, token_hash, previous_hash, previous_used_at, successor, older, expires_at";
enum Column : std::size_t { session_ref, user_id, session_hash, token_hash, previous_hash, previous_used_at, successor, older, expires_at };

bool same(ByteView a, ByteView b) { return crypto::equal_constant_time(a, b); }

}  // namespace

struct TokenService::Presented {
    RefreshToken token;
    Bytes hash;
    RefreshToken next;
    Bytes next_hash;
    Bytes sealed_next;
};

struct TokenService::Outcome {
    std::string refused;  // why; empty: a token
    std::optional<RefreshToken> token = std::nullopt;
    std::optional<Session> session = std::nullopt;
    Bytes session_hash = {};
};

TokenService::TokenService(SigningKeys& keys, sessions::SessionService& sessions, storage::Database& database, audit::AuditLog& audit,
                           crypto::Sealer const& sealer, Clock const& clock, Random& random, TokenSettings settings)
    : keys_{keys},
      sessions_{sessions},
      database_{database},
      audit_{audit},
      sealer_{sealer},
      clock_{clock},
      random_{random},
      settings_{checked(std::move(settings))},
      whole_{keys, policy(settings_.issuer, settings_.audience, whole_type), clock},
      pending_{keys, policy(settings_.issuer, pending_audience(settings_), pending_type), clock} {}

IssuedTokens TokenService::finish(jose::SigningJwk const& key, Session const& session, ByteView hash, SecretText refresh_token) {
    auto const now = clock_.now();
    auto const type = session.pending.empty() ? whole_type : pending_type;
    auto text = jose::sign_jwt(key, type, claims_of(session, hash, settings_, now, random_));
    auto const left = std::chrono::floor<std::chrono::seconds>(access_end(session, settings_, now) - now);
    return {SecretText{std::move(text)}, std::move(refresh_token), std::max(left, 0s), session};
}

Result<void> TokenService::ready() {
    ZEPHYR_TRY(auto const key, keys_.active());
    (void)key;
    return success();
}

Result<IssuedTokens> TokenService::issue(sessions::IssuedSession const& issued) {
    ZEPHYR_TRY(auto const key, keys_.active());
    auto const token = RefreshToken::make(sealer_, random_);
    auto const hash = token.hash();
    auto const family = token.family();
    auto const& ref = issued.session.ref;
    auto const stored = database_.write([&](Transaction& tx) -> Result<Session> {
        // Of two step-ups at once the earlier one's tokens would be dead on arrival; worse, they would take the later one's place.
        auto const row = sessions_.use(ref);
        if (!row.ok() || !same(row.value().token_hash, issued.token_hash)) return Error{errors::refresh_refused, "rotated_meanwhile"};
        auto const& session = row.value().session;
        tx.run("DELETE FROM refresh_token WHERE session_ref = $1", ref.str());
        tx.run("INSERT INTO refresh_token (family, session_ref, user_id, session_hash, token_hash, issued_at, expires_at) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7)",
               family, ref.str(), session.user.str(), issued.token_hash, hash, clock_.now(), session.expires_at);
        return session;
    });
    if (!stored.ok()) return stored.error();
    return finish(key, stored.value(), issued.token_hash, token.text());
}

Result<AccessToken> TokenService::check(std::string_view text) const {
    auto verified = whole_.verify(text);
    if (!verified.ok() && verified.error() == jose::errors::type_refused) verified = pending_.verify(text);
    if (!verified.ok()) {
        auto const& error = verified.error();
        if (error.kind() == Kind::unavailable) return error;
        return Error{error == jose::errors::expired ? errors::access_expired : errors::access_refused, std::string{error.id()}};
    }
    return read(verified.value());
}

Result<AccessToken> TokenService::read(jose::VerifiedJwt const& token) const {
    auto const& claims = token.claims();
    auto const user = UserId::parse(token.subject());
    auto const session = SessionRef::parse(claims.string_at("sid").value_or(""));
    auto const* amr = claims.find("amr");
    if (!user || !session || amr == nullptr || amr->items() == nullptr) return Error{errors::access_refused, "claims"};
    AccessToken out{*user, *session};
    for (auto const& item : *amr->items()) {
        if (auto const* name = item.string()) out.amr_.push_back(*name);
    }
    out.pending_ = claims.string_at("pending").value_or("");
    out.acr_ = claims.string_at("acr").value_or("");
    out.generation_ = claims.string_at("gen").value_or("");
    out.id_ = token.id();
    out.expires_at_ = token.expires_at();
    return out;
}

Result<Session> TokenService::find(std::string_view text) {
    ZEPHYR_TRY(auto const token, check(text));
    return find(token);
}

Result<Session> TokenService::find(AccessToken const& token) {
    auto row = sessions_.use(token.session());
    if (!row.ok()) return Error{errors::access_refused, std::string{row.error().id()}};
    // A right signature under a name of another kind would still be refused here: the session says whose it is.
    if (row.value().session.user != token.user()) return Error{errors::access_refused, "another_user"};
    if (generation_of(row.value().token_hash) != token.generation_) return Error{errors::access_refused, "rotated_since"};
    return std::move(row).value().session;
}

Result<IssuedTokens> TokenService::refresh(SecretText const& text, RefreshRules const& rules, audit::Origin const& origin) {
    auto token = RefreshToken::read(sealer_, text.reveal());
    if (!token) return Error{errors::refresh_refused, "not_ours"};
    // Before anything is used up: without a key to sign with there is nothing to give.
    ZEPHYR_TRY(auto const key, keys_.active());
    auto next = token->successor(sealer_, random_);
    auto const hash = token->hash();
    auto const next_hash = next.hash();
    auto sealed = token->seal(next, random_);
    Presented const presented{*std::move(token), hash, std::move(next), next_hash, std::move(sealed)};
    // A value, not a Result: what a refusal did (a family gone, a session ended) must stay done.
    auto outcome = database_.write([&](Transaction& tx) { return decide(tx, presented, rules, origin); });
    if (!outcome.refused.empty()) return Error{errors::refresh_refused, outcome.refused};
    return finish(key, *outcome.session, outcome.session_hash, outcome.token->text());
}

TokenService::Outcome TokenService::decide(Transaction& tx, Presented const& presented, RefreshRules const& rules,
                                           audit::Origin const& origin) {
    auto const family = presented.token.family();
    auto const row = tx.row("SELECT " + std::string{columns} + " FROM refresh_token WHERE family = $1", family);
    if (!row) return {"no_family"};
    auto const held = sessions_.use(SessionRef::trusted(row->text(session_ref)));
    if (!held.ok() || !same(held.value().token_hash, row->blob(session_hash)) || held.value().session.user.str() != row->text(user_id)) {
        tx.run("DELETE FROM refresh_token WHERE family = $1", family);
        return {held.ok() ? std::string{"rotated_since"} : std::string{held.error().id()}};
    }
    auto const& session = held.value().session;
    if (!same(presented.hash, row->blob(token_hash))) {
        auto outcome = decide_used(tx, presented, rules, origin, session, *row);
        outcome.session_hash = held.value().token_hash;
        return outcome;
    }

    if (auto const admitted = rules.admit(tx, session.user); !admitted.ok()) return {std::string{admitted.error().id()}};
    auto const now = clock_.now();
    // What was used before stays known as long as a late duplicate of its request may come.
    auto used = read_used(row->optional_blob(older));
    if (auto const previous = row->optional_blob(previous_hash)) used.insert(used.begin(), {*previous, row->time(previous_used_at)});
    std::erase_if(used, [&](auto const& entry) { return !within(entry.at, now, settings_.refresh_grace); });
    if (used.size() > most_used_before) used.resize(most_used_before);
    // The condition decides between two who both read the row before either wrote: one changes it, the other is run again or changes none.
    auto const changed = tx.run("UPDATE refresh_token SET token_hash = $3, previous_hash = $2, previous_used_at = $4, successor = $5, "
                                "older = $6, expires_at = $7 WHERE family = $1 AND token_hash = $2",
                                family, presented.hash, presented.next_hash, now, presented.sealed_next, write_used(used),
                                session.expires_at);
    if (changed != 1) return {"lost_race"};
    audit_.append(tx, {.code = audit::codes::refresh_rotated,
                       .actor = audit::Actor::user(session.user),
                       .subject = session.user,
                       .origin = origin,
                       .details = {{"session", session.ref.str()}}});
    return {.refused = {}, .token = presented.next, .session = session, .session_hash = held.value().token_hash};
}

// One of ours, of this family, but not the one that is good now.
TokenService::Outcome TokenService::decide_used(Transaction& tx, Presented const& presented, RefreshRules const& rules,
                                                audit::Origin const& origin, Session const& session, Row const& row) {
    auto const now = clock_.now();
    auto const previous = row.optional_blob(previous_hash);
    if (previous && same(presented.hash, *previous)) {
        auto const at = row.time(previous_used_at);
        if (within(at, now, settings_.refresh_grace)) {
            if (auto const admitted = rules.admit(tx, session.user); !admitted.ok()) return {std::string{admitted.error().id()}};
            auto const sealed = row.optional_blob(successor);
            if (!sealed) return {"grace_over"};  // for a node whose clock is ahead of ours: purge() took it
            auto again = presented.token.open(*sealed);
            if (!again) throw Fault{"refresh_token: damaged successor column"};
            return {.refused = {}, .token = std::move(again), .session = session};
        }
        // Used in the future: our clock was set back, and proves nothing about how long ago that is.
        if (now < at) return {"clock_set_back"};
    }
    auto const used = read_used(row.optional_blob(older));
    bool const a_moment_ago = std::any_of(used.begin(), used.end(), [&](auto const& entry) {
        return same(presented.hash, entry.hash) && within(entry.at, now, settings_.refresh_grace);
    });
    if (a_moment_ago) return {"successor_used"};
    // RFC 9700 4.14.2: "the authorization server cannot determine which party submitted the invalid refresh token, but it will revoke the
    // active refresh token."
    tx.run("DELETE FROM refresh_token WHERE family = $1", presented.token.family());
    (void)sessions_.end(session.ref, Actor::system(), origin, "refresh_token_reused").ok();  // it is there: use() found it
    audit_.append(tx, {.code = audit::codes::refresh_reuse_detected,
                       .actor = Actor::anonymous(),
                       .subject = session.user,
                       .outcome = audit::Outcome::denied,
                       .origin = origin,
                       .details = {{"session", session.ref.str()}}});
    rules.reuse_detected(tx, session.user);
    return {"reuse"};
}

void TokenService::end_family(SessionRef const& session) {
    database_.write([&](Transaction& tx) { tx.run("DELETE FROM refresh_token WHERE session_ref = $1", session.str()); });
}

std::size_t TokenService::purge(std::size_t limit) {
    auto const now = clock_.now();
    auto const most = static_cast<std::int64_t>(limit);
    auto const out_of_grace = now - settings_.refresh_grace;
    // Asked first, so that a round with nothing to do writes nothing.
    auto const due = database_.read([&](Transaction& tx) {
        return tx.row("SELECT family FROM refresh_token WHERE expires_at <= $1 LIMIT 1", now).has_value() ||
               tx.row("SELECT family FROM refresh_token WHERE successor IS NOT NULL AND previous_used_at <= $1 LIMIT 1", out_of_grace)
                   .has_value();
    });
    if (!due) return 0;
    return database_.write([&](Transaction& tx) {
        auto changed = tx.run("DELETE FROM refresh_token WHERE family IN (SELECT family FROM refresh_token WHERE expires_at <= $1 "
                              "LIMIT $2)",
                              now, most);
        // Nobody is given it again, so nobody needs to be able to open it.
        changed += tx.run("UPDATE refresh_token SET successor = NULL, older = NULL WHERE family IN (SELECT family FROM refresh_token "
                          "WHERE successor IS NOT NULL AND previous_used_at <= $1 LIMIT $2)",
                          out_of_grace, most);
        return static_cast<std::size_t>(changed);
    });
}

}  // namespace zephyr::tokens
