// What somebody finds who looks for ways around a second factor: the weaker one beside the stronger, a provider that went away, a grace that is
// stretched, an address that is changed, a code that is lost or counted twice, a list that tells too much.
#include <gtest/gtest.h>

#include <filesystem>

#include "testing/app/test_app.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/storage/migrations.h"

namespace zephyr {
namespace {

using audit::Actor;
using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::TestApp;

constexpr char const* number = "+49 151 23456742";
constexpr char const* other_number = "+49 151 98765437";

Json code_body(std::string const& code) { return Json::object({{"code", code}}); }

class World {
public:
    explicit World(config::Settings settings = TestApp::settings_with_messages()) : app{std::move(settings)} {}
    World(config::Settings settings, std::unique_ptr<storage::Database> database, std::uint64_t seed)
        : app{std::move(settings), std::move(database), seed} {}

    users::User person(std::string const& name = "alice") {
        auto const user = app.add_user(name);
        app.stack.database->write([&](storage::Transaction& tx) {
            return app.stack.users.mark_email_verified(tx, user.id, user.canonical_email.value());
        }).value();
        return user;
    }
    std::string sent() {
        while (app.send_messages() > 0) {}
        return testing::newest_code(by_sms ? app.sms : app.mail);
    }
    Answer give(Client& client, std::string const& kind, std::string const& code) {
        return client.post("/auth/mfa/" + kind + "/verify", code_body(code));
    }
    Answer add_sms(Client& client, std::string const& to = number) {
        by_sms = true;
        EXPECT_EQ(client.post("/auth/mfa/sms/setup", Json::object({{"phone", to}})).status(), 200);
        return finish(client, "sms");
    }
    Answer add_email(Client& client) {
        by_sms = false;
        EXPECT_EQ(client.post("/auth/mfa/email/setup").status(), 200);
        return finish(client, "email");
    }
    // Enrols in the session of the client, and keeps the secret.
    Answer add_app(Client& client) {
        secret = encoding::base32_decode(client.post("/auth/mfa/totp/setup").json().string_at("secret").value_or("")).value();
        auto done = give(client, "totp", app.code_for(secret));
        EXPECT_EQ(done.status(), 200) << done.body();
        app.clock.advance(30s);
        return done;
    }
    SessionRef session_of(Client& client) { return SessionRef::parse(client.get("/auth/me").json().string_at("session").value()).value(); }
    std::int64_t failures(users::User const& user) {
        return app.stack.database->read([&](storage::Transaction& tx) { return app.stack.attempts.failures(tx, user.id); });
    }

