// One suite for every SessionStore. A backend joins by giving a factory:
//   INSTANTIATE_TEST_SUITE_P(Redis, SessionStoreSuite, ::testing::Values(SessionBackend{"redis", make_redis_backend}));
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions {

// Keeps alive whatever the store stands on.
struct OpenBackend {
    std::vector<std::shared_ptr<void>> holds;
    std::shared_ptr<SessionStore> store;
};
struct SessionBackend {
    std::string name;
    std::function<OpenBackend(Clock const&)> open;
};
inline void PrintTo(SessionBackend const& backend, std::ostream* out) { *out << backend.name; }

class SessionStoreSuite : public ::testing::TestWithParam<SessionBackend> {
protected:
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    OpenBackend backend = GetParam().open(clock);
    SessionStore& store = *backend.store;
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);

    SessionStore::Row row_for(UserId const& user) {
        SessionStore::Row row;
        row.session.ref = SessionRef::make(clock.now(), random);
        row.session.user = user;
        row.session.factors = {{"pwd", clock.now()}};
        row.session.created_at = row.session.last_seen_at = clock.now();
        row.session.expires_at = clock.now() + 12h;
        row.session.address = "192.0.2.7";
        row.session.user_agent = "Größe/1.0 (\"quoted\")";
        row.token_hash = crypto::sha256(random.bytes(32));
        return row;
    }
    SessionStore::Row kept_for(UserId const& user) {
        auto row = row_for(user);
        EXPECT_FALSE(store.insert(row, {}, clock.now()).refused);
        return row;
    }
};

TEST_P(SessionStoreSuite, gives_back_what_was_put_in) {
    auto row = row_for(alice);
    row.session.pending = "mfa.required";
    row.session.remembered = true;
    row.session.factors.push_back({"otp", clock.now() + 3s});
    store.insert(row, {}, clock.now());
    auto const by_token = store.find_by_token(row.token_hash);
    ASSERT_TRUE(by_token);
    EXPECT_EQ(*by_token, row.session);
    auto const by_ref = store.find(row.session.ref);
    ASSERT_TRUE(by_ref);
    EXPECT_EQ(by_ref->token_hash, row.token_hash);
}

TEST_P(SessionStoreSuite, finds_nothing_for_an_unknown_or_altered_token) {
    auto row = kept_for(alice);
    EXPECT_FALSE(store.find_by_token(crypto::sha256(as_bytes("another"))));
    row.token_hash.back() ^= std::byte{1};
    EXPECT_FALSE(store.find_by_token(row.token_hash));
    row.token_hash.pop_back();
    EXPECT_FALSE(store.find_by_token(row.token_hash));
    EXPECT_FALSE(store.find_by_token({}));
}

TEST_P(SessionStoreSuite, replacing_kills_the_old_token_at_once) {
    auto const old = kept_for(alice);
    auto next = old;
    next.token_hash = crypto::sha256(as_bytes("next"));
    next.session.pending = "";
    EXPECT_TRUE(store.replace(old.token_hash, next));
    EXPECT_FALSE(store.find_by_token(old.token_hash));
    EXPECT_TRUE(store.find_by_token(next.token_hash));
    EXPECT_FALSE(store.replace(old.token_hash, next)) << "the old token must not win again";
}

TEST_P(SessionStoreSuite, of_many_racing_replacements_of_one_token_exactly_one_wins) {
    auto const old = kept_for(alice);
    constexpr int threads = 16;
    std::atomic<int> won = 0;
    std::vector<std::thread> racers;
    for (int i = 0; i < threads; ++i) {
        racers.emplace_back([&, i] {
            auto next = old;
            next.token_hash = crypto::sha256(as_bytes("racer " + std::to_string(i)));
            if (store.replace(old.token_hash, next)) ++won;
        });
    }
    for (auto& racer : racers) racer.join();
    EXPECT_EQ(won, 1);
}

TEST_P(SessionStoreSuite, replacing_an_erased_session_does_not_bring_it_back) {
    auto const old = kept_for(alice);
    ASSERT_TRUE(store.erase(old.session.ref));
    EXPECT_FALSE(store.replace(old.token_hash, old));
    store.touch(old.session.ref, clock.now() + 1min);
    EXPECT_FALSE(store.find(old.session.ref));
    EXPECT_FALSE(store.find_by_token(old.token_hash));
}

TEST_P(SessionStoreSuite, erasing_twice_says_so) {
    auto const row = kept_for(alice);
    EXPECT_TRUE(store.erase(row.session.ref));
    EXPECT_FALSE(store.erase(row.session.ref));
}

