// Databases for tests: in-memory SQLite with our schema, and a private PostgreSQL server.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/storage/database.h"
#include "zephyr/storage/migrations.h"

namespace zephyr::testing {

// The migrations in `folder`, whose files are read once. Tests run with the repository's root as working directory.
std::vector<storage::Migration> source_migrations(std::filesystem::path const& folder = "migrations");
// Only those whose names ("0002_users") start with one of `prefixes` ("0001", "0002_users").
std::vector<storage::Migration> source_migrations_only(std::vector<std::string> const& prefixes);

// In-memory SQLite with every migration of the source tree, or only some of them.
std::unique_ptr<storage::Database> memory_database();
std::unique_ptr<storage::Database> memory_database(Clock const& clock);
std::unique_ptr<storage::Database> memory_database(Clock const& clock, std::vector<std::string> const& prefixes);

// Brings any database to the schema of the source tree; throws Fault when that is refused.
void apply_source_migrations(storage::Database& database);

// A folder of its own that is removed with its content at the end.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(TemporaryFolder const&) = delete;
    TemporaryFolder& operator=(TemporaryFolder const&) = delete;
    std::filesystem::path const& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// One real PostgreSQL per test program, on a Unix socket in a private folder, gone when the program ends. Started by
// the first call of instance(); throws Fault with the reason when it cannot be (not installed, no user to run it as).
class PostgresServer {
public:
    static PostgresServer& instance();
    ~PostgresServer();
    PostgresServer(PostgresServer const&) = delete;
    PostgresServer& operator=(PostgresServer const&) = delete;

    // A new, empty database; its URI for storage::PostgresSettings. No schema yet: see apply_source_migrations.
    std::string fresh_database();
    void start();  // waits until it answers
    void stop();   // as an administrator would: connections are told
    void kill();   // SIGKILL to the server and everything it started

private:
    PostgresServer();
    void initialise();
    std::string connection_string(std::string const& database) const;
    bool answers() const;

    std::filesystem::path programs_;
    TemporaryFolder folder_;
    uid_t user_;
    gid_t group_;
    pid_t process_ = -1;
    int databases_ = 0;
};

}  // namespace zephyr::testing
