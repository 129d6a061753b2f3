// Browsers that are known: the cookie, trust where the operator allows it, and a lock-out that strangers can't use.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::TestApp;

constexpr std::string_view device_cookie = "zephyr_device";

config::Settings trusting() {
    auto settings = TestApp::settings();
    settings.mfa.trusted_devices = true;
    return settings;
}

std::string set_cookie(Answer const& answer, std::string_view name) {
    for (auto const& header : answer.response.headers.all())
        if (header.name == "Set-Cookie" && header.value.starts_with(std::string{name} + "=")) return header.value;
    return {};
}

class KnownBrowsers : public ::testing::Test {
protected:
    TestApp app{trusting()};
    users::User alice = app.add_user("alice");

    static Json code(std::string_view text) { return Json::object({{"code", text}}); }
    std::string& cookie_of(Client& client) { return client.cookies()[std::string{device_cookie}]; }
    // Signs in with both factors and asks for trust; then signs out, so that only the cookie of known browsers is left.
    void sign_in_and_trust(Client& client, users::User const& user, Bytes const& secret) {
        ASSERT_EQ(client.log_in(user.username).json().string_at("pending"), "mfa.required");
        ASSERT_EQ(client.post("/auth/mfa/totp/verify", code(app.code_for(secret))).status(), 200);
        app.clock.advance(30s);
        app.stack.database->write([&](storage::Transaction& tx) {
            cookie_of(client) = app.stack.known_devices.remember(tx, user.id, cookie_of(client), true, {}).reveal();
        });
        ASSERT_EQ(client.post("/auth/logout").status(), 200);
    }
    // What a sign-in with the right password is still waiting for.
    std::string pending(Client& client, std::string const& name = "alice", std::string_view password = TestApp::good_password) {
        auto const answer = client.log_in(name, password);
        EXPECT_EQ(answer.status(), 200) << answer.body();
        return answer.json().string_at("pending").value_or("");
    }
};

TEST_F(KnownBrowsers, get_a_cookie_with_each_whole_sign_in_and_keep_it_when_they_sign_out) {
    Client client{app};
    auto const first = client.log_in("alice");
    auto const header = set_cookie(first, device_cookie);
    EXPECT_NE(header.find("; HttpOnly"), std::string::npos) << header;
    EXPECT_NE(header.find("; SameSite=Lax"), std::string::npos) << header;
    EXPECT_NE(header.find("; Max-Age=34560000"), std::string::npos) << header;
    auto const cookie = cookie_of(client);
    EXPECT_EQ(cookie.size(), 43u);

    auto const out = client.post("/auth/logout");
    EXPECT_EQ(out.header("Clear-Site-Data").find("cookies"), std::string::npos) << "it would throw the owner among the strangers";
    EXPECT_EQ(cookie_of(client), cookie);
    EXPECT_EQ(client.get("/auth/me").status(), 401);
    ASSERT_EQ(client.log_in("alice").status(), 200);
    EXPECT_EQ(cookie_of(client), cookie);
    EXPECT_EQ(app.stack.known_devices.list(alice.id).size(), 1u);
}

TEST_F(KnownBrowsers, are_not_made_by_half_a_sign_in) {
    auto const secret = app.enrol(alice);
    Client client{app};
    EXPECT_EQ(set_cookie(client.log_in("alice"), device_cookie), "");
    EXPECT_EQ(set_cookie(client.log_in("alice", "wrong password"), device_cookie), "");
    EXPECT_TRUE(app.stack.known_devices.list(alice.id).empty());
    ASSERT_EQ(pending(client), "mfa.required");
    EXPECT_NE(set_cookie(client.post("/auth/mfa/totp/verify", code(app.code_for(secret))), device_cookie), "");
    EXPECT_EQ(app.stack.known_devices.list(alice.id).size(), 1u);
}

TEST_F(KnownBrowsers, are_listed_and_forgotten_by_their_owner_alone) {
    Client client{app}, other{app}, stranger{app};
    app.add_user("bob");
    ASSERT_EQ(client.log_in("alice").status(), 200);
    ASSERT_EQ(other.log_in("alice").status(), 200);
    ASSERT_EQ(stranger.log_in("bob").status(), 200);
    auto const listed = client.get("/auth/devices").json();
    ASSERT_EQ(listed.find("devices")->items()->size(), 2u);
    std::string theirs;
    for (auto const& device : *listed.find("devices")->items())
        if (!*device.find("this_browser")->boolean()) theirs = *device.string_at("id");
    EXPECT_EQ(listed.dump().find(cookie_of(client)), std::string::npos) << "the list shows no credential";

    EXPECT_EQ(Client{app}.get("/auth/devices").status(), 401);
    EXPECT_EQ(stranger.post("/auth/devices/" + theirs + "/forget").status(), 404);
    EXPECT_EQ(client.post("/auth/devices/nonsense/forget").status(), 404);
    EXPECT_EQ(client.post("/auth/devices/" + theirs + "/forget").status(), 200);
    EXPECT_EQ(client.post("/auth/devices/" + theirs + "/forget").status(), 404);
    EXPECT_EQ(client.get("/auth/devices").json().find("devices")->items()->size(), 1u);
    app.clock.advance(15min);
    EXPECT_EQ(client.post("/auth/devices/" + theirs + "/forget").id(), "auth.step_up_required");
}