TEST_P(SessionStoreSuite, touching_moves_last_seen_forward_only) {
    auto const row = kept_for(alice);
    store.touch(row.session.ref, clock.now() + 5min);
    store.touch(row.session.ref, clock.now() + 2min);
    EXPECT_EQ(store.find(row.session.ref)->session.last_seen_at, clock.now() + 5min);
}

TEST_P(SessionStoreSuite, lists_one_persons_sessions_newest_first) {
    auto const first = kept_for(alice);
    clock.advance(1s);
    kept_for(bob);
    auto const second = kept_for(alice);
    auto const listed = store.list(alice);
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[0].ref, second.session.ref);
    EXPECT_EQ(listed[1].ref, first.session.ref);
    EXPECT_EQ(store.count(), 3u);
}

TEST_P(SessionStoreSuite, pages_through_everyone_without_a_gap) {
    std::vector<SessionRef> all;
    for (int i = 0; i < 7; ++i) {
        all.push_back(kept_for(i % 2 == 0 ? alice : bob).session.ref);
        clock.advance(1s);
    }
    std::vector<SessionRef> seen;
    SessionRef after = SessionRef::trusted({});
    for (;;) {
        auto const page = store.list_all(after, 3);
        for (auto const& session : page) seen.push_back(session.ref);
        if (page.size() < 3) break;
        after = page.back().ref;
    }
    EXPECT_EQ(seen, all);
}

TEST_P(SessionStoreSuite, erases_everything_of_a_person_but_the_excepted) {
    auto const kept = kept_for(alice);
    auto const gone = kept_for(alice);
    auto const others = kept_for(bob);
    auto const erased = store.erase_user(alice, kept.session.ref);
    EXPECT_EQ(erased, std::vector<SessionRef>{gone.session.ref});
    EXPECT_TRUE(store.find(kept.session.ref));
    EXPECT_TRUE(store.find(others.session.ref));
    EXPECT_EQ(store.erase_user(alice, std::nullopt).size(), 1u);
}

TEST_P(SessionStoreSuite, purges_by_absolute_end_to_the_millisecond_and_in_batches) {
    for (int i = 0; i < 3; ++i) kept_for(alice);
    EXPECT_EQ(store.erase_expired(clock.now() + 12h - 1ms, 10), 0u);
    EXPECT_EQ(store.erase_expired(clock.now() + 12h, 2), 2u);
    EXPECT_EQ(store.erase_expired(clock.now() + 12h, 2), 1u);
}

TEST_P(SessionStoreSuite, at_the_limit_the_oldest_makes_room) {
    Limit const two{.per_user = 2, .when_full = Limit::WhenFull::evict_oldest};
    auto const first = kept_for(alice);
    clock.advance(1s);
    auto const second = kept_for(alice);
    clock.advance(1s);
    auto const third = row_for(alice);
    auto const inserted = store.insert(third, two, clock.now());
    EXPECT_EQ(inserted.evicted, std::vector<SessionRef>{first.session.ref});
    EXPECT_FALSE(store.find_by_token(first.token_hash));
    EXPECT_TRUE(store.find_by_token(second.token_hash));
    EXPECT_TRUE(store.find_by_token(third.token_hash));
}

TEST_P(SessionStoreSuite, at_the_limit_the_newcomer_is_refused_when_asked) {
    Limit const one{.per_user = 1, .when_full = Limit::WhenFull::refuse};
    kept_for(alice);
    auto const second = row_for(alice);
    EXPECT_TRUE(store.insert(second, one, clock.now()).refused);
    EXPECT_FALSE(store.find_by_token(second.token_hash));
    EXPECT_FALSE(store.insert(row_for(bob), one, clock.now()).refused) << "the limit is per person";
}

TEST_P(SessionStoreSuite, ended_sessions_do_not_count_against_the_limit) {
    Limit const one{.per_user = 1, .when_full = Limit::WhenFull::refuse};
    kept_for(alice);
    clock.advance(12h);
    EXPECT_FALSE(store.insert(row_for(alice), one, clock.now()).refused);
}

TEST_P(SessionStoreSuite, racing_sign_ins_cannot_exceed_the_limit) {
    Limit const three{.per_user = 3, .when_full = Limit::WhenFull::refuse};
    std::vector<SessionStore::Row> rows;
    for (int i = 0; i < 16; ++i) rows.push_back(row_for(alice));
    std::atomic<int> admitted = 0;
    std::vector<std::thread> racers;
    for (auto const& row : rows) {
        racers.emplace_back([&] {
            if (!store.insert(row, three, clock.now()).refused) ++admitted;
        });
    }
    for (auto& racer : racers) racer.join();
    EXPECT_EQ(admitted, 3);
    EXPECT_EQ(store.list(alice).size(), 3u);
}

}  // namespace zephyr::sessions