    TestApp app;
    Bytes secret;
    bool by_sms = true;

private:
    Answer finish(Client& client, std::string const& kind) {
        auto done = give(client, kind, sent());
        EXPECT_EQ(done.status(), 200) << done.body();
        app.clock.advance(30s);
        return done;
    }
};

// --- The weaker beside the stronger

TEST(MfaReview, a_code_by_mail_completes_no_sign_in_of_somebody_who_has_an_app) {
    World world;
    auto const alice = world.person();
    Client own{world.app}, thief{world.app};
    own.log_in("alice");
    world.add_app(own);
    world.add_email(own);

    ASSERT_EQ(thief.log_in("alice").json().string_at("pending"), "mfa.required");
    while (world.app.send_messages() > 0) {}  // the notices of what was added
    auto const mails = world.app.mail.count();
    EXPECT_EQ(thief.post("/auth/mfa/email/send").id(), "mfa.stronger_proof_required");
    EXPECT_EQ(thief.submit("/sign-in/factor/send", {{"method", "email"}}, "/sign-in/factor").status(), 401);
    while (world.app.send_messages() > 0) {}
    EXPECT_EQ(world.app.mail.count(), mails) << "nothing is sent";
    EXPECT_EQ(world.give(thief, "email", "123456").id(), "mfa.stronger_proof_required");
    EXPECT_EQ(world.failures(alice), 0) << "no code was looked at";
    EXPECT_EQ(thief.get("/auth/me").id(), "mfa.required");
    EXPECT_EQ(thief.get("/auth/mfa").body().find("email"), thief.get("/auth/mfa").body().find("email\"]")) << "only among what may be added";
    EXPECT_EQ(thief.page("/sign-in/factor?method=email").body().find("value=\"email\""), std::string::npos);
    EXPECT_EQ(world.give(thief, "totp", world.app.code_for(world.secret)).status(), 200);
    EXPECT_EQ(thief.get("/auth/me").status(), 200);
}

TEST(MfaReview, an_email_alone_completes_a_sign_in_as_before) {
    World world;
    world.person();
    Client own{world.app}, later{world.app};
    own.log_in("alice");
    world.add_email(own);
    ASSERT_EQ(later.log_in("alice").json().string_at("pending"), "mfa.required");
    ASSERT_EQ(later.post("/auth/mfa/email/send").status(), 200);
    EXPECT_EQ(world.give(later, "email", world.sent()).status(), 200);
    EXPECT_EQ(later.get("/auth/me").status(), 200);
}

TEST(MfaReview, backup_codes_come_with_the_first_factor_they_are_worth_as_much_as) {
    World world;
    auto const alice = world.person();
    Client own{world.app};
    own.log_in("alice");
    EXPECT_FALSE(world.add_email(own).json().find("backup_codes")) << "with them a mailbox would make AAL2";
    EXPECT_EQ(own.post("/auth/mfa/backup-codes").id(), "mfa.backup_codes_too_early");
    EXPECT_TRUE(world.add_app(own).json().find("backup_codes"));
    EXPECT_EQ(world.app.stack.backup_codes.left(alice.id), 10);
    EXPECT_EQ(own.post("/auth/mfa/factors/" + world.app.stack.totp.list(alice.id).front().id.str() + "/remove").status(), 200);
    EXPECT_FALSE(world.app.stack.backup_codes.left(alice.id)) << "an e-mail is all that is left";
}

// --- A provider that went away

TEST(MfaReview, whoever_has_a_number_alone_stays_out_when_the_operator_takes_the_provider_away) {
    auto const file = std::filesystem::path{::testing::TempDir()} / "zephyr_provider_gone.db";
    for (auto const* tail : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + tail);
    auto const open = [&] {
        auto database = storage::open_sqlite({.path = file.string()});
        EXPECT_TRUE(storage::migrate(*database, schema_migrations(), SystemClock{}).ok());
        return database;
    };
    std::string backup_code;
    {
        World before{TestApp::settings_with_messages(), open(), 1};
        before.person();
        Client own{before.app};
        own.log_in("alice");
        auto const added = before.add_sms(own).json();
        ASSERT_TRUE(added.find("backup_codes"));
        backup_code = *added.find("backup_codes")->items()->front().string();
    }
    World after{TestApp::settings(), open(), 2};
    after.app.clock.advance(1h);
    auto const alice = after.app.stack.users.find_by_login("alice").value();
    Client own{after.app};
    ASSERT_EQ(own.log_in("alice").json().string_at("pending"), "mfa.required") << "a password alone must not do";
    EXPECT_EQ(own.get("/auth/me").id(), "mfa.required");
    EXPECT_EQ(own.post("/auth/mfa/sms/send").id(), "mfa.unknown_factor");
    EXPECT_EQ(after.give(own, "sms", "123456").id(), "mfa.wrong_code");
    auto const told = own.get("/auth/mfa").json();
    EXPECT_EQ(told.find("offered")->dump(), R"(["totp"])");
    EXPECT_EQ(told.find("factors")->dump(), R"([{"kind":"backup_code","delivered":false}])");
    EXPECT_EQ(own.page("/sign-in/factor").status(), 200);
    EXPECT_EQ(after.give(own, "backup-codes", backup_code).status(), 200) << "the way out";
    EXPECT_EQ(own.get("/auth/me").status(), 200);
    EXPECT_GE(after.app.stack.mfa.reset_all(alice.id, Actor::operator_cli()), 2) << "and the other: the number and the codes are known here";
    EXPECT_TRUE(after.app.stack.mfa.list(alice.id).empty());
}

// --- A grace

Answer log_in_for_long(Client& client) {
    return client.post("/auth/login", Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}, {"remember", true}}));
}

