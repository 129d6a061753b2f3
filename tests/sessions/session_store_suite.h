// One suite for every SessionStore. A backend joins by giving a factory:
//   INSTANTIATE_TEST_SUITE_P(Redis, SessionStoreSuite, ::testing::Values(SessionBackend{"redis", make_redis_backend}));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/foundation/fault.h"
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
        EXPECT_TRUE(store.insert(row, {}, clock.now()).done());
        return row;
    }
    SessionStore::Row pending_for(UserId const& user) {
        auto row = row_for(user);
        row.session.pending = "mfa.required";
        return row;
    }
    // The same session under a new token.
    SessionStore::Row rotated(SessionStore::Row row) {
        row.token_hash = crypto::sha256(random.bytes(32));
        return row;
    }
    // As the client that got this row's token would ask.
    std::optional<Session> found(SessionStore::Row const& row) { return store.find_by_token(row.token_hash, store.carry(row)); }
    bool replace(SessionStore::Row const& old, SessionStore::Row const& next, Limit const& limit = {}) {
        return store.replace(old.token_hash, next, limit, clock.now()).done();
    }
};

TEST_P(SessionStoreSuite, gives_back_what_was_put_in) {
    auto row = row_for(alice);
    row.session.pending = "mfa.required";
    row.session.remembered = true;
    row.session.factors.push_back({"otp", clock.now() + 3s, true});
    store.insert(row, {}, clock.now());
    for (int time = 0; time < 2; ++time) {  // the second time from a copy, where a store makes one
        auto const by_token = found(row);
        ASSERT_TRUE(by_token);
        EXPECT_EQ(*by_token, row.session);
    }
    auto by_ref = store.find(row.session.ref);
    ASSERT_TRUE(by_ref);
    EXPECT_EQ(by_ref->token_hash, row.token_hash);
    // Where the client carries the origin, nobody else has it.
    auto expected = row.session;
    if (!store.carry(row).empty()) expected.address = expected.user_agent = "";
    EXPECT_EQ(by_ref->session, expected);
    EXPECT_EQ(store.list(alice), std::vector<Session>{expected});
}

TEST_P(SessionStoreSuite, finds_nothing_for_an_unknown_or_altered_token) {
    auto row = kept_for(alice);
    auto const carried = store.carry(row);
    EXPECT_FALSE(store.find_by_token(crypto::sha256(as_bytes("another")), carried));
    row.token_hash.back() ^= std::byte{1};
    EXPECT_FALSE(store.find_by_token(row.token_hash, carried));
    EXPECT_FALSE(found(row));
    row.token_hash.pop_back();
    EXPECT_FALSE(store.find_by_token(row.token_hash, carried));
    EXPECT_FALSE(store.find_by_token({}, carried));
}

TEST_P(SessionStoreSuite, carried_content_counts_for_its_own_session_and_token_alone) {
    auto const row = kept_for(alice);
    auto const mine = kept_for(alice);
    auto const bobs = kept_for(bob);
    EXPECT_FALSE(store.find_by_token(row.token_hash, "anything"));
    EXPECT_FALSE(store.find_by_token(row.token_hash, std::string(max_carried + 1, 'A')));
    auto const carried = store.carry(row);
    if (carried.empty()) return;  // the rest is for stores that give something out

    EXPECT_FALSE(store.find_by_token(row.token_hash, {}));
    EXPECT_FALSE(store.find_by_token(row.token_hash, store.carry(mine))) << "another session of the same person";
    EXPECT_FALSE(store.find_by_token(row.token_hash, store.carry(bobs))) << "somebody else's";
    auto stronger = row;
    stronger.session.ref = mine.session.ref;
    EXPECT_FALSE(store.find_by_token(row.token_hash, store.carry(stronger))) << "another ref under the same token";
    for (std::size_t size = 0; size < carried.size(); ++size) {
        EXPECT_FALSE(store.find_by_token(row.token_hash, carried.substr(0, size))) << size;
    }
    for (std::size_t at = 0; at < carried.size(); ++at) {
        auto altered = carried;
        altered[at] = altered[at] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(store.find_by_token(row.token_hash, altered)) << at;
    }
    for (auto const* more : {"A", "=", ".", " ", "AAAA"}) EXPECT_FALSE(store.find_by_token(row.token_hash, carried + more)) << more;
    EXPECT_TRUE(store.find_by_token(row.token_hash, carried));
}

