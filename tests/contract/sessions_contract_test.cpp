// The session conformance suite on both engines, PostgreSQL in a private server.
#include <gtest/gtest.h>

#include "sessions/session_store_suite.h"
#include "testing/databases.h"
#include "zephyr/crypto/keyring.h"

namespace zephyr::sessions {
namespace {

struct SqlBackend {
    testing::ScriptedRandom random{77};
    std::unique_ptr<storage::Database> database;
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    SqlSessionStore store{*database, sealer};
    explicit SqlBackend(std::unique_ptr<storage::Database> opened) : database{std::move(opened)} {
        testing::apply_source_migrations(*database);
    }
};

OpenBackend open_sqlite_file(Clock const&) {
    auto folder = std::make_shared<testing::TemporaryFolder>();
    auto backend = std::make_shared<SqlBackend>(storage::open_sqlite({.path = (folder->path() / "sessions.db").string()}));
    return {{folder, backend}, std::shared_ptr<SessionStore>{backend, &backend->store}};
}

OpenBackend open_postgresql(Clock const&) {
    auto backend = std::make_shared<SqlBackend>(storage::open_postgres({.uri = testing::PostgresServer::instance().fresh_database()}));
    return {{backend}, std::shared_ptr<SessionStore>{backend, &backend->store}};
}

INSTANTIATE_TEST_SUITE_P(Engines, SessionStoreSuite,
                         ::testing::Values(SessionBackend{"sqlite_file", open_sqlite_file}, SessionBackend{"postgresql", open_postgresql}),
                         [](auto const& backend) { return backend.param.name; });

}  // namespace
}  // namespace zephyr::sessions
