#include "zephyr/users/user_service.h"

#include <set>
#include <thread>

#include "users/directory_fixture.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::users {
namespace {

using audit::Actor;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class UserServiceTest : public DirectoryTest {
protected:
    // Other ways to type the same ASCII name.
    std::vector<std::string> disguises(std::string const& name) {
        std::string upper;
        std::string full_width;
        for (char const c : name) {
            upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            auto const point = 0xfee0u + static_cast<unsigned char>(c);  // U+FF01 … are the full-width forms of 0x21 …
            full_width += static_cast<char>(0xe0u | (point >> 12));
            full_width += static_cast<char>(0x80u | ((point >> 6) & 0x3fu));
            full_width += static_cast<char>(0x80u | (point & 0x3fu));
        }
        auto mixed = name;
        for (std::size_t i = 0; i < mixed.size(); i += 2) mixed[i] = upper[i];
        return {name, upper, mixed, full_width, name + " ", " \t" + name, name + "\u00a0", "\u3000" + upper + "\u2003"};
    }
};

TEST_F(UserServiceTest, finds_an_account_by_id_and_by_name_and_by_email) {
    auto const alice = add("Alice", "Alice@Example.com");
    EXPECT_EQ(users.find(alice.id).value().username, "Alice");
    EXPECT_EQ(users.find_by_login("alice").value().id, alice.id);
    EXPECT_EQ(users.find_by_login("alice@example.com").value().id, alice.id);
    auto const found = users.find(alice.id).value();
    EXPECT_EQ(found.email, "Alice@Example.com");
    EXPECT_EQ(found.canonical_email, "alice@example.com");
    EXPECT_EQ(found.display_name, "Alice");
    EXPECT_EQ(found.state, UserState::active);
    EXPECT_EQ(found.created_at, clock.now());
    EXPECT_EQ(found.version, 1);
}

TEST_F(UserServiceTest, knows_nobody_by_a_wrong_malformed_or_huge_name) {
    add("alice", "alice@example.com");
    for (std::string const login : {"", "bob", "alice@", "alic", "alicee", "alice%", "a b", "\xff", "' OR 1=1 --", "alice@example.org"}) {
        EXPECT_EQ(users.find_by_login(login).error(), errors::not_found) << login;
    }
    EXPECT_EQ(users.find_by_login(std::string(1'000'000, 'a')).error(), errors::not_found);
    EXPECT_EQ(users.find_by_login(std::string{"alice\0", 6}).error(), errors::not_found);
    EXPECT_EQ(users.find(UserId::make(clock.now(), random)).error(), errors::not_found);
}

// Aliasing was how lock-outs and second factors were evaded elsewhere: all spellings must be one account.
TEST_F(UserServiceTest, every_spelling_of_a_name_or_email_is_the_same_account) {
    for (std::string const name : {"alice", "bob.b", "x_1", "straat"}) {
        auto const email = name + "@example.com";
        auto const user = add(name, email);
        for (auto const& spelling : disguises(name)) {
            EXPECT_EQ(users.find_by_login(spelling).value().id, user.id) << spelling;
            EXPECT_EQ(users.create({.username = spelling}, by_operator).error(), errors::name_taken) << spelling;
        }
        for (auto const& spelling : disguises(email)) {
            EXPECT_EQ(users.find_by_login(spelling).value().id, user.id) << spelling;
            EXPECT_EQ(users.create({.username = "other", .email = spelling}, by_operator).error(), errors::email_taken) << spelling;
        }
    }
    EXPECT_EQ(rows("app_user"), 4);
}

TEST_F(UserServiceTest, composed_and_decomposed_and_folded_letters_are_one_name) {
    auto const user = add("Ströme");
    EXPECT_EQ(users.find_by_login("stro\u0308me").value().id, user.id);
    EXPECT_EQ(users.find_by_login("STRÖME").value().id, user.id);
    auto const street = add("straße");
    EXPECT_EQ(users.find_by_login("STRASSE").value().id, street.id);
}

TEST_F(UserServiceTest, a_username_with_an_at_sign_must_be_the_own_email) {
    EXPECT_EQ(users.create({.username = "eve@example.com"}, by_operator).error(), errors::name_malformed);
    EXPECT_EQ(users.create({.username = "eve＠example.com"}, by_operator).error(), errors::name_malformed);
    EXPECT_EQ(users.create({.username = "bob@example.com", .email = "eve@example.com"}, by_operator).error(), errors::name_malformed);
    auto const bob = add("Bob@Example.com", "bob@example.com");
    EXPECT_EQ(users.find_by_login("bob@example.com").value().id, bob.id);
    // So nobody can take a name that is somebody else's address, nor the other way round.
    EXPECT_EQ(users.create({.username = "eve", .email = "BOB@example.com"}, by_operator).error(), errors::email_taken);
}

TEST_F(UserServiceTest, refuses_malformed_names_and_leaves_nothing_behind) {
    EXPECT_EQ(users.create({.username = "a b"}, by_operator).error(), errors::name_malformed);
    EXPECT_EQ(users.create({.username = "a", .email = "no"}, by_operator).error(), errors::email_malformed);
    EXPECT_EQ(users.create({.username = "a", .display_name = "\u202e"}, by_operator).error(), errors::display_name_malformed);
    EXPECT_EQ(rows("app_user"), 0);
    EXPECT_THAT(events(), IsEmpty());
}

TEST_F(UserServiceTest, treats_an_empty_email_as_none) {
    EXPECT_EQ(add("a", "").email, std::nullopt);
    EXPECT_EQ(add("b", "").email, std::nullopt);
}

TEST_F(UserServiceTest, writes_the_event_of_a_creation_with_the_names_sealed) {
    auto const alice = add("alice", "alice@example.com");
    auto const event = last_event();
    EXPECT_EQ(event.name, "users.created");
    EXPECT_EQ(event.subject, alice.id);
    EXPECT_THAT(event.personal, ElementsAre(Pair("username", "alice"), Pair("email", "alice@example.com")));
    EXPECT_THAT(event.details, ElementsAre(Pair("state", "active")));
}

TEST_F(UserServiceTest, creation_in_a_transaction_is_undone_with_it) {
    auto const outcome = database->write([&](storage::Transaction& tx) -> Result<void> {
        ZEPHYR_CHECK(users.create(tx, {.username = "alice"}, by_operator));
        return Failure{Kind::conflict, "test.changed_its_mind"};
    });
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(rows("app_user"), 0);
    EXPECT_THAT(events(), IsEmpty());
}

TEST_F(UserServiceTest, of_many_threads_creating_one_name_exactly_one_succeeds) {
    std::atomic<int> created{0};
    std::atomic<int> taken{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 64; ++i) {
        threads.emplace_back([&, i] {
            auto const outcome = users.create({.username = i % 2 == 0 ? "alice" : "ALICE"}, by_operator);
            ++(outcome.ok() ? created : taken);
            if (!outcome.ok()) { EXPECT_EQ(outcome.error(), errors::name_taken); }
        });
    }
    threads.clear();
    EXPECT_EQ(created, 1);
    EXPECT_EQ(taken, 63);
    EXPECT_EQ(rows("app_user"), 1);
}

TEST_F(UserServiceTest, changes_a_profile_and_counts_its_version) {
    auto const alice = add("alice", "alice@example.com");
    clock.advance(1s);
    auto const changed = users.update_profile(alice.id, {.username = "Alicia", .email = "a@example.org", .display_name = "A. L."},
                                              Actor::user(alice.id));
    ASSERT_TRUE(changed.ok());
    EXPECT_EQ(changed.value().version, 2);
    EXPECT_EQ(changed.value().updated_at, clock.now());
    EXPECT_EQ(users.find_by_login("alicia").value().id, alice.id);
    EXPECT_EQ(users.find_by_login("a@example.org").value().id, alice.id);
    EXPECT_EQ(users.find_by_login("alice").error(), errors::not_found);
    EXPECT_EQ(users.find_by_login("alice@example.com").error(), errors::not_found);
    auto const event = last_event();
    EXPECT_EQ(event.name, "users.updated");
    EXPECT_THAT(event.details, ElementsAre(Pair("fields", "username email display_name")));
    EXPECT_THAT(event.personal, Contains(Pair("email_before", "alice@example.com")));
    EXPECT_THAT(event.personal, Contains(Pair("email", "a@example.org")));
}

TEST_F(UserServiceTest, a_change_that_changes_nothing_writes_nothing) {
    auto const alice = add("alice");
    EXPECT_EQ(users.update_profile(alice.id, {.username = "alice"}, by_operator).value().version, 1);
    EXPECT_TRUE(users.set_state(alice.id, UserState::active, by_operator).ok());
    EXPECT_THAT(events(), ElementsAre("users.created"));
}

TEST_F(UserServiceTest, nobody_takes_another_username_by_writing_it_down_as_their_email) {
    auto const alice = add("alice@example.com", "alice@example.com");
    auto const herself = audit::Actor::user(alice.id);
    EXPECT_EQ(users.update_profile(alice.id, {.email = "boss@example.com"}, herself).error(), errors::email_is_username);
    EXPECT_EQ(users.find(alice.id).value().username, "alice@example.com");
    EXPECT_TRUE(users.update_profile(alice.id, {.email = "Alice@example.com"}, herself).ok());
    auto const bob = add("bob", "bob@example.com");
    EXPECT_EQ(users.update_profile(bob.id, {.email = "robert@example.com"}, audit::Actor::user(bob.id)).value().username, "bob");
}

TEST_F(UserServiceTest, a_username_that_is_the_email_follows_it) {
    auto const alice = add("alice@example.com", "alice@example.com");
    auto const changed = users.update_profile(alice.id, {.email = "alice@example.org"}, by_operator);
    EXPECT_EQ(changed.value().username, "alice@example.org");
    EXPECT_EQ(users.find_by_login("alice@example.com").error(), errors::not_found);
    // Without an e-mail it would have no name.
    EXPECT_EQ(users.update_profile(alice.id, {.email = ""}, by_operator).error(), errors::name_malformed);
    EXPECT_TRUE(users.update_profile(alice.id, {.username = "alice", .email = ""}, by_operator).ok());
}

TEST_F(UserServiceTest, refuses_to_take_names_of_others_when_changing) {
    add("alice", "alice@example.com");
    auto const bob = add("bob", "bob@example.com");
    EXPECT_EQ(users.update_profile(bob.id, {.username = "ALICE"}, by_operator).error(), errors::name_taken);
    EXPECT_EQ(users.update_profile(bob.id, {.email = "Alice@example.com"}, by_operator).error(), errors::email_taken);
    EXPECT_EQ(users.update_profile(bob.id, {.username = "alice@example.com"}, by_operator).error(), errors::name_malformed);
    EXPECT_EQ(users.find(bob.id).value().version, 1);
}

TEST_F(UserServiceTest, refuses_a_change_made_from_an_old_reading) {
    auto const alice = add("alice");
    EXPECT_TRUE(users.update_profile(alice.id, {.display_name = "One", .expected_version = 1}, by_operator).ok());
    EXPECT_EQ(users.update_profile(alice.id, {.display_name = "Two", .expected_version = 1}, by_operator).error(), errors::version_changed);
    EXPECT_EQ(users.find(alice.id).value().display_name, "One");
}

TEST_F(UserServiceTest, of_many_threads_changing_one_version_exactly_one_succeeds) {
    auto const alice = add("alice");
    std::atomic<int> changed{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
        threads.emplace_back([&, i] {
            changed += users.update_profile(alice.id, {.display_name = std::to_string(i), .expected_version = 1}, by_operator).ok() ? 1 : 0;
        });
    }
    threads.clear();
    EXPECT_EQ(changed, 1);
    EXPECT_EQ(users.find(alice.id).value().version, 2);
}

TEST_F(UserServiceTest, changes_states_with_the_reason_in_the_event) {
    auto const alice = add("alice");
    ASSERT_TRUE(users.set_state(alice.id, UserState::disabled, by_operator, {}, "left_company").ok());
    EXPECT_EQ(users.find(alice.id).value().state, UserState::disabled);
    auto const event = last_event();
    EXPECT_EQ(event.name, "users.state_changed");
    EXPECT_EQ(event.reason, "left_company");
    EXPECT_THAT(event.details, ElementsAre(Pair("before", "active"), Pair("state", "disabled")));
    EXPECT_EQ(users.set_state(UserId::make(clock.now(), random), UserState::active, by_operator).error(), errors::not_found);
}

TEST_F(UserServiceTest, seals_a_reason_that_somebody_typed) {
    auto const alice = add("alice");
    ASSERT_TRUE(users.set_state(alice.id, UserState::disabled, by_operator, {}, "Alice moved to Rome").ok());
    EXPECT_EQ(last_event().reason, "");
    EXPECT_THAT(last_event().personal, ElementsAre(Pair("reason", "Alice moved to Rome")));
}

TEST_F(UserServiceTest, a_temporary_lock_ends_by_the_clock_and_opens_nothing_else) {
    auto const alice = add("alice");
    auto const until = clock.now() + 1min;
    ASSERT_TRUE(users.lock_until(alice.id, until, Actor::system(), {}, "passwords.throttled").ok());
    EXPECT_EQ(check_active(users.find(alice.id).value(), clock.now()).error(), errors::locked);
    clock.advance(1min);
    EXPECT_TRUE(check_active(users.find(alice.id).value(), clock.now()).ok());

    for (auto const closed : {UserState::disabled, UserState::pending, UserState::expired, UserState::locked}) {
        ASSERT_TRUE(users.set_state(alice.id, closed, by_operator).ok());
        ASSERT_TRUE(users.lock_until(alice.id, clock.now() + 1ms, Actor::system()).ok());
        clock.advance(1s);
        EXPECT_EQ(effective_state(users.find(alice.id).value(), clock.now()), closed);
    }
}

TEST_F(UserServiceTest, an_end_date_closes_the_account_and_can_be_taken_back) {
    auto const alice = add("alice");
    ASSERT_TRUE(users.set_expiry(alice.id, clock.now() + 1s, by_operator).ok());
    EXPECT_TRUE(check_active(users.find(alice.id).value(), clock.now()).ok());
    clock.advance(1s);
    EXPECT_EQ(check_active(users.find(alice.id).value(), clock.now()).error(), errors::expired);
    ASSERT_TRUE(users.set_expiry(alice.id, std::nullopt, by_operator).ok());
    EXPECT_TRUE(check_active(users.find(alice.id).value(), clock.now()).ok());
}

TEST_F(UserServiceTest, any_active_agrees_with_effective_state) {
    std::vector<User> all;
    int number = 0;
    for (auto const state : {UserState::active, UserState::disabled, UserState::locked, UserState::expired, UserState::pending}) {
        for (auto const& expires_at : {std::optional<TimePoint>{}, std::optional{clock.now()}, std::optional{clock.now() + 1h}}) {
            auto const user = users.create({.username = "u" + std::to_string(number++), .state = state, .expires_at = expires_at}, by_operator);
            all.push_back(user.value());
        }
    }
    auto const soon = add("soon");
    ASSERT_TRUE(users.lock_until(soon.id, clock.now() + 1min, by_operator).ok());
    all.push_back(users.find(soon.id).value());
    auto const agree = [&] {
        database->read([&](storage::Transaction& tx) {
            for (auto const& user : all) {
                bool const active = effective_state(user, clock.now()) == UserState::active;
                EXPECT_EQ(users.any_active(tx, {user.id}, UserService::Lasting::now), active) << user.username;
                EXPECT_EQ(users.any_active(tx, {user.id}, UserService::Lasting::for_good), active && !user.expires_at) << user.username;
            }
            EXPECT_FALSE(users.any_active(tx, {}, UserService::Lasting::now));
        });
        for (auto const state : {UserState::active, UserState::disabled, UserState::locked, UserState::expired, UserState::pending}) {
            std::set<std::string> listed;
            auto const page = users.list({.limit = 200, .state = state}).value();
            for (auto const& user : page.users) listed.insert(user.username);
            std::set<std::string> expected;
            for (auto const& user : all) {
                if (effective_state(user, clock.now()) == state) expected.insert(user.username);
            }
            EXPECT_EQ(listed, expected) << state_name(state);
        }
    };
    agree();
    clock.advance(1min);
    agree();
    clock.advance(1h);
    agree();
}

TEST_F(UserServiceTest, counts_only_as_far_as_asked) {
    for (auto const* name : {"a", "b", "c"}) add(name);
    EXPECT_EQ(users.count(2), 2);
    EXPECT_EQ(users.count(10), 3);
}

class ErasureTest : public UserServiceTest {
protected:
    audit::AuditPersonalData audit_data{audit};
    UsersPersonalData users_data;
    privacy::PersonalData data{{&users_data, &audit_data}};
};

TEST_F(ErasureTest, leaves_no_trace_of_the_names_of_a_removed_person) {
    auto const alice = add("alice.canary", "alice@canary.test");
    auto const bob = add("bob");
    auto const staff = add_group("staff");
    ASSERT_TRUE(groups.add_member(staff.id, alice.id, by_operator).ok());
    ASSERT_TRUE(users.update_profile(alice.id, {.display_name = "Al Canary"}, Actor::user(alice.id), {"192.0.2.77", "canary/1.0"}).ok());
    ASSERT_TRUE(users.remove(alice.id, data, Actor::user(bob.id), {"198.51.100.1", "admin/1.0"}, "asked_for_it").ok());

    EXPECT_EQ(users.find(alice.id).error(), errors::not_found);
    EXPECT_EQ(users.find_by_login("alice@canary.test").error(), errors::not_found);
    EXPECT_EQ(rows("group_member"), 0);
    for (auto const& event : audit.query({.subject = alice.id})) {
        for (auto const& [name, value] : event.personal) ADD_FAILURE() << event.name << " still holds " << name << "=" << value;
        EXPECT_NE(event.address, "192.0.2.77");
    }
    auto const event = last_event();
    EXPECT_EQ(event.name, "users.deleted");
    EXPECT_EQ(event.reason, "asked_for_it");
    EXPECT_EQ(event.address, "198.51.100.1") << "where the administrator came from stays";
    EXPECT_TRUE(users.find(bob.id).ok());
}

TEST_F(ErasureTest, of_oneself_leaves_not_even_where_it_came_from) {
    auto const alice = add("alice");
    ASSERT_TRUE(users.remove(alice.id, data, Actor::user(alice.id), {"192.0.2.77", "canary/1.0"}, "Alice does not like us").ok());
    for (auto const& event : audit.query({.subject = alice.id})) {
        EXPECT_EQ(event.address, "") << event.name;
        EXPECT_EQ(event.user_agent, "") << event.name;
        EXPECT_THAT(event.personal, IsEmpty()) << event.name;
        EXPECT_EQ(event.reason, "") << event.name;
    }
}

TEST_F(ErasureTest, frees_the_name_but_never_the_id) {
    auto const first = add("alice");
    ASSERT_TRUE(users.remove(first.id, data, by_operator).ok());
    EXPECT_NE(add("alice").id, first.id);
    EXPECT_EQ(users.remove(first.id, data, by_operator).error(), errors::not_found);
}

TEST_F(ErasureTest, is_refused_as_a_fault_when_no_source_erases_the_account) {
    auto const alice = add("alice");
    privacy::PersonalData const incomplete{{&audit_data}};
    EXPECT_THROW(std::ignore = users.remove(alice.id, incomplete, by_operator), Fault);
    EXPECT_TRUE(users.find(alice.id).ok());
    EXPECT_THAT(audit.query({.subject = alice.id})[0].personal, Not(IsEmpty())) << "nothing was erased";
}

TEST_F(ErasureTest, exports_the_account_and_its_groups) {
    auto const alice = add("alice", "alice@example.com");
    auto const staff = add_group("Staff");
    ASSERT_TRUE(groups.add_member(staff.id, alice.id, by_operator).ok());
    auto const text = database->read([&](storage::Transaction& tx) { return users_data.export_for(tx, alice.id).dump(); });
    EXPECT_THAT(text, HasSubstr(R"("username":"alice","email":"alice@example.com")"));
    EXPECT_THAT(text, HasSubstr(R"("groups":[{"name":"Staff")"));
    EXPECT_THAT(text, HasSubstr(R"("state":"active")"));
}

TEST_F(ErasureTest, exporting_is_an_event_and_refused_for_nobody) {
    auto const alice = add("alice");
    auto const json = users.export_data(alice.id, data, Actor::user(alice.id));
    ASSERT_TRUE(json.ok());
    EXPECT_EQ(json.value().find("users")->string_at("username"), "alice");
    EXPECT_NE(json.value().find("audit"), nullptr);
    EXPECT_EQ(last_event().name, "users.exported");
    EXPECT_EQ(users.export_data(UserId::make(clock.now(), random), data, by_operator).error(), errors::not_found);
}

TEST_F(ErasureTest, claims_every_column_of_the_tables_of_this_room) {
    std::vector<storage::Column> ours;
    for (auto const& column : storage::list_columns(*database)) {
        for (auto const* table : {"app_user", "user_group", "group_member", "group_child"}) {
            if (column.table == table) ours.push_back(column);
        }
    }
    EXPECT_GT(ours.size(), 20u);
    EXPECT_THAT(privacy::unclaimed_columns(ours, users_data.claims()), IsEmpty());
}

// Rules that refuse what a test tells them to.
class SpyRules : public AccessRules {
public:
    Result<void> around(storage::Transaction&, audit::Actor const&, std::function<Result<void>()> const& change) override {
        ZEPHYR_CHECK(change());
        return refuse_outcome ? Result<void>{refusal} : success();
    }
    Result<void> may_change(storage::Transaction&, audit::Actor const&, UserId const&) override {
        return refuse_change ? Result<void>{refusal} : success();
    }
    Result<void> may_join(storage::Transaction&, audit::Actor const&, GroupId const&) override { return success(); }
    void changed(storage::Transaction&) override { ++times_changed; }
    void group_removed(storage::Transaction&, GroupId const&) override {}
    static constexpr Failure refusal{Kind::denied, "test.refused"};
    bool refuse_outcome = false;
    bool refuse_change = false;
    int times_changed = 0;
};

TEST_F(ErasureTest, nothing_of_a_change_stays_when_the_rules_refuse_its_outcome) {
    SpyRules rules;
    users.use_rules(rules);
    auto const alice = add("alice");
    rules.refuse_outcome = true;
    EXPECT_EQ(users.set_state(alice.id, UserState::disabled, by_operator).error(), SpyRules::refusal);
    EXPECT_EQ(users.remove(alice.id, data, by_operator).error(), SpyRules::refusal);
    EXPECT_EQ(users.find(alice.id).value().state, UserState::active);
    EXPECT_THAT(events(), ElementsAre("users.created", "users.change_refused", "users.change_refused"));
    EXPECT_EQ(last_event().reason, "test.refused");
    EXPECT_EQ(last_event().outcome, audit::Outcome::denied);
    EXPECT_EQ(rules.times_changed, 0);
}

TEST_F(ErasureTest, the_rules_are_asked_before_any_change_and_told_about_states_alone) {
    SpyRules rules;
    users.use_rules(rules);
    auto const alice = add("alice");
    rules.refuse_change = true;
    EXPECT_EQ(users.update_profile(alice.id, {.email = "eve@example.com"}, by_operator).error(), SpyRules::refusal);
    EXPECT_EQ(users.remove(alice.id, data, by_operator).error(), SpyRules::refusal);
    EXPECT_EQ(users.export_data(alice.id, data, by_operator).error(), SpyRules::refusal);
    EXPECT_EQ(users.find(alice.id).value().email, std::nullopt);
    rules.refuse_change = false;
    EXPECT_TRUE(users.update_profile(alice.id, {.email = "eve@example.com"}, by_operator).ok());
    EXPECT_EQ(rules.times_changed, 0);
    EXPECT_TRUE(users.set_state(alice.id, UserState::disabled, by_operator).ok());
    EXPECT_EQ(rules.times_changed, 1);
}

}  // namespace
}  // namespace zephyr::users
