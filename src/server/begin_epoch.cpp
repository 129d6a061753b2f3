#include "server/begin_epoch.h"

#include "server/audit_folder.h"
#include "zephyr/audit/trail.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/server/data_folder.h"
#include "zephyr/storage/database.h"

namespace zephyr::server {

namespace fs = std::filesystem;

namespace {

std::string node_name(fs::path const& folder) {
    constexpr std::size_t longest = 64;
    auto const content = read_small_file(folder / "node", longest);
    if (!content) return {};
    auto const text = as_text(*content);
    return std::string{text.substr(0, text.find('\n'))};
}

// What the database knows of the log that ends. A database that has no such table knows of none.
std::optional<audit::KnownLog> known_log(storage::Database& database, std::string const& node) {
    if (storage::schema_version(database) == 0) return std::nullopt;
    try {
        return database.read([&](storage::Transaction& tx) {
            return audit::newest_known_log(tx, database.engine() == storage::Engine::sqlite, node);
        });
    } catch (StorageFault const&) {
        throw;
    } catch (Fault const&) {  // an older schema
        return std::nullopt;
    }
}

}  // namespace

Result<audit::Epoch> begin_epoch(config::Settings const& settings, std::string const& reason,
                                 std::optional<tlog::SignedCheckpoint> const& witnessed) {
    ZEPHYR_TRY(auto const data, DataFolder::lock(settings.storage.data));  // a server that runs holds it
    auto const folder = audit_folder(settings, data.path());
    auto node = node_name(folder);
    std::optional<audit::KnownLog> known;
    if (!settings.storage.url.empty()) {
        known = known_log(*storage::open_postgres({.uri = settings.storage.url.reveal(), .connections = 1}), node);
    } else if (fs::exists(data.database())) {
        known = known_log(*storage::open_sqlite({.path = data.database().string()}), node);
    }
    if (node.empty() && known) {
        // The folder is gone, and so is its log: the next one goes on under the node's name.
        node = known->node;
        if (fs::create_directories(folder)) fs::permissions(folder, fs::perms::owner_all);
        replace_file(folder / "node", as_bytes(node + "\n"));
    }
    auto const base = audit::log_origin(settings.server.public_url, node);
    auto const ending = audit::current_epoch(folder, base);
    if (witnessed && witnessed->checkpoint.origin != ending.origin) {
        return Error{tlog::errors::origin_wrong, witnessed->checkpoint.origin}.with_reason(
            "The witness's checkpoint is of \"" + witnessed->checkpoint.origin + "\", and the log that ends is \"" + ending.origin + "\".");
    }
    return audit::begin_next_epoch(folder, base, {.reason = reason,
                                                .indexed = known ? known->indexed : 0,
                                                .known = known ? known->epoch : 0,
                                                .witnessed = witnessed});
}

}  // namespace zephyr::server
