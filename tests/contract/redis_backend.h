// A session store with copies in Redis, over any database.
#pragma once

#include "testing/databases.h"
#include "testing/redis_server.h"
#include "testing/scripted_random.h"
#include "zephyr/adapters/redis_client.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/sessions/redis_session_store.h"

namespace zephyr::sessions {

struct RedisBackend {
    testing::ScriptedRandom random{77};
    SystemClock real_clock;
    NullLog nobody;
    std::unique_ptr<storage::Database> database;
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    SqlSessionStore truth{*database, sealer};
    adapters::RedisClient redis;
    RedisSessionStore store;

    RedisBackend(std::unique_ptr<storage::Database> opened, std::string url, Clock const& clock)
        : database{std::move(opened)},
          redis{{.url = SecretText{std::move(url)}, .shortest_pause = 20ms, .longest_pause = 100ms}, real_clock, nobody},
          store{truth, redis, sealer, clock, 30min} {
        testing::apply_source_migrations(*database);
    }
};

}  // namespace zephyr::sessions