TEST(MfaReview, no_session_outlives_the_grace_it_began_in) {
    auto settings = TestApp::settings_with_messages();
    settings.mfa.required_for = {"everyone grace:1h"};
    World world{settings};
    world.app.add_user("alice");
    Client own{world.app};
    ASSERT_EQ(log_in_for_long(own).json().string_at("mfa"), "none");
    world.app.clock.advance(1h - 1s);
    EXPECT_EQ(own.get("/auth/me").status(), 200);
    world.app.clock.advance(1s);
    EXPECT_EQ(own.get("/auth/me").status(), 401);
    EXPECT_EQ(log_in_for_long(own).json().string_at("pending"), "mfa.enrolment_required");
}

TEST(MfaReview, nor_does_one_that_a_factor_completed_which_does_not_count) {
    auto settings = TestApp::settings_with_messages();
    settings.mfa.required_for = {"everyone grace:1h"};
    World world{settings};
    world.person();
    Client own{world.app}, later{world.app};
    own.log_in("alice");
    world.add_email(own);
    ASSERT_EQ(log_in_for_long(later).json().string_at("pending"), "mfa.required");
    ASSERT_EQ(later.post("/auth/mfa/email/send").status(), 200);
    ASSERT_EQ(world.give(later, "email", world.sent()).status(), 200);
    world.app.clock.advance(1h - 30s - 1s);  // half a minute went by with the enrolment
    EXPECT_EQ(later.get("/auth/me").status(), 200);
    world.app.clock.advance(1s);
    EXPECT_EQ(later.get("/auth/me").status(), 401);
}

// --- An address

TEST(MfaReview, an_address_stays_while_it_is_the_last_factor_that_counts_for_somebody_who_must_have_one) {
    auto settings = TestApp::settings_with_messages();
    settings.mfa.required_for = {"everyone"};
    settings.mfa.email_satisfies_mfa = true;
    World world{settings};
    auto const alice = world.person();
    Client own{world.app};
    own.log_in("alice");
    world.add_email(own);
    auto const session = world.session_of(own);
    auto& stack = world.app.stack;
    EXPECT_EQ(stack.address.begin_change(session, "", {}, "en").error(), signin::errors::mfa_demanded);
    EXPECT_EQ(stack.address.begin_change(session, "new@example.com", {}, "en").error(), signin::errors::mfa_demanded);
    EXPECT_EQ(stack.account.change_profile(session, {.email = ""}, {}).error(), signin::errors::mfa_demanded);
    EXPECT_EQ(stack.users.find(alice.id).value().email, alice.email) << "nothing of it happened";
    EXPECT_EQ(stack.mfa.list(alice.id).size(), 1u);
    world.add_app(own);
    EXPECT_TRUE(stack.address.begin_change(world.session_of(own), "", {}, "en").ok()) << "another one counts now";
}

TEST(MfaReview, with_an_address_go_its_factor_and_what_stood_in_for_it_and_every_other_session) {
    for (bool const by_mail : {true, false}) {
        World world;
        auto const alice = world.person();
        Client own{world.app}, other{world.app};
        own.log_in("alice");
        world.add_email(own);
        auto& stack = world.app.stack;
        auto const elsewhere =
            stack.sessions.start({.user = alice.id, .factors = {{"pwd", world.app.clock.now()}}, .pending = {}, .origin = {}}).value().session.ref;
        // As an older release may have left them.
        auto const set = stack.backup_codes.make(alice.id).value();
        stack.database->write([&](storage::Transaction& tx) { stack.backup_codes.store(tx, alice.id, set, Actor::system(), {}); });
        auto const session = world.session_of(own);
        if (by_mail) EXPECT_TRUE(stack.address.begin_change(session, "", {}, "en").ok());
        else EXPECT_TRUE(stack.account.change_profile(session, {.email = ""}, {}).ok());
        EXPECT_TRUE(stack.mfa.list(alice.id).empty());
        EXPECT_FALSE(stack.backup_codes.left(alice.id));
        EXPECT_FALSE(stack.sessions.find(elsewhere).ok());
        EXPECT_TRUE(stack.sessions.find(session).ok());
    }
}

