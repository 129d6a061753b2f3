// Table backup_code: the only file of this room with SQL about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/ids.h"
#include "zephyr/storage/database.h"

namespace zephyr::mfa::backup_tables {

struct CodeRow {
    std::string id;
    FactorId set;
    Bytes secret;  // sealed
    std::optional<TimePoint> used_at;
};

struct SetRow {
    FactorId id;
    TimePoint created_at;
    std::int64_t codes = 0;
    std::int64_t left = 0;
    std::optional<TimePoint> last_used_at;
};

std::optional<CodeRow> find(storage::Transaction&, UserId const&, std::string_view selector);
std::optional<CodeRow> find_by_id(storage::Transaction&, UserId const&, std::string_view id);
// The person's set; nothing when there never was one.
std::optional<SetRow> set_of(storage::Transaction&, UserId const&);
void insert(storage::Transaction&, UserId const&, FactorId const& set, std::string_view id, std::string_view selector, Bytes const& secret,
            TimePoint now);
// False when somebody else was first.
bool use(storage::Transaction&, std::string_view id, TimePoint now);
// How many rows went.
std::int64_t remove_set(storage::Transaction&, UserId const&, FactorId const& set);
std::int64_t remove_all(storage::Transaction&, UserId const&);

}  // namespace zephyr::mfa::backup_tables