TEST_P(SessionStoreSuite, what_was_carried_before_a_rotation_opens_nothing_after_it) {
    auto const old = kept_for(alice);
    auto const before = store.carry(old);
    ASSERT_TRUE(found(old));
    auto next = rotated(old);
    next.session.factors = {{"pwd", clock.now()}};
    ASSERT_TRUE(replace(old, next));
    EXPECT_FALSE(store.find_by_token(old.token_hash, before));
    if (!before.empty()) {
        EXPECT_FALSE(store.find_by_token(next.token_hash, before));
    }
    EXPECT_FALSE(store.find_by_token(old.token_hash, store.carry(next)));
    EXPECT_TRUE(found(next));
}

// Whoever holds content that says more than the table does (of another server's making, or by a mistake of ours) gains nothing.
TEST_P(SessionStoreSuite, content_that_claims_more_than_the_table_says_is_refused) {
    auto const row = pending_for(alice);
    ASSERT_TRUE(store.insert(row, {}, clock.now()).done());
    if (store.carry(row).empty()) return;
    auto whole = row;
    whole.session.pending = "";
    EXPECT_FALSE(store.find_by_token(row.token_hash, store.carry(whole)));
    auto longer = row;
    longer.session.expires_at += 1ms;
    EXPECT_FALSE(store.find_by_token(row.token_hash, store.carry(longer)));
    auto somebody_else = row;
    somebody_else.session.user = bob;
    EXPECT_FALSE(store.find_by_token(row.token_hash, store.carry(somebody_else)));
    EXPECT_TRUE(found(row));
}

TEST_P(SessionStoreSuite, carried_content_fits_a_cookie_however_strange_the_browser_calls_itself) {
    for (auto const& agent : {std::string(256, '\x01'), std::string(256, '\xff'), std::string(256, '"'), std::string{}}) {
        auto row = row_for(alice);
        row.session.user_agent = agent;
        row.session.address = std::string(64, 'f');
        for (int i = 0; i < 6; ++i) row.session.factors.push_back({"factor_" + std::to_string(i), clock.now()});
        ASSERT_TRUE(store.insert(row, {}, clock.now()).done());
        auto const carried = store.carry(row);
        EXPECT_LE(carried.size(), max_carried);
        EXPECT_EQ(carried.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), std::string::npos);
        ASSERT_TRUE(store.find_by_token(row.token_hash, carried));
        EXPECT_EQ(store.find_by_token(row.token_hash, carried)->factors, row.session.factors);
    }
}

TEST_P(SessionStoreSuite, a_session_does_not_change_under_one_token) {
    auto const row = kept_for(alice);
    auto changed = row;
    changed.session.factors.push_back({"otp", clock.now(), true});
    EXPECT_THROW(store.replace(row.token_hash, changed, {}, clock.now()), Fault);
    EXPECT_EQ(found(row)->factors, row.session.factors);
}

TEST_P(SessionStoreSuite, after_a_rotation_the_new_token_shows_the_new_content_at_once) {
    auto const old = pending_for(alice);
    ASSERT_TRUE(store.insert(old, {}, clock.now()).done());
    ASSERT_TRUE(found(old));  // whatever copies there are, are made
    ASSERT_TRUE(found(old));
    auto next = rotated(old);
    next.session.pending = "";
    next.session.factors.push_back({"otp", clock.now() + 1s, true});
    next.session.expires_at += 1h;
    ASSERT_TRUE(replace(old, next));
    EXPECT_FALSE(found(old));
    EXPECT_EQ(found(next), next.session);
    EXPECT_EQ(found(next), next.session);
}

TEST_P(SessionStoreSuite, replacing_kills_the_old_token_at_once) {
    auto const old = kept_for(alice);
    ASSERT_TRUE(found(old));
    auto const next = rotated(old);
    EXPECT_TRUE(replace(old, next));
    EXPECT_FALSE(found(old));
    EXPECT_TRUE(found(next));
    EXPECT_TRUE(store.replace(old.token_hash, rotated(old), {}, clock.now()).lost) << "the old token must not win again";
    EXPECT_TRUE(found(next));
}

TEST_P(SessionStoreSuite, of_many_racing_replacements_of_one_token_exactly_one_wins) {
    auto const old = kept_for(alice);
    constexpr int threads = 16;
    std::atomic<int> won = 0;
    std::vector<SessionStore::Row> rows;
    for (int i = 0; i < threads; ++i) rows.push_back(rotated(old));
    std::vector<std::thread> racers;
    for (int i = 0; i < threads; ++i) {
        racers.emplace_back([&, i] {
            if (replace(old, rows[static_cast<std::size_t>(i)])) ++won;
        });
    }
    for (auto& racer : racers) racer.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [&](auto const& row) { return found(row).has_value(); }), 1);
    EXPECT_FALSE(found(old));
}

