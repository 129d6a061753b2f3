// The session conformance suite on both engines, and with copies in Redis and in cookies, over real servers.
#include <gtest/gtest.h>

#include "contract/redis_backend.h"
#include "sessions/session_store_suite.h"
#include "zephyr/sessions/sealed_cookie_store.h"

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

OpenBackend open_over(std::unique_ptr<storage::Database> database, std::string url, Clock const& clock) {
    auto backend = std::make_shared<RedisBackend>(std::move(database), std::move(url), clock);
    return {{backend}, std::shared_ptr<SessionStore>{backend, &backend->store}};
}

std::string flushed_redis() {
    auto& server = testing::RedisServer::instance();
    server.cli({"FLUSHALL"});  // tests repeat their "random" tokens
    return server.url();
}

OpenBackend open_redis_over_sqlite(Clock const& clock) {
    auto folder = std::make_shared<testing::TemporaryFolder>();
    auto opened = open_over(storage::open_sqlite({.path = (folder->path() / "sessions.db").string()}), flushed_redis(), clock);
    opened.holds.insert(opened.holds.begin(), folder);
    return opened;
}

OpenBackend open_redis_over_postgresql(Clock const& clock) {
    return open_over(storage::open_postgres({.uri = testing::PostgresServer::instance().fresh_database()}), flushed_redis(), clock);
}

// Nothing listens there: the truth alone must do.
OpenBackend open_without_redis(Clock const& clock) { return open_over(testing::memory_database(clock), "redis://127.0.0.1:1", clock); }

OpenBackend open_cookie_over_postgresql(Clock const& clock) {
    auto backend = std::make_shared<RedisBackend>(storage::open_postgres({.uri = testing::PostgresServer::instance().fresh_database()}),
                                             "redis://127.0.0.1:1", clock);
    return {{backend}, std::make_shared<SealedCookieStore>(backend->truth, backend->sealer)};
}

INSTANTIATE_TEST_SUITE_P(Engines, SessionStoreSuite,
                         ::testing::Values(SessionBackend{"sqlite_file", open_sqlite_file}, SessionBackend{"postgresql", open_postgresql},
                                           SessionBackend{"redis_over_sqlite", open_redis_over_sqlite},
                                           SessionBackend{"redis_over_postgresql", open_redis_over_postgresql},
                                           SessionBackend{"redis_away", open_without_redis},
                                           SessionBackend{"sealed_cookie_over_postgresql", open_cookie_over_postgresql}),
                         [](auto const& backend) { return backend.param.name; });

}  // namespace
}  // namespace zephyr::sessions
