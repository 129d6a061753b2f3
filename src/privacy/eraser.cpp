#include "zephyr/privacy/eraser.h"

#include <algorithm>
#include <map>
#include <set>

#include "zephyr/foundation/fault.h"

namespace zephyr::privacy {

PersonalData::PersonalData(std::vector<PersonalDataSource*> sources) : sources_{std::move(sources)} {
    std::set<std::string> names;
    std::set<std::string> tables;
    for (auto const* source : sources_) {
        if (!names.insert(source->name()).second) throw Fault{"two sources of personal data are named " + source->name()};
        for (auto const& claim : source->claims()) {
            if (!tables.insert(claim.table).second) throw Fault{"two sources of personal data claim table " + claim.table};
        }
    }
    std::stable_sort(sources_.begin(), sources_.end(), [](auto const* left, auto const* right) {
        return left->erase_order() < right->erase_order();
    });
}

encoding::Json PersonalData::export_for(storage::Transaction& tx, UserId const& user) const {
    auto out = encoding::Json::object();
    for (auto* source : sources_) out.set(source->name(), source->export_for(tx, user));
    return out;
}

void PersonalData::erase(storage::Transaction& tx, UserId const& user) const {
    for (auto* source : sources_) source->erase(tx, user);
}

std::vector<TableClaim> PersonalData::claims() const {
    std::vector<TableClaim> out;
    for (auto const* source : sources_) {
        for (auto& claim : source->claims()) out.push_back(std::move(claim));
    }
    return out;
}

std::vector<std::string> unclaimed_columns(std::vector<storage::Column> const& columns,
                                           std::vector<TableClaim> const& claims) {
    std::map<storage::Column, int> claimed;
    for (auto const& claim : claims) {
        for (auto const& column : claim.personal) ++claimed[{claim.table, column}];
        for (auto const& column : claim.not_personal) ++claimed[{claim.table, column}];
    }
    std::set<storage::Column> const present{columns.begin(), columns.end()};

    std::vector<std::string> problems;
    for (auto const& column : present) {
        if (!claimed.contains(column)) problems.push_back(column.table + "." + column.column + ": claimed by nobody");
    }
    for (auto const& [column, times] : claimed) {
        if (times > 1) problems.push_back(column.table + "." + column.column + ": claimed more than once");
        if (!present.contains(column)) problems.push_back(column.table + "." + column.column + ": claimed, but not in the schema");
    }
    return problems;
}

}  // namespace zephyr::privacy
