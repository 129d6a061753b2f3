// How users and groups stand in their tables, for the files of this room.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/storage/database.h"
#include "zephyr/users/group_service.h"
#include "zephyr/users/user.h"
#include "zephyr/users/user_service.h"

namespace zephyr::users {

inline constexpr std::string_view user_columns =
    "id, username, canonical_username, email, canonical_email, display_name, state, expires_at, locked_until, created_at,"
    " updated_at, version, email_verified_at";
User read_user(storage::Row const& row);

inline constexpr std::string_view group_columns = "id, name, canonical_name, created_at, updated_at, version";
Group read_group(storage::Row const& row);

// A condition on app_user: the account is active at the time bound to `now`, such as "$1".
std::string active_condition(UserService::Lasting lasting, std::string const& now);

// The first text behind every text that starts with `prefix`, in byte order.
std::string end_of_prefix(std::string_view prefix);
// How the first row of a page compares with max(after, prefix): one lower bound, because SQLite begins its walk of the
// index at one of two and would otherwise read everything in front of the prefix.
std::string behind(std::string_view after, std::string_view prefix);

// "$first, $first+1, …"
std::string placeholders(std::size_t first, std::size_t count);

// Runs a write whose checks look before they leap. On PostgreSQL two of them can still meet at a unique index; the
// second run then sees the other's row and answers properly.
template <class Body>
auto write_once_more(storage::Database& database, Body const& body) {
    try {
        return database.write(body);
    } catch (storage::UniqueViolation const&) {
        return database.write(body);
    }
}

}  // namespace zephyr::users
