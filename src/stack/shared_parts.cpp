#include "stack/shared_parts.h"

#include <algorithm>

#include "stack/room_settings.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/sessions/redis_session_store.h"
#include "zephyr/sessions/sealed_cookie_store.h"

namespace zephyr::stack_parts {

namespace {

adapters::RedisSettings redis_settings(config::RedisSettings const& settings) {
    return {.url = settings.url, .ca_file = settings.ca_file, .deadline = settings.deadline};
}

// On SQLite one process owns the file: there are no other nodes.
bool hears_other_nodes(Stack const& stack) {
    return stack.redis && stack.settings.cache.other_nodes == config::OtherNodes::bounded &&
           stack.database->engine() == storage::Engine::postgresql;
}

}  // namespace

std::unique_ptr<adapters::RedisClient> redis(config::RedisSettings const& settings, Clock const& clock, Log& log) {
    if (settings.url.empty()) return nullptr;
    return std::make_unique<adapters::RedisClient>(redis_settings(settings), clock, log);
}

std::unique_ptr<sessions::SessionStore> session_copies(Stack& stack) {
    switch (stack.settings.sessions.store) {
        case config::SessionPlace::database: break;
        case config::SessionPlace::cookie: return std::make_unique<sessions::SealedCookieStore>(stack.session_store, stack.sealer);
        case config::SessionPlace::redis:
            if (!stack.redis) break;  // a rule of config refuses that
            return std::make_unique<sessions::RedisSessionStore>(stack.session_store, *stack.redis, stack.sealer, stack.clock,
                                                                 stack.settings.sessions.idle);
    }
    return nullptr;
}

std::unique_ptr<middleware::SharedRateLimiter> shared_rate_limiter(Stack& stack) {
    if (!stack.redis) return nullptr;
    return std::make_unique<middleware::SharedRateLimiter>(*stack.redis, stack.sealer.derive("shared rate limits"));
}

void check_inline_routes(Stack const& stack) {
    auto const limits = stack_settings::rate_limits(stack.settings.limits);
    for (auto const& route : stack.app.table()) {
        if (!route.run_inline || !limits.shared.contains(route.rate_class)) continue;
        throw Fault{"an inline route has a shared limit: " + route.print()};
    }
}

guards::HolderCacheSettings holder_cache(Stack& stack) {
    auto chosen = stack_settings::holder_cache(stack.settings.cache);
    if (!hears_other_nodes(stack)) return chosen;
    chosen.hears_everything = [&stack] { return stack.change_feed && stack.change_feed->current(); };
    // A node that cannot publish tells nobody, and we cannot know: so nothing is believed for longer either.
    chosen.longest = adapters::RedisChangeFeed::believed_for;
    return chosen;
}

// Believed exactly as far as sessions are.
forward::PeopleSettings people(Stack& stack) {
    auto const holders = holder_cache(stack);
    return {.entries = std::min(forward::PeopleSettings{}.entries, holders.entries),
            .hears_everything = holders.hears_everything,
            .longest = holders.longest};
}

void join_other_nodes(Stack& stack) {
    if (!hears_other_nodes(stack)) return;
    stack.change_feed = std::make_unique<adapters::RedisChangeFeed>(*stack.redis, redis_settings(stack.settings.redis), stack.clock,
                                                                    stack.random, stack.log);
    stack.change_feed->on_message([&stack](std::vector<ports::ChangeFeed::Change> const& heard) {
        std::vector<storage::Change> changes;
        for (auto const& change : heard) {
            // Before the holders: whoever is asked about again must not be judged by a key that is revoked.
            if (change.topic == ports::ChangeFeed::everything || change.topic == "signing_keys") stack.signing_keys.forget();
            if (change.topic == "audit_subject") stack.subject_keys.forget(change.key);
            if (change.topic == ports::ChangeFeed::everything) {
                stack.subject_keys.forget_all();
                stack.people.forget_all();
                return stack.holder_cache.forget_all();
            }
            changes.push_back({change.topic, change.key});
        }
        stack.people.forget(changes);
        stack.holder_cache.forget(changes);
    });
    stack.publishing = stack.database->on_change([&stack](std::vector<storage::Change> const& made) {
        std::vector<ports::ChangeFeed::Change> changes;
        for (auto const& change : made) changes.push_back({change.topic, change.key});
        stack.change_feed->publish(changes);
    });
    stack.change_feed->start();
}

}  // namespace zephyr::stack_parts