TEST_F(KnownBrowsers, trust_skips_the_question_and_adds_no_factor) {
    auto const secret = app.enrol(alice);
    Client client{app};
    sign_in_and_trust(client, alice, secret);
    auto const answer = client.log_in("alice");
    EXPECT_EQ(answer.json().string_at("mfa"), "none") << answer.body();
    auto const me = client.get("/auth/me").json();
    EXPECT_FALSE(*me.find("mfa")->boolean());
    ASSERT_EQ(me.find("factors")->items()->size(), 1u) << "it never adds to amr";
    EXPECT_EQ(me.find("factors")->items()->at(0).string_at("factor"), "pwd");
    EXPECT_EQ(client.post("/auth/mfa/backup-codes").id(), "auth.step_up_required") << "it never satisfies freshness";
    EXPECT_EQ(client.post("/auth/mfa/totp/setup").id(), "auth.step_up_required");
}

TEST_F(KnownBrowsers, trust_never_stands_in_where_a_factor_is_demanded) {
    auto const root = app.add_user("root", "admin");
    auto const secret = app.enrol(root);
    Client client{app};
    sign_in_and_trust(client, root, secret);
    EXPECT_EQ(pending(client, "root"), "mfa.required");
    EXPECT_NE(client.get("/admin/dashboard").status(), 200);
}

TEST_F(KnownBrowsers, trust_given_before_somebody_became_an_administrator_opens_no_administration) {
    auto const secret = app.enrol(alice);
    Client client{app};
    sign_in_and_trust(client, alice, secret);
    ASSERT_EQ(pending(client), "");
    app.stack.roles.grant(rbac::Subject::user(alice.id), "admin", audit::Actor::system()).value();
    EXPECT_NE(client.get("/admin/dashboard").status(), 200) << "the session proved one factor";
    EXPECT_EQ(pending(client), "mfa.required");
}

TEST_F(KnownBrowsers, trusted_device_theft) {
    auto const secret = app.enrol(alice);
    Client client{app};
    sign_in_and_trust(client, alice, secret);
    auto const cookie = cookie_of(client);
    auto forged = cookie;
    forged[0] = forged[0] == 'A' ? 'B' : 'A';
    for (auto const& stolen : {cookie.substr(0, 42), cookie.substr(1), forged, std::string(43, 'A'), cookie + "A"}) {
        Client thief{app};
        cookie_of(thief) = stolen;
        EXPECT_EQ(pending(thief), "mfa.required") << stolen;
    }
    Client thief{app};
    cookie_of(thief) = cookie;
    EXPECT_EQ(thief.log_in("alice", "not her password").status(), 401) << "without the password the whole cookie opens nothing";
    EXPECT_EQ(thief.get("/auth/me").status(), 401);
}

TEST_F(KnownBrowsers, trusted_device_other_user) {
    auto const bob = app.add_user("bob");
    auto const secret = app.enrol(bob);
    app.enrol(alice);
    Client client{app};
    sign_in_and_trust(client, bob, secret);
    EXPECT_EQ(pending(client, "alice"), "mfa.required") << "trust is of one account";
    EXPECT_EQ(pending(client, "bob"), "");
}

TEST_F(KnownBrowsers, trusted_device_password_change_revokes) {
    auto const secret = app.enrol(alice);
    Client client{app}, elsewhere{app};
    sign_in_and_trust(client, alice, secret);
    ASSERT_EQ(pending(elsewhere), "mfa.required");
    ASSERT_EQ(elsewhere.post("/auth/mfa/totp/verify", code(app.code_for(secret))).status(), 200);
    std::string const fresh = "seven brass owls hum softly";
    auto const session = SessionRef::parse(*elsewhere.get("/auth/me").json().string_at("session")).value();
    ASSERT_TRUE(app.stack.account
                    .change_password(session, SecretText{std::string{TestApp::good_password}}, SecretText{fresh}, {})
                    .ok());
    EXPECT_EQ(pending(client, "alice", fresh), "mfa.required");
}

