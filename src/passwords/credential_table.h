// Tables password_credential and password_lane: the only file of this room with SQL about them, beside the personal data. The counts of the
// lane "" stand in password_credential, so that most sign-ins read and write one row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/ids.h"
#include "zephyr/storage/database.h"

namespace zephyr::passwords {

struct Credential {
    Bytes phc;  // sealed
    bool imported = false;
    std::string pepper_key_id;
    bool full_length = false;
    bool must_change = false;
    std::int64_t failures = 0;  // in the lane it was read for
    TimePoint throttled_until;
    TimePoint changed_at;
};

namespace credential_table {

std::optional<Credential> find(storage::Transaction&, UserId const&, std::string_view lane = {});
// With the most failures and the longest throttle of all lanes.
std::optional<Credential> find_worst(storage::Transaction&, UserId const&);
// Inserts or replaces; failures and throttle start at zero, in every lane.
void put(storage::Transaction&, UserId const&, Credential const&);
// Replaces the hash alone if it is still `old_phc`; false if not.
bool replace_hash(storage::Transaction&, UserId const&, Bytes const& old_phc, Credential const&);
// One failure more, unless throttled or locked out at `now`: then nothing. Returns the new count.
std::optional<std::int64_t> count_failure(storage::Transaction&, UserId const&, std::string_view lane, TimePoint now, std::int64_t limit);
void throttle(storage::Transaction&, UserId const&, std::string_view lane, TimePoint until);
// After a success with the hash `phc`: clears the lane's failures unless throttled or locked out at `now`. False if so, or if
// the hash is another by now.
bool clear_after_success(storage::Transaction&, UserId const&, std::string_view lane, Bytes const& phc, TimePoint now, std::int64_t limit);
void clear_lanes(storage::Transaction&, UserId const&);
std::int64_t purge_lanes(storage::Transaction&, TimePoint counted_before);
// These return false when there is no row.
bool clear_failures(storage::Transaction&, UserId const&);
bool set_must_change(storage::Transaction&, UserId const&);
bool remove(storage::Transaction&, UserId const&);

}  // namespace credential_table

}  // namespace zephyr::passwords