TEST_P(SessionStoreSuite, replacing_or_touching_an_erased_session_does_not_bring_it_back) {
    auto const old = kept_for(alice);
    ASSERT_TRUE(found(old));
    ASSERT_TRUE(store.erase(old.session.ref));
    auto const next = rotated(old);
    EXPECT_TRUE(store.replace(old.token_hash, next, {}, clock.now()).lost);
    store.touch(old.session.ref, clock.now() + 1min);
    EXPECT_FALSE(store.find(old.session.ref));
    EXPECT_FALSE(found(old));
    EXPECT_FALSE(found(next));
}

TEST_P(SessionStoreSuite, a_session_that_was_in_use_is_never_found_again_once_it_was_erased) {
    auto const by_ref = kept_for(alice);
    auto const by_user = kept_for(bob);
    auto const by_time = kept_for(alice);
    auto const all = {by_ref, by_user, by_time};
    for (auto const& row : all) {
        ASSERT_TRUE(found(row));
        store.touch(row.session.ref, clock.now() + 2min);
        ASSERT_TRUE(found(row));
    }
    ASSERT_TRUE(store.erase(by_ref.session.ref));
    EXPECT_FALSE(found(by_ref));
    ASSERT_EQ(store.erase_user(bob, std::nullopt).size(), 1u);
    EXPECT_FALSE(found(by_user));
    ASSERT_EQ(store.erase_expired(clock.now() + 12h, 10), 1u);
    EXPECT_FALSE(found(by_time));
    for (auto const& row : all) {
        EXPECT_FALSE(found(row)) << "asked again";
        EXPECT_FALSE(store.find(row.session.ref));
    }
    EXPECT_TRUE(store.list(alice).empty());
}

TEST_P(SessionStoreSuite, erasing_says_whose_it_was_and_twice_says_so) {
    auto const row = kept_for(alice);
    EXPECT_EQ(store.erase(row.session.ref), alice);
    EXPECT_EQ(store.erase(row.session.ref), std::nullopt);
}

TEST_P(SessionStoreSuite, touching_moves_last_seen_forward_only_and_shows_everywhere) {
    auto const row = kept_for(alice);
    ASSERT_TRUE(found(row));
    store.touch(row.session.ref, clock.now() + 5min);
    store.touch(row.session.ref, clock.now() + 2min);
    auto const expected = clock.now() + 5min;
    EXPECT_EQ(found(row)->last_seen_at, expected);
    EXPECT_EQ(store.find(row.session.ref)->session.last_seen_at, expected);
    EXPECT_EQ(store.list(alice).front().last_seen_at, expected);
    EXPECT_EQ(store.list_all(SessionRef::trusted({}), 10).front().last_seen_at, expected);
    // The rest of it is as it was.
    auto session = *found(row);
    session.last_seen_at = row.session.last_seen_at;
    EXPECT_EQ(session, row.session);
}

TEST_P(SessionStoreSuite, many_touches_one_minute_apart_are_all_seen) {
    auto const row = kept_for(alice);
    for (int minute = 1; minute <= 40; ++minute) {
        clock.advance(1min);
        store.touch(row.session.ref, clock.now());
        ASSERT_EQ(found(row)->last_seen_at, clock.now()) << minute;
    }
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
    ASSERT_TRUE(found(first));
    clock.advance(1s);
    auto const second = kept_for(alice);
    clock.advance(1s);
    auto const third = row_for(alice);
    auto const placed = store.insert(third, two, clock.now());
    EXPECT_EQ(placed.evicted, std::vector<SessionRef>{first.session.ref});
    EXPECT_FALSE(found(first));
    EXPECT_TRUE(found(second));
    EXPECT_TRUE(found(third));
}

TEST_P(SessionStoreSuite, at_the_limit_the_newcomer_is_refused_when_asked) {
    Limit const one{.per_user = 1, .when_full = Limit::WhenFull::refuse};
    kept_for(alice);
    auto const second = row_for(alice);
    EXPECT_TRUE(store.insert(second, one, clock.now()).refused);
    EXPECT_FALSE(found(second));
    EXPECT_TRUE(store.insert(row_for(bob), one, clock.now()).done()) << "the limit is per person";
}

TEST_P(SessionStoreSuite, ended_sessions_do_not_count_against_the_limit) {
    Limit const one{.per_user = 1, .when_full = Limit::WhenFull::refuse};
    kept_for(alice);
    clock.advance(12h);
    EXPECT_TRUE(store.insert(row_for(alice), one, clock.now()).done());
}

