// Pages for administrators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/pages/account_pages.h"
#include "zephyr/pages/view.h"

namespace zephyr::pages {

// One audit event as a line. The catalogue has "event.<name>" in plain words; an event it has no words for shows its
// name.
struct EventRow {
    TimePoint time;
    std::string code;          // "ZAUTH01I"
    std::string name;          // "auth.signed_in"
    std::string outcome;       // "success", "failure" or "denied"
    std::string reason;        // failure id or another stable word
    std::string actor_name;    // empty: nobody known
    std::string actor_type;    // "user", "operator_cli", "system", "anonymous"
    std::string subject_id;    // for the link to the person
    std::string subject_name;  // empty once erased
    std::string address;
    std::vector<std::pair<std::string, std::string>> details;
    std::string id = {};  // of the event, for the link to its page; empty: none
};

struct DayCount {
    TimePoint day;  // its first millisecond, UTC
    std::int64_t accepted = 0;
    std::int64_t refused = 0;
};

// GET /admin. Every number links to the list behind it.
struct AdminDashboardPage {
    std::int64_t users = 0;
    std::int64_t users_without_second_factor = 0;
    std::int64_t sessions = 0;
    std::int64_t refusals = 0;       // of the last 24 hours
    std::vector<DayCount> sign_ins;  // oldest first
    std::vector<EventRow> events;    // newest first
};

struct UserRow {
    std::string id;
    std::string username;
    std::string display_name;
    std::string email;
    std::string state = "active";  // active, disabled, locked, expired, pending
    bool second_factor = false;
    std::vector<std::string> roles;
    std::optional<TimePoint> last_seen_at;
};

// GET /admin/users?q=…&state=…&factor=none&signed_in=yes&after=…; links keep the filters.
struct AdminUsersPage {
    std::vector<UserRow> users;
    std::string prefix;      // q: username or e-mail begins with
    std::string state;       // empty: any
    std::string factor;      // "none": only people without a second factor; "some": only with
    std::string signed_in;   // "yes": only people with a live session
    std::string after;       // the cursor this page was asked with
    std::string next_after;  // cursor of the next page; empty on the last
    std::string notice;      // "user_deleted", "user_created"
};

struct FactorCount {
    std::string kind;
    std::int64_t people = 0;
};

// GET /admin/mfa?after=…: who has which second factor, and who should have one and has not.
struct AdminMfaPage {
    std::int64_t users = 0;
    std::int64_t with_second_factor = 0;  // one that counts
    std::vector<FactorCount> kinds;       // strongest first
    std::vector<UserRow> missing;         // demanded of them, and not there
    std::string after;
    std::string next_after;
    bool cut_short = false;  // so many were looked at that the page ended before it was full
};

struct RoleItem {
    std::string name;
    std::string through_group;  // empty: given to the person
    std::optional<TimePoint> expires_at;
};

// GET /admin/users/<id>. Dangerous forms say what is lost; the route asks for a fresh proof. Forms: POST …/disable,
// …/enable, …/reset-mfa, …/end-sessions, …/delete (confirm: the username, typed), …/roles (change: "grant" or "revoke";
// role).
struct AdminUserPage {
    std::string id;
    std::string username;
    std::string display_name;
    std::string email;
    std::string state = "active";
    std::optional<TimePoint> expires_at;
    std::optional<TimePoint> locked_until;
    TimePoint created_at;
    bool self = false;  // the administrator's own account: disabling and deleting are not offered
    std::vector<RoleItem> roles;
    std::vector<std::string> grantable_roles;
    std::vector<std::string> groups;
    std::vector<FactorItem> factors;
    std::optional<std::int64_t> backup_codes_left;  // absent: never made
    bool second_factor_demanded = false;
    std::optional<TimePoint> second_factor_due;  // demanded, not there, and sign-in goes on without until then
    std::size_t trusted_browsers = 0;
    std::string recovery_href = {};  // of the page where a recovery is asked for; empty: there is none
    std::vector<SessionItem> sessions;
    std::vector<EventRow> history;  // newest first
    std::string notice;  // "user_disabled", "user_enabled", "factors_reset", "user_sessions_ended", "role_granted",
                         // "role_revoked", "user_created"
    FormErrors errors;
};

// GET and POST /admin/users/new: username, email, display_name, password (empty: none yet), password_again (see
// SetupPage).
struct AdminUserNewPage {
    std::string username;
    std::string email;
    std::string display_name;
    int minimum_length = 15;
    FormErrors errors;
};

// GET /admin/audit?code=…&outcome=…&user=…&as=…&from=…&until=…&cursor=…, and the form POST /admin/audit/export: format, export_from,
// export_until, personal.
struct AdminAuditPage {
    std::vector<EventRow> events;                            // newest first
    std::vector<std::pair<std::string, std::string>> codes;  // code and event name, for the filter
    std::string code;                                        // empty: any
    std::string outcome;      // "success", "failure", "denied", "refused" (either of the two); empty: any
    std::string user;         // as typed, or an id; empty: anyone
    std::string user_name;    // of the person it stands for
    std::string as;           // "by": what they did; else what concerns them
    std::string from;         // days, "2026-11-24"
    std::string until;
    std::string cursor;       // this page was asked with
    std::string next_cursor;  // of the next (older) page; empty on the last
    std::vector<std::string> formats;
    std::string format;
    std::string export_from;
    std::string export_until;
    FormErrors errors;  // of both forms
};

// GET /admin/audit/<id>: one event in plain words, every id explained, and its proof.
struct AdminEventPage {
    EventRow event;
    std::string meaning;    // the table's sentence, for languages without one of their own
    std::string retention;  // class: "auth", "admin", "phi", "http"
    std::string actor_id;
    std::string user_agent;
    std::string request_id;
    std::string session;
    std::vector<std::pair<std::string, std::string>> personal;
    bool erased = false;  // personal details were destroyed
    std::string node;     // whose log holds it
    // Why there is no proof here: "other_node", "not_logged", "gone", "not_yet_signed", "row_differs"; empty when there is one.
    std::string unprovable;
    std::string stored;  // the bytes in the log
    std::string vkey;    // whose signature counts
};

}  // namespace zephyr::pages
