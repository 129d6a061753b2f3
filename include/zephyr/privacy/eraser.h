// All the places that hold something about one person, as one: export and erasure go through here.
#pragma once

#include <string>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/privacy/personal_data.h"
#include "zephyr/storage/database.h"
#include "zephyr/storage/migrations.h"

namespace zephyr::privacy {

class PersonalData {
public:
    // Throws Fault when two sources claim one table or bear one name. The sources must outlive this object.
    explicit PersonalData(std::vector<PersonalDataSource*> sources);

    // One member per source, under its name: everything kept about the person. Call it in a read transaction.
    encoding::Json export_for(storage::Transaction& tx, UserId const& user) const;
    // Erases in the order of erase_order, so that the row that names the person goes last. All or nothing: it is the
    // caller's transaction.
    void erase(storage::Transaction& tx, UserId const& user) const;
    // Every claim of every source.
    std::vector<TableClaim> claims() const;

private:
    std::vector<PersonalDataSource*> sources_;  // in erasing order
};

// One line per thing wrong between schema and claims: a column nobody claims, one claimed twice, or a claim for a
// column that does not exist. Empty when they agree. `columns` comes from storage::list_columns.
std::vector<std::string> unclaimed_columns(std::vector<storage::Column> const& columns,
                                           std::vector<TableClaim> const& claims);

}  // namespace zephyr::privacy
