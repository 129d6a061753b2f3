#include "zephyr/guards/holder_cache.h"

#include <gmock/gmock.h>

#include <set>

#include "guards_fixture.h"

namespace zephyr::guards {
namespace {

using storage::Change;

class HolderCacheTest : public ::testing::Test {
protected:
    Standing standing(std::string_view name = "alice") {
        Standing out;
        out.session.ref = SessionRef::make(clock.now(), random);
        out.session.user = UserId::make(clock.now(), random);
        out.session.pending = "mfa.required";
        out.session.factors = {{"pwd", clock.now()}, {"otp", clock.now() + 1ms, true}};
        out.session.created_at = clock.now() - 1h;
        out.session.last_seen_at = clock.now();
        out.session.expires_at = clock.now() + 12h;
        out.session.remembered = true;
        out.username = name;
        out.display_name = "Alice Ä.";
        out.account = {users::UserState::locked, clock.now() + 1h, clock.now() - 1h};
        out.from = clock.now() - 1min;
        out.until = clock.now() + 5min;
        return out;
    }
    static CredentialKey key(std::string_view text) { return CredentialKey::of(Credential::session_cookie, {text}); }
    Standing keep(HolderCache& in, CredentialKey const& at) {
        auto const kept = standing();
        in.keep(at, kept, in.begin().value());
        return kept;
    }
    void announce(std::string const& topic, std::string const& about) {
        database->write([&](storage::Transaction& tx) { tx.announce(topic, about); });
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = storage::open_sqlite({.path = ":memory:"});
    HolderCache cache{*database, clock};
};

TEST_F(HolderCacheTest, gives_back_what_was_kept_under_that_credential_alone) {
    auto const kept = keep(cache, key("one"));
    auto const found = cache.find(key("one"));
    ASSERT_TRUE(found);
    auto expected = kept.session;
    EXPECT_EQ(found->session, expected);
    EXPECT_EQ(found->username, kept.username);
    EXPECT_EQ(found->display_name, kept.display_name);
    EXPECT_EQ(found->account, kept.account);
    EXPECT_EQ(found->from, kept.from);
    EXPECT_EQ(found->until, kept.until);
    EXPECT_FALSE(cache.find(key("two")));
    EXPECT_FALSE(cache.find(CredentialKey::of(Credential::access_token, {"one"}))) << "another kind of credential";
}

TEST_F(HolderCacheTest, keeps_long_names_and_absent_limits_as_they_are) {
    auto kept = standing(std::string(254, 'x'));
    kept.display_name = std::string(70'000, 'y');
    kept.session.pending.clear();
    kept.session.factors.clear();
    kept.account = {};
    cache.keep(key("one"), kept, cache.begin().value());
    auto const found = cache.find(key("one")).value();
    EXPECT_EQ(found.username, kept.username);
    EXPECT_EQ(found.display_name, kept.display_name);
    EXPECT_EQ(found.session, kept.session);
    EXPECT_EQ(found.account, users::AccountLimits{});
}

TEST_F(HolderCacheTest, forgets_when_the_session_or_the_user_changes_and_not_for_others) {
    auto kept = keep(cache, key("one"));
    announce("session", SessionRef::make(clock.now(), random).str());
    announce("user", kept.session.ref.str());  // the right key under another topic
    EXPECT_TRUE(cache.find(key("one")));
    announce("session", kept.session.ref.str());
    EXPECT_FALSE(cache.find(key("one")));
    kept = keep(cache, key("one"));
    EXPECT_TRUE(cache.find(key("one")));
    announce("user", kept.session.user.str());
    EXPECT_FALSE(cache.find(key("one")));
    EXPECT_EQ(cache.counts().entries, 0u) << "what nobody will believe any more is not kept";
}

TEST_F(HolderCacheTest, forgets_when_anything_else_it_rests_on_changes) {
    auto kept = standing();
    kept.rests_on = {{"signing_keys", ""}, {"forward", "f1"}};
    for (auto const& change : kept.rests_on) {
        cache.keep(key("one"), kept, cache.begin().value());
        EXPECT_TRUE(cache.find(key("one")));
        announce(change.topic, change.key);
        EXPECT_FALSE(cache.find(key("one"))) << change.topic;
    }
    kept.rests_on.push_back({"third", ""});
    EXPECT_THROW(cache.keep(key("one"), kept, cache.begin().value()), Fault) << "nothing may be left unwatched in silence";
}

TEST_F(HolderCacheTest, a_reader_that_a_revocation_overtook_is_not_believed) {
    auto const reading = cache.begin().value();
    auto const kept = standing();  // read before …
    announce("session", kept.session.ref.str());  // … and ended meanwhile
    cache.keep(key("one"), kept, reading);
    EXPECT_FALSE(cache.find(key("one")));
}

TEST_F(HolderCacheTest, of_two_readers_the_later_one_stays) {
    auto const early = cache.begin().value();
    auto old = standing("old");
    announce("user", "somebody else");
    auto fresh = old;
    fresh.username = "new";
    cache.keep(key("one"), fresh, cache.begin().value());
    cache.keep(key("one"), old, early);
    EXPECT_EQ(cache.find(key("one")).value().username, "new");
}

TEST_F(HolderCacheTest, what_is_rolled_back_changes_nothing) {
    auto const kept = keep(cache, key("one"));
    EXPECT_THROW(database->write([&](storage::Transaction& tx) {
        tx.announce("session", kept.session.ref.str());
        throw Fault{"no"};
    }),
                 Fault);
    EXPECT_TRUE(cache.find(key("one")));
}

TEST_F(HolderCacheTest, forgets_everything_when_announcements_may_be_missing_and_keeps_nothing_meanwhile) {
    bool hears = true;
    HolderCache bounded{*database, clock, {.hears_everything = [&] { return hears; }}};
    keep(bounded, key("one"));
    auto const before_the_gap = bounded.begin().value();
    hears = false;
    EXPECT_FALSE(bounded.find(key("one")));
    EXPECT_FALSE(bounded.begin());
    bounded.keep(key("two"), standing(), before_the_gap);
    bounded.forget_all();
    hears = true;
    bounded.keep(key("three"), standing(), before_the_gap);
    for (auto const* name : {"one", "two", "three"}) EXPECT_FALSE(bounded.find(key(name))) << name;
    keep(bounded, key("four"));
    EXPECT_TRUE(bounded.find(key("four")));
}

TEST_F(HolderCacheTest, an_entry_grows_too_old_where_a_limit_says_so_whatever_the_wall_clock_does) {
    HolderCache bounded{*database, clock, {.longest = 10s}};
    keep(bounded, key("one"));
    clock.jump_to(clock.now() + 24h);
    EXPECT_TRUE(bounded.find(key("one")));
    clock.advance(9s);
    EXPECT_TRUE(bounded.find(key("one")));
    clock.advance(1s);
    EXPECT_FALSE(bounded.find(key("one")));
}

TEST_F(HolderCacheTest, remembers_nothing_when_told_to) {
    HolderCache none{*database, clock, {.entries = 0}};
    EXPECT_FALSE(none.begin());
    EXPECT_FALSE(none.find(key("one")));
}

TEST_F(HolderCacheTest, holds_no_more_than_it_may_and_gives_way_where_nobody_asked) {
    HolderCache small{*database, clock, {.entries = 100}};
    for (int i = 0; i < 100; ++i) keep(small, key(std::to_string(i)));
    EXPECT_EQ(small.counts().entries, 100u);
    keep(small, key("first round"));  // everybody was new: one goes, and the others are on trial now
    for (int i = 0; i < 50; ++i) small.find(key(std::to_string(i)));
    for (int i = 0; i < 40; ++i) {
        keep(small, key("new " + std::to_string(i)));
        for (int j = 0; j < 50; ++j) small.find(key(std::to_string(j)));
    }
    EXPECT_EQ(small.counts().entries, 100u);
    int stayed = 0;
    for (int i = 0; i < 50; ++i) stayed += small.find(key(std::to_string(i))) ? 1 : 0;
    EXPECT_GE(stayed, 49) << "those in use stay";

    HolderCache large{*database, clock, {.entries = 2000}};
    for (int i = 0; i < 10'000; ++i) keep(large, key(std::to_string(i)));
    EXPECT_LE(large.counts().entries, 2016u);
    EXPECT_GE(large.counts().entries, 1900u);
}

TEST_F(HolderCacheTest, use_is_claimed_by_one_caller_an_interval) {
    auto const kept = keep(cache, key("one"));
    EXPECT_FALSE(cache.claim_use(key("one"), clock.now() + 59s, 1min));
    EXPECT_TRUE(cache.claim_use(key("one"), clock.now() + 60s, 1min));
    EXPECT_FALSE(cache.claim_use(key("one"), clock.now() + 60s, 1min));
    EXPECT_EQ(cache.find(key("one")).value().session.last_seen_at, kept.session.last_seen_at) << "claimed is not recorded";
    cache.recorded(key("one"), clock.now() + 60s);
    cache.recorded(key("one"), clock.now() + 30s);
    EXPECT_EQ(cache.find(key("one")).value().session.last_seen_at, clock.now() + 60s);
    EXPECT_FALSE(cache.claim_use(key("nobody"), clock.now() + 24h, 1min));
}

// Oathkeeper CVE-2026-33496 and OpenFGA CVE-2026-33729: keys joined of strings met, and one caller got another's decision.
TEST(CredentialKeyTest, different_tuples_never_give_one_key) {
    std::vector<std::vector<std::string>> tuples;
    std::vector<std::string> const pieces{"", "a", "b", "ab", std::string(1, '\0'), std::string(8, '\0'), "\x01", "a\x01"};
    for (auto const& first : pieces) {
        tuples.push_back({first});
        for (auto const& second : pieces) {
            tuples.push_back({first, second});
            for (auto const& third : pieces) tuples.push_back({first, second, third});
        }
    }
    std::set<std::array<std::uint8_t, 32>> hashes;
    for (auto const& tuple : tuples) {
        auto const made = tuple.size() == 1   ? CredentialKey::of(Credential::forward_cookie, {tuple[0]})
                          : tuple.size() == 2 ? CredentialKey::of(Credential::forward_cookie, {tuple[0], tuple[1]})
                                              : CredentialKey::of(Credential::forward_cookie, {tuple[0], tuple[1], tuple[2]});
        EXPECT_TRUE(hashes.insert(made.hash()).second) << ::testing::PrintToString(tuple);
    }
    EXPECT_EQ(hashes.size(), tuples.size());
    EXPECT_FALSE(CredentialKey::of(Credential::session_cookie, {"a"}) == CredentialKey::of(Credential::access_token, {"a"}));
}

}  // namespace
}  // namespace zephyr::guards