TEST_F(KnownBrowsers, are_forgotten_when_the_password_changes_but_for_the_one_in_use) {
    Client client{app}, elsewhere{app};
    ASSERT_EQ(elsewhere.log_in("alice").status(), 200);
    ASSERT_EQ(client.log_in("alice").status(), 200);
    auto const changed = client.submit("/account/password", {{"current_password", std::string{TestApp::good_password}}, {"password", "seven brass owls hum softly"}});
    ASSERT_EQ(changed.status(), 303) << changed.body();
    EXPECT_TRUE(app.stack.known_devices.find(alice.id, cookie_of(client)));
    EXPECT_FALSE(app.stack.known_devices.find(alice.id, cookie_of(elsewhere)));
}

TEST_F(KnownBrowsers, are_forgotten_with_the_first_factor_but_for_the_one_in_use) {
    Client client{app}, elsewhere{app};
    ASSERT_EQ(elsewhere.log_in("alice").status(), 200);
    ASSERT_EQ(client.log_in("alice").status(), 200);
    auto const enrol = [&] {
        auto const begun = client.post("/auth/mfa/totp/setup").json();
        auto const secret = encoding::base32_decode(*begun.string_at("secret")).value();
        EXPECT_EQ(client.post("/auth/mfa/totp/verify", code(app.code_for(secret))).status(), 200);
        app.clock.advance(30s);
        return secret;
    };
    auto const secret = enrol();
    EXPECT_TRUE(app.stack.known_devices.find(alice.id, cookie_of(client)));
    EXPECT_FALSE(app.stack.known_devices.find(alice.id, cookie_of(elsewhere))) << "it became known by the password alone";

    ASSERT_EQ(elsewhere.log_in("alice").status(), 200);
    ASSERT_EQ(elsewhere.post("/auth/mfa/totp/verify", code(app.code_for(secret))).status(), 200);
    app.clock.advance(30s);
    enrol();
    EXPECT_TRUE(app.stack.known_devices.find(alice.id, cookie_of(elsewhere))) << "a second one changes nothing of who was known";
}

TEST_F(KnownBrowsers, are_all_forgotten_when_an_operator_sets_the_password_or_takes_the_factors) {
    app.enrol(alice);
    auto const remember = [&] {
        return app.stack.database->write([&](storage::Transaction& tx) {
            return app.stack.known_devices.remember(tx, alice.id, "", true, {}).reveal();
        });
    };
    auto const first = remember();
    SecretText const fresh{"seven brass owls hum softly"};
    auto const operator_ = audit::Actor::operator_cli();
    ASSERT_FALSE(app.stack.lifecycle.set_password(alice.id, SecretText{"short"}, passwords::MustChange::no, operator_, {}).ok());
    EXPECT_TRUE(app.stack.known_devices.find(alice.id, first)) << "a refused password changes nothing";
    EXPECT_TRUE(app.stack.notices.unseen(alice.id).empty());
    ASSERT_TRUE(app.stack.lifecycle.set_password(alice.id, fresh, passwords::MustChange::no, operator_, {}).ok());
    EXPECT_TRUE(app.stack.known_devices.list(alice.id).empty());

    remember();
    ASSERT_TRUE(app.stack.lifecycle.reset_mfa(alice.id, operator_, {}, "in person").ok());
    EXPECT_TRUE(app.stack.known_devices.list(alice.id).empty());
}

TEST_F(KnownBrowsers, a_password_set_by_an_operator_ends_every_session_and_is_told) {
    Client client{app};
    ASSERT_EQ(client.log_in("alice").status(), 200);
    ASSERT_EQ(client.get("/auth/me").status(), 200);
    SecretText const fresh{"seven brass owls hum softly"};
    ASSERT_TRUE(app.stack.lifecycle.set_password(alice.id, fresh, passwords::MustChange::yes, audit::Actor::operator_cli(), {}).ok());
    EXPECT_EQ(client.get("/auth/me").status(), 401);
    auto const told = app.stack.notices.unseen(alice.id);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told.front().what, "password_changed");
    EXPECT_EQ(pending(client, "alice", fresh.reveal()), "passwords.change_required");
}

TEST_F(KnownBrowsers, trust_ends_on_the_second) {
    auto const secret = app.enrol(alice);
    Client client{app};
    sign_in_and_trust(client, alice, secret);
    app.clock.advance(30 * 24h - 1s);
    EXPECT_EQ(pending(client), "");
    app.clock.advance(1s);
    EXPECT_EQ(pending(client), "mfa.required");
}

