#include "zephyr/sessions/session_service.h"

#include <algorithm>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr::sessions {

using storage::Transaction;

namespace {

// NIST SP 800-63B-4 5.1 asks for at least 64 bits; 256 leave nothing to guess and need no slow hash at rest.
constexpr std::size_t token_bytes = 32;
constexpr std::size_t token_characters = 43;
// Two callers may rotate one session at once; each wins once.
constexpr int rotation_attempts = 4;

Bytes hash_of(std::string_view token) { return crypto::sha256(as_bytes(token)); }

SecretText make_token(Random& random) { return SecretText{encoding::base64url_encode(random.bytes(token_bytes))}; }

// What a client hands in: the token, and behind a '.' what its store gave it to carry.
struct Presented {
    std::string_view token;
    std::string_view carried;
};
std::optional<Presented> parse_presented(std::string_view text) {
    if (text.size() < token_characters || text.size() > token_characters + 1 + max_carried) return std::nullopt;
    Presented parts{text.substr(0, token_characters), text.substr(token_characters)};
    if (parts.carried.empty()) return parts;
    if (parts.carried.front() != '.' || parts.carried.size() == 1) return std::nullopt;
    parts.carried.remove_prefix(1);
    return parts;
}

SecretText with_carried(SecretText const& token, std::string const& carried) {
    return carried.empty() ? token : SecretText{token.reveal() + "." + carried};
}

std::string cut(std::string text, std::size_t bytes) {
    if (text.size() > bytes) text.resize(bytes);
    return text;
}

}  // namespace

SessionService::SessionService(SessionStore& store, storage::Database& database, audit::AuditLog& audit, Clock const& clock,
                               Random& random, SessionSettings settings)
    : store_{store}, database_{database}, audit_{audit}, clock_{clock}, random_{random}, settings_{settings} {}

bool SessionService::live(Session const& session, TimePoint now) const {
    if (now >= session.expires_at) return false;
    if (!session.pending.empty() || session.remembered) return true;  // bounded by expires_at alone
    return now < session.last_seen_at + settings_.idle;
}

TimePoint SessionService::end_of(Session const& session, TimePoint now) const {
    if (!session.pending.empty()) return now + settings_.pending;
    return now + (session.remembered ? settings_.remember : settings_.absolute);
}

void SessionService::record_evictions(Transaction& tx, Session const& newcomer, SessionStore::Placed const& placed,
                                      audit::Origin const& origin) {
    for (auto const& ref : placed.evicted) {
        audit_.append(tx, {.code = audit::codes::session_evicted,
                           .actor = audit::Actor::system(),
                           .subject = newcomer.user,
                           .origin = origin,
                           .details = {{"session", ref.str()}}});
    }
}

Result<IssuedSession> SessionService::start(NewSession const& wanted) {
    auto const now = clock_.now();
    IssuedSession issued{{}, make_token(random_)};
    auto& session = issued.session;
    session.ref = SessionRef::make(now, random_);
    session.user = wanted.user;
    session.pending = wanted.pending;
    session.factors = wanted.factors;
    session.created_at = session.last_seen_at = now;
    session.remembered = wanted.remember;
    session.expires_at = std::min(end_of(session, now), wanted.until.value_or(TimePoint::max()));
    session.address = cut(wanted.origin.address, 64);
    session.user_agent = cut(wanted.origin.user_agent, 256);

    auto origin = wanted.origin;
    origin.session_ref = session.ref.str();
    SessionStore::Row const row{session, hash_of(issued.token.reveal())};
    issued.token = with_carried(issued.token, store_.carry(row));
    issued.token_hash = row.token_hash;
    return database_.write([&](Transaction& tx) -> Result<IssuedSession> {
        auto const inserted = store_.insert(row, settings_.limit, now);
        if (inserted.refused) return errors::limit_reached;
        record_evictions(tx, session, inserted, origin);
        audit_.append(tx, {.code = audit::codes::session_started,
                           .actor = audit::Actor::user(session.user),
                           .subject = session.user,
                           .reason = session.pending,
                           .origin = origin});
        return issued;
    });
}

Result<Session> SessionService::find(SecretText const& token) {
    auto const presented = parse_presented(token.reveal());
    if (!presented) return errors::none;
    auto session = store_.find_by_token(hash_of(presented->token), presented->carried);
    if (!session) return errors::none;
    auto const now = clock_.now();
    if (!live(*session, now)) return errors::expired;
    if (now >= session->last_seen_at + record_interval() && record_use(session->ref, now)) session->last_seen_at = now;
    return *std::move(session);
}

