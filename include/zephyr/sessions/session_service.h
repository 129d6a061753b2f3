// Sessions: made here, found by their token, rotated when they gain power, ended.
//
// Owns: table session. Emits: sessions.started, sessions.rotated, sessions.ended, sessions.ended_all, sessions.evicted.
// Not here: who may do what (guards), checking passwords and codes (passwords, mfa), cookies (routes).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/sessions/session.h"
#include "zephyr/sessions/session_store.h"
#include "zephyr/storage/database.h"

namespace zephyr::audit {
class AuditLog;
}

namespace zephyr::sessions {

namespace errors {
// No session has this token: never made, ended, or replaced by a newer token. One answer for all three.
inline constexpr Failure none{Kind::unauthenticated, "sessions.none"};
// The session ended by time: idle, or its absolute end.
inline constexpr Failure expired{Kind::unauthenticated, "sessions.expired"};
inline constexpr Failure not_found{Kind::not_found, "sessions.not_found"};
// This person has as many sessions as the operator allows.
inline constexpr Failure limit_reached{Kind::conflict, "sessions.limit_reached"};
}  // namespace errors

struct SessionSettings {
    std::chrono::seconds idle = 30min;
    std::chrono::seconds absolute = 12h;
    std::chrono::seconds remember = 30 * 24h;  // absolute and idle limit of a remembered session
    std::chrono::seconds pending = 10min;      // a sign-in whose second factor is still missing
    Limit limit;
};

struct NewSession {
    UserId user;
    std::vector<Factor> factors;
    std::string pending;  // see Session::pending
    bool remember = false;
    audit::Origin origin;
    std::optional<TimePoint> until = std::nullopt;  // it ends then, if not before
};

// What a step-up changes. The token always changes with it.
struct Change {
    std::optional<Factor> proved;        // replaces an earlier proof of the same factor
    std::optional<std::string> pending;  // empty text: the sign-in is complete
    std::optional<TimePoint> until = std::nullopt;  // as NewSession::until, for a sign-in that this completes
};

class SessionService {
public:
    SessionService(SessionStore&, storage::Database&, audit::AuditLog&, Clock const&, Random&, SessionSettings);

    // Fails with limit_reached when the limit says refuse.
    Result<IssuedSession> start(NewSession const&);
    // The live session of a token, or none | expired. Records use at most once a minute.
    Result<Session> find(SecretText const& token);
    Result<Session> find(SessionRef const&);
    // The live session of a ref and the hash of the token it has now, for other tokens that stand for it (room tokens): they die when
    // that one is replaced. Records use as find(token) does. Fails with none | expired.
    Result<SessionStore::Row> use(SessionRef const&);
    // Gives the session a new token and the change; the old token is dead when this returns. Fails with none | expired, and with
    // limit_reached when a pending sign-in would become one session too many.
    Result<IssuedSession> rotate(SessionRef const&, Change const&, audit::Origin const&);
    Result<void> end(SessionRef const&, audit::Actor const&, audit::Origin const&, std::string_view reason);
    // Ends every session of a person but `except`; how many ended.
    std::size_t end_all(UserId const&, std::optional<SessionRef> const& except, audit::Actor const&, audit::Origin const&,
                        std::string_view reason);
    // Live ones only, newest first.
    std::vector<Session> list(UserId const&);
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit);
    // Removes at most `limit` ended sessions; how many there were. For the periodic purge.
    std::size_t purge(std::size_t limit = 500);
    std::size_t count() { return store_.count(); }
    SessionSettings const& settings() const { return settings_; }

    // For whoever remembers a session between requests.

    // Is it live at `now`, as far as time decides? No store is asked.
    bool live(Session const&, TimePoint now) const;
    // How long use may go unrecorded.
    std::chrono::milliseconds record_interval() const;
    // Records that the session is used now; false when the store could not be written. Never a reason to refuse: with a
    // full disk a session goes on and ends a little early.
    bool record_use(SessionRef const&, TimePoint now);

private:
    TimePoint end_of(Session const&, TimePoint now) const;
    void record_evictions(storage::Transaction&, Session const& newcomer, SessionStore::Placed const&, audit::Origin const&);

    SessionStore& store_;
    storage::Database& database_;
    audit::AuditLog& audit_;
    Clock const& clock_;
    Random& random_;
    SessionSettings settings_;
};

}  // namespace zephyr::sessions