TEST_F(KnownBrowsers, trust_is_off_unless_the_operator_allows_it) {
    TestApp strict;
    auto const user = strict.add_user("alice");
    strict.enrol(user);
    Client client{strict};
    strict.stack.database->write([&](storage::Transaction& tx) {
        client.cookies()[std::string{device_cookie}] = strict.stack.known_devices.remember(tx, user.id, "", true, {}).reveal();
    });
    EXPECT_EQ(client.log_in("alice").json().string_at("pending"), "mfa.required");
}

// The owner's name is no secret: whoever knows it, in whatever spelling, must not be able to shut the owner out.
TEST_F(KnownBrowsers, lockout_by_a_stranger_does_not_reach_the_owner) {
    Client owner{app};
    ASSERT_EQ(owner.log_in("alice").status(), 200);
    ASSERT_EQ(owner.post("/auth/logout").status(), 200);

    std::vector<std::string> const spellings{"alice",       "ALICE", "Alice", "alice@example.test", "ALICE@Example.TEST", " alice ",
                                             "\uFF41lice", "\uFF21\uFF2C\uFF29\uFF23\uFF25"};
    for (std::size_t i = 0; i < 200; ++i) {
        Client stranger{app};
        EXPECT_EQ(stranger.log_in(spellings[i % spellings.size()], "guess " + std::to_string(i)).status(), 401);
        app.clock.advance(15min);
    }
    auto const state = app.stack.passwords.state(alice.id);
    EXPECT_EQ(state->failures, 100) << "every spelling counts on one key, and the hundred and first is not heard";
    EXPECT_TRUE(state->locked_out);

    EXPECT_EQ(owner.log_in("alice").status(), 200) << "in a browser she signed in from before";
    Client stranger{app};
    EXPECT_EQ(stranger.log_in("alice").status(), 401) << "the right password, but from nobody's browser";
    auto const refused =
        app.stack.audit.query({.subject = alice.id, .code = std::string{audit::codes::auth_refused}, .from = {}, .until = {}, .limit = 1});
    EXPECT_EQ(refused.at(0).reason, "passwords.locked_out");

    ASSERT_TRUE(app.stack.lifecycle.enable(alice.id, audit::Actor::operator_cli(), {}, "called in").ok());
    EXPECT_EQ(stranger.log_in("alice").status(), 200) << "what `zephyr user enable` does opens it";
}

TEST_F(KnownBrowsers, an_account_made_active_again_is_asked_for_codes_again) {
    auto const secret = app.enrol(alice);
    for (int i = 0; i < 100; ++i) {
        app.stack.database->write([&](storage::Transaction& tx) {
            app.stack.attempts.failed(tx, {.user = alice.id, .session = SessionRef::make(app.clock.now(), app.random), .code = "x"},
                                      app.stack.totp.kind());
        });
    }
    Client client{app};
    app.clock.advance(1h);
    ASSERT_EQ(pending(client), "mfa.required");
    EXPECT_EQ(client.post("/auth/mfa/totp/verify", code(app.code_for(secret))).id(), "mfa.locked_out");
    ASSERT_TRUE(app.stack.lifecycle.enable(alice.id, audit::Actor::operator_cli(), {}, "called in").ok());
    ASSERT_EQ(pending(client), "mfa.required");
    EXPECT_EQ(client.post("/auth/mfa/totp/verify", code(app.code_for(secret))).status(), 200);
}

TEST_F(KnownBrowsers, lockout_by_a_stranger_stops_nobody_who_is_signed_in) {
    Client owner{app};
    ASSERT_EQ(owner.log_in("alice").status(), 200);
    auto const session = SessionRef::parse(*owner.get("/auth/me").json().string_at("session")).value();
    for (int i = 0; i < 6; ++i) Client{app}.log_in("alice", "guess");
    EXPECT_EQ(Client{app}.log_in("alice").status(), 401) << "strangers wait";
    EXPECT_TRUE(app.stack.sign_in.verify_password(session, SecretText{std::string{TestApp::good_password}}, {}).ok());
}

TEST_F(KnownBrowsers, another_account_in_ones_browser_is_a_stranger_to_its_owner) {
    app.add_user("mallory");
    Client mallory{app};
    ASSERT_EQ(mallory.log_in("mallory").status(), 200);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(mallory.log_in("alice", "guess").status(), 401);
    EXPECT_EQ(mallory.log_in("alice").status(), 401) << "throttled with all other strangers: the cookie is known, but not to alice";
    EXPECT_EQ(Client{app}.log_in("alice").status(), 401);
}

}  // namespace
}  // namespace zephyr