// At most one write a minute: a busy session costs reads.
std::chrono::milliseconds SessionService::record_interval() const {
    return std::min<std::chrono::milliseconds>(1min, settings_.idle / 10);
}

bool SessionService::record_use(SessionRef const& ref, TimePoint now) {
    try {
        store_.touch(ref, now);
        return true;
    } catch (StorageFault const&) {
        return false;
    }
}

Result<Session> SessionService::find(SessionRef const& ref) {
    auto row = store_.find(ref);
    if (!row) return errors::none;
    if (!live(row->session, clock_.now())) return errors::expired;
    return std::move(row->session);
}

Result<SessionStore::Row> SessionService::use(SessionRef const& ref) {
    auto row = store_.find(ref);
    if (!row) return errors::none;
    auto& session = row->session;
    auto const now = clock_.now();
    if (!live(session, now)) return errors::expired;
    if (now >= session.last_seen_at + record_interval() && record_use(ref, now)) session.last_seen_at = now;
    return *std::move(row);
}

Result<IssuedSession> SessionService::rotate(SessionRef const& ref, Change const& change, audit::Origin const& origin) {
    for (int attempt = 0; attempt < rotation_attempts; ++attempt) {
        auto const row = store_.find(ref);
        if (!row) return errors::none;
        auto const now = clock_.now();
        if (!live(row->session, now)) return errors::expired;

        IssuedSession issued{row->session, make_token(random_)};
        auto& session = issued.session;
        if (change.proved) {
            std::erase_if(session.factors, [&](auto const& factor) { return factor.name == change.proved->name; });
            session.factors.push_back(*change.proved);
        }
        bool const completed = change.pending && change.pending->empty() && !session.pending.empty();
        if (change.pending) session.pending = *change.pending;
        // A completed sign-in gets its whole life from here; another step-up must not stretch the absolute end.
        if (completed) session.expires_at = std::min(end_of(session, now), change.until.value_or(TimePoint::max()));
        session.last_seen_at = now;
        // A store that keeps no origins gets this request's.
        if (session.address.empty()) session.address = cut(origin.address, 64);
        if (session.user_agent.empty()) session.user_agent = cut(origin.user_agent, 256);

        SessionStore::Row const next{session, hash_of(issued.token.reveal())};
        issued.token = with_carried(issued.token, store_.carry(next));
        issued.token_hash = next.token_hash;
        auto const replaced = database_.write([&](Transaction& tx) {
            auto const placed = store_.replace(row->token_hash, next, settings_.limit, now);
            if (!placed.done()) return placed;
            auto where = origin;
            where.session_ref = ref.str();
            record_evictions(tx, session, placed, where);
            audit_.append(tx, {.code = audit::codes::session_rotated,
                               .actor = audit::Actor::user(session.user),
                               .subject = session.user,
                               .origin = where,
                               .details = {{"proved", change.proved ? change.proved->name : std::string{}}}});
            return placed;
        });
        if (replaced.refused) return errors::limit_reached;
        if (replaced.done()) return issued;
    }
    return errors::none;
}

Result<void> SessionService::end(SessionRef const& ref, audit::Actor const& actor, audit::Origin const& origin,
                                 std::string_view reason) {
    return database_.write([&](Transaction& tx) -> Result<void> {
        auto const whose = store_.erase(ref);
        if (!whose) return errors::not_found;
        audit_.append(tx, {.code = audit::codes::session_ended,
                           .actor = actor,
                           .subject = *whose,
                           .reason = std::string{reason},
                           .origin = origin,
                           .details = {{"session", ref.str()}}});
        return success();
    });
}

std::size_t SessionService::end_all(UserId const& user, std::optional<SessionRef> const& except, audit::Actor const& actor,
                                    audit::Origin const& origin, std::string_view reason) {
    return database_.write([&](Transaction& tx) {
        auto const erased = store_.erase_user(user, except);
        if (!erased.empty()) {
            audit_.append(tx, {.code = audit::codes::sessions_ended_all,
                               .actor = actor,
                               .subject = user,
                               .reason = std::string{reason},
                               .origin = origin,
                               .details = {{"count", std::to_string(erased.size())}}});
        }
        return erased.size();
    });
}

std::vector<Session> SessionService::list(UserId const& user) {
    auto sessions = store_.list(user);
    std::erase_if(sessions, [&, now = clock_.now()](auto const& session) { return !live(session, now); });
    return sessions;
}

std::vector<Session> SessionService::list_all(SessionRef const& after, std::size_t limit) {
    return store_.list_all(after, limit);
}

std::size_t SessionService::purge(std::size_t limit) { return store_.erase_expired(clock_.now(), limit); }

}  // namespace zephyr::sessions
