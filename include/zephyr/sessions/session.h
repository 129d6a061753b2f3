// A session: one browser (or client) that someone signed in from, and what was proved in it.
#pragma once

#include <string>
#include <vector>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::sessions {

// A factor proved in this session: "pwd", or what the kind of factor says it proves ("otp", "sms", "email", "backup"), and when.
// Second-factor state is a fact of the session, never of the user.
struct Factor {
    std::string name;
    TimePoint at;
    bool second = false;  // counts as the second factor that require_mfa asks for; decided when it was proved
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

// Whether what was proved reaches AAL2. An e-mail never does, even where the operator lets it count (NIST SP 800-63B-4, 3.1.3.1: "Email
// SHALL NOT be used for out-of-band authentication").
bool reaches_aal2(Session const& session);

// A session whose token was just made. The token is shown to the client once and kept nowhere.
struct IssuedSession {
    Session session;
    SecretText token;  // 43 characters of base64url: 256 random bits; behind a '.' what SessionStore::carry adds
    Bytes token_hash = {};  // as the store keeps it: names this token for what else is issued with it (SessionService::use)
};

}  // namespace zephyr::sessions