// --- A code

TEST(MfaReview, a_code_that_opened_nothing_is_still_good_and_a_wrong_one_is_still_counted) {
    auto settings = TestApp::settings_with_messages();
    settings.sessions.max_per_user = 1;
    settings.sessions.when_full = config::WhenFull::refuse;
    World world{settings};
    auto const alice = world.person();
    auto const secret = world.app.enrol(alice);
    Client first{world.app}, second{world.app};
    first.log_in("alice");
    ASSERT_EQ(second.log_in("alice").json().string_at("pending"), "mfa.required");
    ASSERT_EQ(world.give(first, "totp", world.app.code_for(secret)).status(), 200);
    world.app.clock.advance(30s);
    EXPECT_EQ(world.give(second, "totp", "no code").status(), 400);
    EXPECT_EQ(world.failures(alice), 1);
    auto const code = world.app.code_for(secret);
    EXPECT_EQ(world.give(second, "totp", code).id(), "sessions.limit_reached");
    EXPECT_EQ(second.get("/auth/me").id(), "mfa.required");
    EXPECT_EQ(world.failures(alice), 1) << "nor did the right one clear the count";
    ASSERT_EQ(first.post("/auth/logout").status(), 200);
    EXPECT_EQ(world.give(second, "totp", code).status(), 200) << "it was not used up";
    EXPECT_EQ(world.failures(alice), 0);
}

TEST(MfaReview, one_wrong_code_is_one_guess_where_it_could_be_for_an_enrolment_or_a_factor) {
    World world;
    auto const alice = world.person();
    Client own{world.app};
    own.log_in("alice");
    world.add_sms(own);
    ASSERT_EQ(own.post("/auth/mfa/sms/setup", Json::object({{"phone", other_number}})).status(), 200);
    auto const right = world.sent();
    EXPECT_EQ(world.give(own, "sms", right == "123456" ? "123457" : "123456").id(), "mfa.wrong_code");
    EXPECT_EQ(world.failures(alice), 1);
    EXPECT_EQ(world.give(own, "sms", right).json().string_at("status"), "enabled");
}

// --- What is told, and to which number

TEST(MfaReview, a_sign_in_that_waits_learns_what_to_ask_for_and_nothing_else) {
    World world;
    world.person();
    Client own{world.app}, waiting{world.app};
    own.log_in("alice");
    world.add_sms(own);
    world.add_app(own);
    EXPECT_NE(own.get("/auth/mfa").body().find("\"id\""), std::string::npos);
    ASSERT_EQ(waiting.log_in("alice").json().string_at("pending"), "mfa.required");
    EXPECT_EQ(waiting.get("/auth/mfa").json().find("factors")->dump(),
              R"([{"kind":"totp","delivered":false},{"kind":"backup_code","delivered":false},{"kind":"sms","delivered":true,"shown":"+49 … 42"}])");
    EXPECT_FALSE(waiting.get("/auth/mfa").json().find("backup_codes_left"));
}

TEST(MfaReview, a_code_goes_to_the_number_that_was_named) {
    World world;
    auto const alice = world.person();
    Client own{world.app};
    own.log_in("alice");
    world.add_sms(own);
    world.add_sms(own, other_number);
    auto const numbers = world.app.stack.database->read([&](storage::Transaction& tx) { return world.app.stack.sms_codes.list(tx, alice.id); });
    ASSERT_EQ(numbers.size(), 2u);
    auto const send = [&](std::string const& id) { return own.post("/auth/mfa/sms/send", Json::object({{"factor", id}})); };
    EXPECT_EQ(send("no id").id(), "mfa.not_enrolled");
    EXPECT_EQ(send(FactorId::make(world.app.clock.now(), world.app.random).str()).id(), "mfa.not_enrolled") << "nobody else's";
    EXPECT_EQ(send(numbers.back().id.str()).json().string_at("to"), "+49 … 37");
    EXPECT_EQ(world.give(own, "sms", world.sent()).json().string_at("status"), "verified");
}

}  // namespace
}  // namespace zephyr
