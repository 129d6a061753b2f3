// Legal holds: for as long as a case needs them, events are neither deleted when their time is over nor made unreadable when the person
// they are about is erased.
//
// Owns: table audit_hold. Emits: audit.hold_placed, audit.hold_released.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/storage/database.h"

namespace zephyr::audit {

namespace errors {
// The name of a case is 1 to 128 printable ASCII characters, without a blank at an end.
inline constexpr Failure hold_case_malformed{Kind::invalid, "audit.hold_case_malformed"};
// The end is not after the beginning.
inline constexpr Failure hold_range_empty{Kind::invalid, "audit.hold_range_empty"};
// More than 1024 bytes, or no UTF-8.
inline constexpr Failure hold_reason_malformed{Kind::invalid, "audit.hold_reason_malformed"};
// No hold of that case.
inline constexpr Failure hold_not_found{Kind::not_found, "audit.hold_not_found"};
}  // namespace errors

struct Hold {
    std::string id;
    std::string case_name;
    std::optional<UserId> subject = std::nullopt;   // nothing: everybody
    std::optional<TimePoint> from = std::nullopt;   // nothing: from the first event
    std::optional<TimePoint> until = std::nullopt;  // nothing: also what is still to come
    std::string reason = {};
    TimePoint placed_at = {};

    bool covers_time(TimePoint time) const { return (!from || *from <= time) && (!until || time < *until); }
};

struct PlaceHold {
    std::string case_name;
    std::optional<UserId> subject = std::nullopt;
    std::optional<TimePoint> from = std::nullopt;
    std::optional<TimePoint> until = std::nullopt;
    std::string reason = {};
};

// Safe from many threads.
class LegalHolds {
public:
    // From here on AuditLog asks covers() before it destroys anybody's keys.
    LegalHolds(storage::Database&, AuditLog&, Clock const&, Random&);

    // One case may have many holds. Fails with hold_case_malformed, hold_range_empty, hold_reason_malformed.
    Result<Hold> place(PlaceHold const& wanted, Actor const& actor, Origin const& origin = {});
    // Ends every hold of the case, and carries out the erasures that waited for it. How many people were erased by that: others may
    // still be held by another case. Fails with hold_not_found. Not inside a transaction.
    Result<std::size_t> release(std::string_view case_name, Actor const& actor, Origin const& origin = {});
    std::vector<Hold> list();  // oldest first
    std::vector<Hold> list(storage::Transaction& tx);

    // True when the person's part of the log must stay readable: a hold names them, or a hold over everybody covers the time of an event
    // by or about them.
    bool covers(storage::Transaction& tx, UserId const& person);

private:
    storage::Database& database_;
    AuditLog& audit_;
    Clock const& clock_;
    Random& random_;
};

}  // namespace zephyr::audit
