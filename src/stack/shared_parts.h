// What several nodes share beside the database: Redis, and what stands on it.
#pragma once

#include "zephyr/stack.h"

namespace zephyr::stack_parts {

// Null without redis.url.
std::unique_ptr<adapters::RedisClient> redis(config::RedisSettings const&, Clock const&, Log&);
// What stands in front of the session table, by sessions.store; null: nothing.
std::unique_ptr<sessions::SessionStore> session_copies(Stack&);
std::unique_ptr<middleware::SharedRateLimiter> shared_rate_limiter(Stack&);
// Throws Fault for an inline route with a shared limit: the porch's loop would wait for Redis.
void check_inline_routes(Stack const&);
// What is remembered, and how far that is believed when other nodes write too.
guards::HolderCacheSettings holder_cache(Stack&);
forward::PeopleSettings people(Stack&);
// Brings other nodes' changes to this one's memory and ours to theirs, where cache.other_nodes says so.
void join_other_nodes(Stack&);

}  // namespace zephyr::stack_parts
