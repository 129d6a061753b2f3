// What the gatekeeper remembers, and that it never believes it a moment too long.
#include "zephyr/guards/gatekeeper.h"

#include <gmock/gmock.h>

#include "guards_fixture.h"
#include "testing/failing_database.h"

namespace zephyr::guards {
namespace {

using audit::Actor;

class GatekeeperTest : public GuardsTest {
protected:
    explicit GatekeeperTest(std::unique_ptr<storage::Database> opened = testing::memory_database()) : GuardsTest{std::move(opened)} {}

    users::User alice = add("alice");
    sessions::IssuedSession session = start(alice.id);

    // Admitted now, and so remembered.
    void warm(sessions::IssuedSession const& which) { ASSERT_TRUE(admitted(which)); }
    void must(Result<void> const& outcome) { ASSERT_TRUE(outcome.ok()) << outcome.error(); }
    std::string refusal(sessions::IssuedSession const& which) {
        auto const decision = judge(which);
        auto const* refused = std::get_if<http::Response>(&decision);
        return refused == nullptr ? "admitted" : encoding::parse_json(refused->body).value().string_at("id").value_or("?");
    }
};

TEST_F(GatekeeperTest, a_warm_check_of_a_cookie_asks_the_database_nothing) {
    must(node.roles.grant(rbac::Subject::user(alice.id), "auditor", by_operator));
    auto const demand = (http::require_login | http::require_role("auditor") | http::require_permission("audit.read")).demand();
    auto const request = request_with(session.token.reveal());
    ASSERT_TRUE(admits(node.gatekeeper.judge(demand, request)));
    auto const before = database->counts();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(admits(node.gatekeeper.judge(demand, request)));
    ASSERT_TRUE(node.gatekeeper.visitor(request));
    EXPECT_EQ(database->counts().statements, before.statements);
    EXPECT_EQ(database->counts().reads, before.reads);
    EXPECT_EQ(database->counts().writes, before.writes);
    clock.advance(59s);
    ASSERT_TRUE(admits(node.gatekeeper.judge(demand, request)));
    EXPECT_EQ(database->counts().statements, before.statements) << "time alone asks nothing either";
}

TEST_F(GatekeeperTest, a_warm_check_of_a_bearer_token_asks_the_database_nothing) {
    auto const request = request_with_bearer(bearer(session));
    ASSERT_TRUE(admits(judge(request)));
    auto const before = database->counts();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(admits(judge(request)));
    EXPECT_EQ(database->counts().statements, before.statements);
    EXPECT_EQ(database->counts().reads, before.reads);
}

TEST_F(GatekeeperTest, a_cold_check_asks_for_session_account_and_roles_and_nothing_else) {
    warm(session);
    auto const other = start(alice.id);
    auto const before = database->counts();
    warm(other);
    EXPECT_EQ(database->counts().reads - before.reads, 2) << "session and account; the roles of this person were known";
    EXPECT_EQ(database->counts().writes, before.writes);
}

TEST_F(GatekeeperTest, use_is_recorded_once_a_minute_by_one_statement) {
    warm(session);
    for (int minute = 1; minute <= 3; ++minute) {
        clock.advance(1min);
        auto const before = statements();
        for (int i = 0; i < 10; ++i) warm(session);
        EXPECT_EQ(statements() - before, 1);
        EXPECT_EQ(node.sessions.find(session.session.ref).value().last_seen_at, clock.now());
    }
    // So a session that is used does not fall idle, and one that is not does.
    clock.advance(29min);
    warm(session);
    clock.advance(30min - 1ms);
    warm(session);
    clock.advance(30min);
    EXPECT_EQ(refusal(session), "sessions.expired");
}

TEST_F(GatekeeperTest, nothing_that_ends_a_session_leaves_it_remembered) {
    auto const origin = audit::Origin{};
    warm(session);
    must(node.sessions.end(session.session.ref, by_operator, origin, "test"));
    EXPECT_EQ(refusal(session), "sessions.none");

    auto const first = start(alice.id);
    auto const second = start(alice.id);
    warm(first);
    warm(second);
    node.sessions.end_all(alice.id, second.session.ref, by_operator, origin, "test");
    EXPECT_EQ(refusal(first), "sessions.none");
    warm(second);
    node.sessions.end_all(alice.id, std::nullopt, by_operator, origin, "test");
    EXPECT_EQ(refusal(second), "sessions.none");

    auto const third = start(alice.id);
    warm(third);
    auto const next = node.sessions.rotate(third.session.ref, {}, origin).value();
    EXPECT_EQ(refusal(third), "sessions.none") << "its token was replaced";
    warm(next);
}

TEST_F(GatekeeperTest, a_step_up_is_seen_at_once) {
    auto const pending = start(alice.id, "mfa.required");
    EXPECT_EQ(refusal(pending), "mfa.required");
    auto const whole = node.sessions.rotate(pending.session.ref, {.proved = sessions::Factor{"otp", clock.now(), true}, .pending = ""}, {}).value();
    auto const request = request_with(whole.token.reveal());
    auto const demand = (http::require_login | http::require_mfa_within(5min)).demand();
    EXPECT_TRUE(admits(node.gatekeeper.judge(demand, request)));
    clock.advance(5min);
    EXPECT_FALSE(admits(node.gatekeeper.judge(demand, request))) << "a proof ages while it is remembered";
}

TEST_F(GatekeeperTest, every_way_to_close_an_account_bites_at_the_next_check_and_opening_it_again_too) {
    using users::UserState;
    for (auto const state : {UserState::disabled, UserState::locked, UserState::pending, UserState::expired}) {
        warm(session);
        must(node.users.set_state(alice.id, state, by_operator));
        EXPECT_EQ(refusal(session), "sessions.none") << users::state_name(state);
        EXPECT_EQ(refusal(session), "sessions.none") << "and a refusal is not forgotten either";
        must(node.users.set_state(alice.id, UserState::active, by_operator));
    }
    warm(session);
    must(node.users.lock_until(alice.id, clock.now() + 1s, by_operator));
    EXPECT_EQ(refusal(session), "sessions.none");
    clock.advance(1s - 1ms);
    EXPECT_EQ(refusal(session), "sessions.none");
    clock.advance(1ms);
    warm(session);
    must(node.users.remove(alice.id, node.data, by_operator));
    EXPECT_EQ(refusal(session), "sessions.none");
}

TEST_F(GatekeeperTest, an_account_ends_at_its_millisecond_without_being_asked_about) {
    must(node.users.set_expiry(alice.id, clock.now() + 1h, by_operator));
    auto const remembered = start(alice.id, {}, true);
    warm(remembered);
    clock.advance(1h - 1ms);
    warm(remembered);
    clock.advance(1ms);
    EXPECT_EQ(refusal(remembered), "sessions.none");
    clock.jump_to(clock.now() - 1ms);  // set back: it was valid then, and so says the database
    warm(remembered);
}

TEST_F(GatekeeperTest, a_session_ends_at_its_absolute_end_however_busy_it_is) {
    warm(session);
    for (auto const end = session.session.expires_at; clock.now() + 20min < end;) {
        clock.advance(20min);
        warm(session);
    }
    clock.advance(std::chrono::duration_cast<std::chrono::milliseconds>(session.session.expires_at - clock.now()) - 1ms);
    warm(session);
    clock.advance(1ms);
    EXPECT_EQ(refusal(session), "sessions.expired");
}

TEST_F(GatekeeperTest, a_role_is_gained_lost_and_runs_out_at_once) {
    auto const demand = http::require_role("auditor").demand();
    auto const request = request_with(session.token.reveal());
    auto const may = [&] { return admits(node.gatekeeper.judge(demand, request)); };
    EXPECT_FALSE(may());
    must(node.roles.grant(rbac::Subject::user(alice.id), "auditor", by_operator));
    EXPECT_TRUE(may());
    must(node.roles.revoke(rbac::Subject::user(alice.id), "auditor", by_operator));
    EXPECT_FALSE(may());
    must(node.roles.grant(rbac::Subject::user(alice.id), "auditor", clock.now() + 1s, by_operator));
    EXPECT_TRUE(may());
    clock.advance(1s - 1ms);
    EXPECT_TRUE(may());
    clock.advance(1ms);
    EXPECT_FALSE(may());
    clock.jump_to(clock.now() - 1ms);
    EXPECT_TRUE(may());
    clock.advance(1ms);
    EXPECT_EQ(node.roles.purge_expired(clock.now() + 1ms), 1);
    clock.jump_to(clock.now() - 1ms);
    EXPECT_FALSE(may()) << "what was cleared away does not come back with the clock";
}

TEST_F(GatekeeperTest, a_new_name_is_shown_at_once) {
    warm(session);
    ASSERT_TRUE(node.users.update_profile(alice.id, {.display_name = "Alice the Second"}, by_operator).ok());
    EXPECT_EQ(node.gatekeeper.visitor(request_with(session.token.reveal())).value().display_name, "Alice the Second");
}

TEST_F(GatekeeperTest, an_access_token_ends_with_its_session_its_account_its_key_and_its_time) {
    auto request = request_with_bearer(bearer(session));
    auto const may = [&] { return admits(judge(request)); };
    EXPECT_TRUE(may());
    must(node.users.set_state(alice.id, users::UserState::disabled, by_operator));
    EXPECT_FALSE(may());
    must(node.users.set_state(alice.id, users::UserState::active, by_operator));
    EXPECT_TRUE(may());
    for (auto const& key : node.signing_keys.list()) {
        if (key.state == tokens::KeyState::active) must(node.signing_keys.revoke(key.kid, by_operator, {}));
    }
    EXPECT_FALSE(may());
    request = request_with_bearer(bearer(session));
    EXPECT_TRUE(may());
    clock.advance(node.tokens.settings().access_lifetime);
    EXPECT_EQ(may(), node.tokens.check(request.headers.get("Authorization")->substr(7)).ok()) << "the token's own verifier decides";
    clock.advance(2min);
    EXPECT_FALSE(may());
    request = request_with_bearer(bearer(session));
    EXPECT_TRUE(may());
    must(node.sessions.end(session.session.ref, by_operator, {}, "test"));
    EXPECT_FALSE(may());
}

// The reader has asked for the session, and before it says so the session ends: what it says is as true as any answer to a
// question asked at the same time. But whoever asks later must not get it from memory.
TEST_F(GatekeeperTest, an_answer_that_a_revocation_overtook_is_not_remembered) {
    auto const key = CredentialKey::of(Credential::session_cookie, {session.token.reveal()});
    auto const overtaken = node.gatekeeper.holder_of(key, [&]() -> Result<Standing> {
        Standing standing;
        ZEPHYR_TRY(standing.session, node.sessions.find(session.token));
        EXPECT_TRUE(node.sessions.end(session.session.ref, by_operator, {}, "test").ok());
        return standing;
    });
    EXPECT_TRUE(overtaken.ok());
    EXPECT_EQ(refusal(session), "sessions.none");
}

TEST_F(GatekeeperTest, an_application_s_own_credential_is_remembered_and_ends_with_what_it_rests_on) {
    int asked = 0;
    auto const open = [&](std::string_view host) {
        return node.gatekeeper.holder_of(CredentialKey::of(Credential::forward_cookie, {host, "cookie"}), [&]() -> Result<Standing> {
            ++asked;
            Standing standing;
            ZEPHYR_TRY(standing.session, node.sessions.find(session.session.ref));
            standing.rests_on = {{"forward", "f1"}};
            return standing;
        });
    };
    EXPECT_EQ(open("a.example").value().username, "alice");
    EXPECT_TRUE(open("a.example").ok());
    EXPECT_EQ(asked, 1);
    EXPECT_TRUE(open("b.example").ok());
    EXPECT_EQ(asked, 2) << "the same cookie on another host is another credential";
    database->write([](storage::Transaction& tx) { tx.announce("forward", "f1"); });
    EXPECT_TRUE(open("a.example").ok());
    EXPECT_EQ(asked, 3);
    must(node.sessions.end(session.session.ref, by_operator, {}, "test"));
    EXPECT_EQ(open("a.example").error(), sessions::errors::none);
    EXPECT_EQ(open("b.example").error(), sessions::errors::none);
}

TEST_F(GatekeeperTest, a_stranger_s_cookie_is_never_remembered) {
    for (int i = 0; i < 50; ++i) {
        EXPECT_FALSE(admits(judge(request_with("A" + std::to_string(10'000 + i) + std::string(37, 'x')))));
    }
    EXPECT_EQ(node.cache.counts().entries, 0u);
}

// F3: with a full disk or a store that is gone, whoever is known goes on.
class GatekeeperWithoutStore : public GatekeeperTest {
protected:
    GatekeeperWithoutStore() : GatekeeperTest{std::make_unique<testing::FailingDatabase>(testing::memory_database())} {}
    testing::FailingDatabase& failing() { return static_cast<testing::FailingDatabase&>(*database); }
};

TEST_F(GatekeeperWithoutStore, whoever_is_known_goes_on_while_the_store_is_gone_and_nobody_else_is_judged) {
    warm(session);
    auto const unknown = start(alice.id);
    failing().fail_from(1);
    clock.advance(1min);  // its use would be recorded now
    EXPECT_TRUE(admitted(session));
    EXPECT_TRUE(failing().failed());
    EXPECT_THROW(judge(unknown), StorageFault) << "a store that does not answer says neither yes nor no";
    EXPECT_THROW(judge(request_with(std::string(43, 'A'))), StorageFault);
    clock.advance(30min - 1min);
    EXPECT_THROW(judge(session), StorageFault) << "idle as far as we know; only the store could know better";
    failing().heal();
    EXPECT_EQ(refusal(session), "sessions.expired");
    clock.jump_to(clock.now() - 1min);
    warm(session);
}

}  // namespace
}  // namespace zephyr::guards
