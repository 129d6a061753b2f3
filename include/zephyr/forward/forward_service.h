// Signing in at hosts that other applications serve: a proxy asks us about each request to them (forward-auth).
//
// A cookie of ours never reaches another host. So the browser that comes there first is led past our own sign-in and
// brings back a one-time ticket, for which the protected host sets a cookie of its own:
//
//   app.example.com/…                        no cookie: to app.example.com/auth/forward/begin
//   app.example.com/auth/forward/begin       state cookie for this browser; to PUBLIC_URL/auth/forward/start?request=…
//   PUBLIC_URL/auth/forward/start            signed in, or signs in; to app.example.com/auth/forward/callback?ticket=…
//   app.example.com/auth/forward/callback    ticket and state cookie against the host's cookie; to where it began
//
// The ticket is bound to origin, session and browser, and dies at its first use. The host's cookie names a session and is
// nothing without it: logout, a disabled account and lost roles count there at once.
//
// Owns: tables forward_ticket, forward_session. Emits: forward.ticket_issued, forward.signed_in, forward.refused.
// Not here: what a rule's demands mean for a session (guards), headers and cookies (routes).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "zephyr/audit/event.h"
#include "zephyr/encoding/url.h"
#include "zephyr/forward/errors.h"
#include "zephyr/forward/rule_book.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/storage/database.h"

namespace zephyr::audit {
class AuditLog;
}
namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::forward {

struct ForwardSettings {
    std::chrono::seconds link = 10min;      // from the protected host to our sign-in and through it
    std::chrono::seconds ticket = 60s;      // from our sign-in back
    std::chrono::seconds told_again = 60s;  // the same refusal of the same session is recorded once in this time
};

// Where somebody wanted to go.
struct Destination {
    encoding::Origin origin;
    std::string return_to;  // path and query
};

struct Begun {
    std::string request;  // for PUBLIC_URL/auth/forward/start; base64url, sealed
    SecretText state;     // for the state cookie of the protected host
};

// What a begun request says, once we have opened it.
struct Request {
    Destination destination;
    Bytes state_hash;
};

struct Redeemed {
    SecretText token;  // for the protected host's own cookie
    std::string return_to;
    sessions::Session session;
};

// What stands behind the cookie of a protected host.
struct HostSession {
    std::string ref;  // names it on the change bus, topic "forward"
    sessions::Session session;
};

// Somebody whose session we know.
struct Known {
    UserId user;
    SessionRef session;
};

class ForwardService {
public:
    ForwardService(storage::Database&, sessions::SessionService&, audit::AuditLog&, crypto::Sealer const&, Clock const&, Random&, RuleBook,
                   ForwardSettings = {});

    RuleBook const& rules() const { return rules_; }
    ForwardSettings const& settings() const { return settings_; }

    // At the protected host. A browser that has a state keeps it, so that two tabs may be on their way at once. A
    // return_to that is no plain path, leads back to /auth/forward/ or is longer than max_return_to becomes "/".
    Begun begin(Destination destination, std::optional<SecretText> const& state);
    // At our own address. Fails with link_stale, or host_unlisted when the rules changed meanwhile.
    Result<Request> read(std::string_view request) const;
    // A ticket for this session. Fails with sessions.none | sessions.expired.
    Result<SecretText> issue(SessionRef const& session, Request const& request, audit::Origin const& origin);
    // Back at the protected host. Whatever comes of it, the ticket is used up. Fails with ticket_refused.
    Result<Redeemed> redeem(SecretText const& ticket, encoding::Origin const& here, SecretText const& state, audit::Origin const& origin);

    // The live session behind the cookie of this host; its use is recorded. Fails with no_session, or sessions.expired.
    Result<HostSession> find(std::string_view host, SecretText const& token);

    // Refusals. Of somebody known the audit log hears, of strangers only the counters.
    void refused(std::optional<Known> const& known, std::string_view host, Error const& why, audit::Origin const& origin);
    void admitted() { ++admitted_; }
    struct Counts {
        std::int64_t admitted = 0;
        std::int64_t refused = 0;
    };
    Counts counts() const { return {admitted_.load(), refused_.load()}; }

    // Removes at most `limit` rows of each kind that time has ended; how many there were.
    std::size_t purge(std::size_t limit = 500);

    // The sealed request must fit into a return_to of our own pages, which is at most 2048 bytes.
    static constexpr std::size_t max_return_to = 1000;

private:
    struct Ticket;
    std::optional<Ticket> take(SecretText const& ticket);
    Result<Redeemed> exchange(Ticket const& ticket, encoding::Origin const& here, SecretText const& state, audit::Origin const& origin);
    void forget_host_session(std::string const& ref);

    storage::Database& database_;
    sessions::SessionService& sessions_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    Random& random_;
    RuleBook rules_;
    ForwardSettings settings_;

    std::atomic<std::int64_t> admitted_{0};
    std::atomic<std::int64_t> refused_{0};
    std::mutex told_mutex_;
    std::unordered_map<std::string, TimePoint> told_;  // bounded: emptied when full
};

}  // namespace zephyr::forward
