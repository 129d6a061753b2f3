// Personal data by construction: every room with rows about a person offers a PersonalDataSource, and a schema test
// fails for any column that no source claims and no room has declared free of personal data.
#pragma once

#include <string>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/storage/database.h"

namespace zephyr::privacy {

// The columns of one table, each either personal (exported and erased) or not, with the reason.
struct TableClaim {
    std::string table;
    std::vector<std::string> personal;
    std::vector<std::string> not_personal;  // keys, counters, times without a person, sealed key material
};

class PersonalDataSource {
public:
    virtual ~PersonalDataSource() = default;
    virtual std::string name() const = 0;  // the room's
    virtual std::vector<TableClaim> claims() const = 0;
    // Everything kept about the person, readable by a machine; secrets are named, not shown.
    virtual encoding::Json export_for(storage::Transaction&, UserId const&) = 0;
    // Deletes or blanks it, inside the caller's transaction: all sources or none.
    virtual void erase(storage::Transaction&, UserId const&) = 0;
    // Sources with a higher number erase later. The account itself is last.
    virtual int erase_order() const { return 0; }
};

}  // namespace zephyr::privacy
