// A session: one browser (or client) that someone signed in from, and what was proved in it.
#pragma once

#include <string>
#include <vector>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::sessions {

// A factor proved in this session, by its RFC 8176 amr name ("pwd", "otp"), and when: second-factor state is a fact of the session,
// never of the user.
struct Factor {
    std::string name;
    TimePoint at;
    bool operator==(Factor const&) const = default;
};

struct Session {
    SessionRef ref = SessionRef::trusted({});  // names the session; is no credential
    UserId user = UserId::trusted({});
    // Empty for a whole session. Otherwise the id of the failure that stands in the way ("mfa.required"): a pending sign-in, which
    // only factor routes and logout accept.
    std::string pending;
    std::vector<Factor> factors;
    TimePoint created_at;
    TimePoint last_seen_at;
    TimePoint expires_at;  // the absolute end, whatever is done in it
    bool remembered = false;
    std::string address;
    std::string user_agent;

    bool operator==(Session const&) const = default;
};

// A session whose token was just made. The token is shown to the client once and kept nowhere.
struct IssuedSession {
    Session session;
    SecretText token;  // 43 characters of base64url: 256 random bits; behind a '.' what SessionStore::carry adds
    Bytes token_hash = {};  // as the store keeps it: names this token for what else is issued with it (SessionService::use)
};

}  // namespace zephyr::sessions
