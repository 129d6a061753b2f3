// Tables mfa_channel, mfa_code, mfa_sent and mfa_cap_alert.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/ids.h"
#include "zephyr/storage/database.h"

namespace zephyr::mfa {

struct ChannelRow {
    FactorId id;
    UserId user;
    std::string kind;   // "sms", "email"
    Bytes destination;  // sealed
    SessionRef session; // that began the enrolment
    TimePoint created_at;
    std::optional<TimePoint> confirmed_at = std::nullopt;
    std::optional<TimePoint> last_used_at = std::nullopt;
};

struct CodeRow {
    std::string id;
    UserId user;
    SessionRef session;
    std::string kind;
    std::string purpose;  // "prove", "enrol"
    FactorId channel;
    Bytes code;  // sealed
    TimePoint created_at;
    TimePoint expires_at;
    bool ended = false;  // a newer one was sent
    bool used = false;
};

// Which sends a cap counts; what is empty does not matter.
struct Sends {
    std::string_view purpose = {};
    std::string_view user = {};
    std::string_view session = {};
    std::string_view prefix = {};
    std::vector<std::string> destinations = {};  // any of these pseudonyms
};

struct SentRow {
    std::string id;
    std::string kind;
    UserId user;
    SessionRef session;
    std::string purpose;      // as CodeRow::purpose
    std::string destination;  // pseudonym
    std::string prefix;       // of the allow-list; empty for e-mail
    TimePoint sent_at;
};

namespace delivered_tables {

// --- mfa_channel
std::vector<ChannelRow> confirmed(storage::Transaction&, UserId const&, std::string_view kind);  // oldest first
// Of either kind, for the export.
std::vector<ChannelRow> all_confirmed(storage::Transaction&, UserId const&);
std::optional<ChannelRow> pending(storage::Transaction&, UserId const&, std::string_view kind, SessionRef const&);
std::int64_t count_pending(storage::Transaction&, UserId const&, std::string_view kind);
void insert_pending(storage::Transaction&, ChannelRow const&);
void delete_pending(storage::Transaction&, UserId const&, std::string_view kind, SessionRef const&);
void delete_pending_from_before(storage::Transaction&, UserId const&, std::string_view kind, TimePoint);
// Makes a pending channel count. False if it is not pending any more.
bool confirm(storage::Transaction&, FactorId const&, TimePoint now);
// False when it is no confirmed channel any more.
bool touch(storage::Transaction&, FactorId const&, TimePoint now);
// With its codes. False when the person has no such confirmed channel.
bool remove(storage::Transaction&, UserId const&, std::string_view kind, FactorId const&);
// With pending ones and every code. How many confirmed ones there were.
std::int64_t remove_all(storage::Transaction&, UserId const&, std::string_view kind);

// --- mfa_code
// Every code of a session for a purpose, dead ones too.
std::vector<CodeRow> codes(storage::Transaction&, UserId const&, SessionRef const&, std::string_view kind, std::string_view purpose);
void end_codes(storage::Transaction&, UserId const&, SessionRef const&, std::string_view kind, std::string_view purpose, TimePoint now);
void insert_code(storage::Transaction&, CodeRow const&);
// Of callers racing with one code one gets true. False too when it has expired or ended.
bool use_code(storage::Transaction&, std::string const& id, TimePoint now);

// --- mfa_sent
void insert_sent(storage::Transaction&, SentRow const&);
// When the sends since then that match became `most`: the time of the send that must leave the window first. Nothing while there are fewer.
std::optional<TimePoint> reached(storage::Transaction&, std::string_view kind, Sends const&, std::int64_t most, TimePoint since);
// True when nobody was told of this cap since then; they are now.
bool claim_alert(storage::Transaction&, std::string_view kind, std::string_view cap, TimePoint now, TimePoint since);

struct Purge {
    TimePoint enrolments_before;
    TimePoint codes_before;
    TimePoint sent_before;
};
std::int64_t purge(storage::Transaction&, std::string_view kind, Purge const&);
// Everything about a person; counts of what was sent stay, without saying to whom.
void erase(storage::Transaction&, UserId const&);

}  // namespace delivered_tables

}  // namespace zephyr::mfa
