// Who has what, as numbers: how many people have each kind of second factor.
//
// Owns: nothing; reads the tables of room mfa.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "zephyr/storage/database.h"

namespace zephyr::mfa {

struct Coverage {
    struct Kind {
        std::string_view name;  // FactorKind::name
        std::int64_t people = 0;
    };
    std::vector<Kind> kinds;         // strongest first; backup codes, while any is left, last
    std::int64_t second_factor = 0;  // people with at least one kind that counts towards AAL2 and stands alone
};

// One scan of each table: for an administrator's page, not for every request.
Coverage coverage(storage::Database&);

}  // namespace zephyr::mfa
