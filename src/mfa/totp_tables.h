// Table totp_device: its SQL.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/foundation/ids.h"
#include "zephyr/mfa/totp.h"
#include "zephyr/storage/database.h"

namespace zephyr::mfa {

struct DeviceRow {
    FactorId id;
    UserId user;
    std::string name;
    Bytes secret;  // sealed
    TotpAlgorithm algorithm = TotpAlgorithm::sha1;
    int digits = 6;
    std::chrono::seconds period{30};
    SessionRef session;  // that began the enrolment
    std::int64_t confirm_failures = 0;
    std::int64_t last_step = -1;
    TimePoint created_at;
    std::optional<TimePoint> confirmed_at;
    std::optional<TimePoint> last_used_at;
};

namespace totp_tables {

std::vector<DeviceRow> confirmed(storage::Transaction&, UserId const&);  // oldest first
std::optional<DeviceRow> pending(storage::Transaction&, UserId const&, SessionRef const&);
std::int64_t count(storage::Transaction&, UserId const&, std::string_view state);
std::int64_t count_people(storage::Transaction&);  // with a confirmed device

void insert_pending(storage::Transaction&, DeviceRow const&);
void delete_pending(storage::Transaction&, UserId const&, SessionRef const&);
std::int64_t delete_pending_from_before(storage::Transaction&, UserId const&, TimePoint);
// One more wrong code; returns the new count.
std::int64_t count_confirm_failure(storage::Transaction&, FactorId const&);
// Makes a pending device count, its step used. False if it is not pending any more.
bool confirm(storage::Transaction&, FactorId const&, std::int64_t step, TimePoint now);
// Uses up a step: false if it, or a later one, has been used. Of two racing callers one gets false.
bool use_step(storage::Transaction&, FactorId const&, std::int64_t step, TimePoint now);
void replace_secret(storage::Transaction&, FactorId const&, Bytes const& sealed);
// False when the person has no such confirmed device.
bool rename(storage::Transaction&, UserId const&, FactorId const&, std::string_view name);
bool remove(storage::Transaction&, UserId const&, FactorId const&);

// Every device of a person, pending ones too. Returns how many confirmed devices there were.
std::int64_t erase(storage::Transaction&, UserId const&);
std::int64_t purge(storage::Transaction&, TimePoint enrolments_before);

}  // namespace totp_tables

}  // namespace zephyr::mfa
