// What both engines ask of SQL text and of the values bound to it.
#pragma once

#include <string_view>

#include "zephyr/storage/database.h"

namespace zephyr::storage {

// Throws Fault for text that is not UTF-8 or holds a NUL: PostgreSQL refuses it, so SQLite must too.
void check_values(Values const& values);

// The statement's first word in upper case, comments skipped.
std::string first_word(std::string_view sql);
// True for INSERT, UPDATE, DELETE and WITH: what has a number of changed rows.
bool changes_rows(std::string_view sql);
// For a fault's text: the beginning of the statement on one line. It holds no values, for those are bound.
std::string excerpt(std::string_view sql);

}  // namespace zephyr::storage