TEST_P(SessionStoreSuite, pending_sign_ins_do_not_count_where_the_newcomer_is_refused) {
    Limit const one{.per_user = 1, .when_full = Limit::WhenFull::refuse};
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(store.insert(pending_for(alice), one, clock.now()).done());
    EXPECT_TRUE(store.insert(row_for(alice), one, clock.now()).done());
    EXPECT_TRUE(store.insert(row_for(alice), one, clock.now()).refused);
}

TEST_P(SessionStoreSuite, a_pending_sign_in_meets_the_limit_when_it_becomes_whole) {
    Limit const one{.per_user = 1, .when_full = Limit::WhenFull::refuse};
    auto const waiting = pending_for(alice);
    ASSERT_TRUE(store.insert(waiting, one, clock.now()).done());
    auto const kept = kept_for(alice);
    auto complete = rotated(waiting);
    complete.session.pending = "";
    EXPECT_TRUE(store.replace(waiting.token_hash, complete, one, clock.now()).refused);
    EXPECT_FALSE(found(complete));
    EXPECT_TRUE(found(waiting)) << "nothing happened to it";
    // A step-up of a whole session is no newcomer.
    EXPECT_TRUE(replace(kept, rotated(kept), one));

    Limit const evicting{.per_user = 1, .when_full = Limit::WhenFull::evict_oldest};
    auto const placed = store.replace(waiting.token_hash, complete, evicting, clock.now());
    EXPECT_EQ(placed.evicted, std::vector<SessionRef>{kept.session.ref});
    EXPECT_TRUE(found(complete));
}

TEST_P(SessionStoreSuite, pending_sign_ins_go_first_and_make_no_whole_session_go) {
    Limit const two{.per_user = 2, .when_full = Limit::WhenFull::evict_oldest};
    auto const whole = kept_for(alice);
    clock.advance(1s);
    auto const waiting = pending_for(alice);
    ASSERT_TRUE(store.insert(waiting, {}, clock.now()).done());
    clock.advance(1s);
    auto const newcomer = row_for(alice);
    EXPECT_EQ(store.insert(newcomer, two, clock.now()).evicted, std::vector<SessionRef>{waiting.session.ref})
        << "though the whole one is older";

    // Who knows only the password can start as many sign-ins as they like.
    for (int i = 0; i < 5; ++i) {
        clock.advance(1s);
        auto const placed = store.insert(pending_for(alice), two, clock.now());
        EXPECT_TRUE(placed.done());
        EXPECT_EQ(placed.evicted.size(), i < 2 ? 0u : 1u);
    }
    EXPECT_TRUE(found(whole));
    EXPECT_TRUE(found(newcomer));
    EXPECT_EQ(store.list(alice).size(), 4u);
}

TEST_P(SessionStoreSuite, racing_completions_cannot_exceed_the_limit) {
    Limit const three{.per_user = 3, .when_full = Limit::WhenFull::refuse};
    std::vector<SessionStore::Row> waiting;
    for (int i = 0; i < 12; ++i) {
        waiting.push_back(pending_for(alice));
        ASSERT_TRUE(store.insert(waiting.back(), three, clock.now()).done());
    }
    std::vector<SessionStore::Row> complete;
    for (auto const& row : waiting) {
        complete.push_back(rotated(row));
        complete.back().session.pending = "";
    }
    std::atomic<int> admitted = 0;
    std::vector<std::thread> racers;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        racers.emplace_back([&, i] {
            if (replace(waiting[i], complete[i], three)) ++admitted;
        });
    }
    for (auto& racer : racers) racer.join();
    EXPECT_EQ(admitted, 3);
    EXPECT_EQ(std::count_if(complete.begin(), complete.end(), [&](auto const& row) { return found(row).has_value(); }), 3);
}

TEST_P(SessionStoreSuite, racing_sign_ins_cannot_exceed_the_limit) {
    Limit const three{.per_user = 3, .when_full = Limit::WhenFull::refuse};
    std::vector<SessionStore::Row> rows;
    for (int i = 0; i < 16; ++i) rows.push_back(row_for(alice));
    std::atomic<int> admitted = 0;
    std::vector<std::thread> racers;
    for (auto const& row : rows) {
        racers.emplace_back([&] {
            if (store.insert(row, three, clock.now()).done()) ++admitted;
        });
    }
    for (auto& racer : racers) racer.join();
    EXPECT_EQ(admitted, 3);
    EXPECT_EQ(store.list(alice).size(), 3u);
}

}  // namespace zephyr::sessions
