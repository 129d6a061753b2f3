#include "testing/databases.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "testing/manual_clock.h"

namespace zephyr::testing {

namespace {

std::vector<storage::Migration> read_migrations(std::filesystem::path const& folder) {
    if (!std::filesystem::is_directory(folder)) {
        throw Fault{"no folder " + folder.string() + " here: run tests from the repository's root"};
    }
    std::vector<std::pair<std::string, std::string>> texts;
    for (auto const& entry : std::filesystem::directory_iterator{folder}) {
        if (entry.path().extension() != ".sql") continue;
        std::ostringstream text;
        text << std::ifstream{entry.path()}.rdbuf();
        texts.emplace_back(entry.path().filename().string(), text.str());
    }
    std::vector<std::pair<std::string_view, std::string_view>> views;
    for (auto const& [name, text] : texts) views.emplace_back(name, text);
    return storage::make_migrations(views);
}

void apply(storage::Database& database, std::vector<storage::Migration> const& migrations, Clock const& clock) {
    auto const report = storage::migrate(database, migrations, clock);
    if (!report.ok()) throw Fault{std::string{report.error().id()} + ": " + std::string{report.error().detail()}};
}

}  // namespace

std::vector<storage::Migration> source_migrations(std::filesystem::path const& folder) {
    static std::mutex mutex;
    static std::map<std::filesystem::path, std::vector<storage::Migration>> known;
    std::lock_guard const lock{mutex};
    auto const found = known.find(folder);
    return found != known.end() ? found->second : known.emplace(folder, read_migrations(folder)).first->second;
}

std::vector<storage::Migration> source_migrations_only(std::vector<std::string> const& prefixes) {
    auto migrations = source_migrations();
    std::erase_if(migrations, [&](storage::Migration const& migration) {
        return std::none_of(prefixes.begin(), prefixes.end(),
                            [&](std::string const& prefix) { return migration.name.starts_with(prefix); });
    });
    return migrations;
}

std::unique_ptr<storage::Database> memory_database() {
    return memory_database(ManualClock{});
}

std::unique_ptr<storage::Database> memory_database(Clock const& clock) {
    auto database = storage::open_sqlite({.path = ":memory:"});
    apply(*database, source_migrations(), clock);
    return database;
}

std::unique_ptr<storage::Database> memory_database(Clock const& clock, std::vector<std::string> const& prefixes) {
    auto database = storage::open_sqlite({.path = ":memory:"});
    apply(*database, source_migrations_only(prefixes), clock);
    return database;
}

void apply_source_migrations(storage::Database& database) {
    apply(database, source_migrations(), ManualClock{});
}

TemporaryFolder::TemporaryFolder() {
    auto name = (std::filesystem::temp_directory_path() / "zephyr-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw Fault{"cannot make a temporary folder like " + name};
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace zephyr::testing
