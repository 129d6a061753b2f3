// Codes by SMS and e-mail over the seed's paths, with sessions, cookies and tokens: what a program, a thief and a bill's enemy see.
#include "e2e/bearer_program.h"

namespace zephyr {
namespace {

using encoding::Json;

class DeliveredRoutes : public ::testing::Test {
protected:
    static config::Settings with_senders() {
        auto settings = TestApp::settings();
        settings.mfa.sms_provider = "hook";
        settings.mfa.sms_prefixes = {"+49"};
        settings.mfa.email_provider = "smtp";
        return settings;
    }
    static constexpr char const* number = "+49 151 23456742";

    // The newest code sent to anybody: the first word of what is sealed.
    std::string last_code() {
        return app.stack.database->read([&](storage::Transaction& tx) {
            auto const row = tx.row("SELECT id, code FROM mfa_code ORDER BY rowid DESC LIMIT 1");
            if (!row) return std::string{};
            auto const opened = app.stack.sealer.open({.table = "mfa_code", .row = row->text(0), .column = "code"}, row->blob(1));
            auto const text = to_text(opened.value().reveal());
            return text.substr(0, text.find(' '));
        });
    }
    std::string wrong_code() { return last_code() == "123456" ? "123457" : "123456"; }
    Answer give(Client& client, std::string const& kind, std::string const& code) {
        return client.post("/auth/mfa/" + kind + "/verify", Json::object({{"code", code}}));
    }
    Answer set_up(Client& client, std::string const& phone) { return client.post("/auth/mfa/sms/setup", Json::object({{"phone", phone}})); }
    // Alice with a number, signed out again and half a minute later.
    void enrol_number() {
        Client own{app};
        ASSERT_EQ(own.log_in("alice").status(), 200);
        ASSERT_EQ(set_up(own, number).status(), 200);
        ASSERT_EQ(give(own, "sms", last_code()).status(), 200);
        app.clock.advance(30s);
    }
    void verify_address(users::User const& user) {
        app.stack.database->write([&](storage::Transaction& tx) {
            tx.run("UPDATE app_user SET email = 'jane@example.com', canonical_email = 'jane@example.com', email_verified_at = $1 "
                   "WHERE id = $2",
                   app.clock.now(), user.id.str());
        });
    }

    TestApp app{with_senders()};
    users::User alice = app.add_user("alice");
    Client browser{app};
};

TEST_F(DeliveredRoutes, a_number_is_enrolled_with_the_seeds_paths_and_words) {
    browser.log_in("alice");
    auto const sent = set_up(browser, number);
    ASSERT_EQ(sent.status(), 200) << sent.body();
    EXPECT_EQ(sent.json().string_at("status"), "sent");
    EXPECT_EQ(sent.json().find("expires_in")->integer(), 300);
    EXPECT_EQ(sent.json().string_at("to"), "+49 … 42");
    EXPECT_EQ(sent.body().find("23456742"), std::string::npos);
    EXPECT_EQ(sent.body().find(last_code()), std::string::npos);
    auto const wrong = give(browser, "sms", wrong_code());
    EXPECT_EQ(wrong.status(), 400);
    EXPECT_EQ(wrong.id(), "mfa.wrong_code");
    auto const enabled = give(browser, "sms", last_code());
    ASSERT_EQ(enabled.status(), 200) << enabled.body();
    EXPECT_EQ(enabled.json().string_at("status"), "enabled");
    ASSERT_NE(enabled.json().find("backup_codes"), nullptr) << "the first factor brings them";
    EXPECT_EQ(browser.get("/auth/me").status(), 200);
}

TEST_F(DeliveredRoutes, a_sign_in_that_waits_for_the_factor_has_a_code_sent_and_gives_it) {
    enrol_number();
    browser.log_in("alice");
    EXPECT_EQ(browser.get("/auth/me").id(), "mfa.required");
    auto const sent = browser.post("/auth/mfa/sms/send");
    ASSERT_EQ(sent.status(), 200) << sent.body();
    EXPECT_EQ(sent.json().string_at("status"), "sent");
    auto const code = last_code();
    auto const before = browser.session_cookie();
    auto const verified = give(browser, "sms", code);
    ASSERT_EQ(verified.status(), 200) << verified.body();
    EXPECT_EQ(verified.json().string_at("status"), "verified");
    EXPECT_NE(browser.session_cookie(), before);
    EXPECT_EQ(browser.get("/auth/me").status(), 200);
    EXPECT_EQ(give(browser, "sms", code).id(), "mfa.code_reused");
}

// otp_code_cross_user
TEST_F(DeliveredRoutes, a_code_sent_in_one_sign_in_is_nothing_in_another) {
    enrol_number();
    Client thief{app};
    browser.log_in("alice");
    thief.log_in("alice");
    ASSERT_EQ(browser.post("/auth/mfa/sms/send").status(), 200);
    auto const code = last_code();
    EXPECT_EQ(give(thief, "sms", code).id(), "mfa.wrong_code");
    EXPECT_EQ(thief.get("/auth/me").id(), "mfa.required");
    EXPECT_EQ(give(browser, "sms", code).status(), 200);
}

TEST_F(DeliveredRoutes, a_pending_sign_in_cannot_enrol_a_number_of_its_own) {
    enrol_number();
    Client thief{app};
    thief.log_in("alice");
    auto const refused = set_up(thief, "+49 151 99999999");
    EXPECT_GE(refused.status(), 401);
    EXPECT_LE(refused.status(), 403);
    EXPECT_EQ(app.stack.mfa.list(alice.id).size(), 2u) << "the number and the backup codes";
}

TEST_F(DeliveredRoutes, a_session_that_grew_old_adds_no_number) {
    browser.log_in("alice");
    app.clock.advance(16min);
    EXPECT_EQ(set_up(browser, number).id(), "auth.step_up_required");
}

// A weaker factor beside a stronger one is a way around it: adding it asks for the stronger one.
TEST_F(DeliveredRoutes, whoever_has_an_app_proves_it_before_a_number_is_added) {
    app.enrol(alice);
    browser.log_in("alice");
    EXPECT_NE(set_up(browser, number).status(), 200);
}

TEST_F(DeliveredRoutes, what_is_no_number_or_of_another_country_is_told_apart) {
    browser.log_in("alice");
    EXPECT_EQ(set_up(browser, "0151 23456742").id(), "mfa.number_malformed");
    EXPECT_EQ(set_up(browser, "0151 23456742").status(), 400);
    EXPECT_EQ(set_up(browser, "+1 212 555 2671").id(), "mfa.number_not_allowed");
    EXPECT_EQ(browser.post("/auth/mfa/sms/setup").id(), "request.field_missing");
    EXPECT_EQ(set_up(browser, std::string(129, '1')).id(), "request.field_invalid");
}

// sms_fraud_caps
TEST_F(DeliveredRoutes, a_code_too_soon_says_how_long_to_wait) {
    browser.log_in("alice");
    ASSERT_EQ(set_up(browser, number).status(), 200);
    app.clock.advance(10s);
    auto const again = set_up(browser, number);
    EXPECT_EQ(again.status(), 429);
    EXPECT_EQ(again.id(), "mfa.sending_limited");
    EXPECT_EQ(again.header("Retry-After"), "20");
    EXPECT_EQ(give(browser, "sms", last_code()).status(), 200) << "the code before is still good";
}

TEST_F(DeliveredRoutes, an_address_counts_only_once_it_was_verified) {
    browser.log_in("alice");
    EXPECT_EQ(browser.post("/auth/mfa/email/setup").id(), "mfa.no_verified_email");
}

TEST_F(DeliveredRoutes, email_is_asked_for_at_sign_in_but_opens_nothing_that_demands_a_second_factor) {
    auto const root = app.add_user("root", "admin");
    verify_address(root);
    browser.log_in("root");
    auto const sent = browser.post("/auth/mfa/email/setup");
    ASSERT_EQ(sent.status(), 200) << sent.body();
    EXPECT_EQ(sent.json().string_at("to"), "j…@example.com");
    ASSERT_EQ(give(browser, "email", last_code()).status(), 200);
    app.clock.advance(30s);

    Client later{app};
    later.log_in("root");
    EXPECT_EQ(later.get("/auth/me").id(), "mfa.required");
    ASSERT_EQ(later.post("/auth/mfa/email/send").status(), 200);
    ASSERT_EQ(give(later, "email", last_code()).status(), 200);
    EXPECT_EQ(later.get("/auth/me").status(), 200);
    //= NIST SP 800-63B-4, 3.1.3.1: "Email SHALL NOT be used for out-of-band authentication"
    EXPECT_NE(later.page("/admin/users").status(), 200);
}

TEST_F(DeliveredRoutes, a_program_gets_new_tokens_for_its_code_and_no_cookie) {
    enrol_number();
    Program program{app};
    ASSERT_EQ(program.sign_in("alice").json().string_at("pending"), "mfa.required");
    ASSERT_EQ(program.post("/auth/mfa/sms/send").status(), 200);
    auto const before = program.access;
    auto const verified = program.take(program.post("/auth/mfa/sms/verify", Json::object({{"code", last_code()}})));
    ASSERT_EQ(verified.status(), 200) << verified.body();
    EXPECT_EQ(verified.header("Set-Cookie"), "");
    EXPECT_NE(program.access, before);
    EXPECT_EQ(program.get("/auth/me").status(), 200);
    auto const claims = encoding::base64url_decode(program.access.substr(program.access.find('.') + 1,
                                                                         program.access.rfind('.') - program.access.find('.') - 1));
    auto const text = to_text(claims.value());
    EXPECT_NE(text.find("\"sms\""), std::string::npos) << text;
}

TEST_F(DeliveredRoutes, nobody_who_is_not_signed_in_has_anything_sent) {
    for (auto const* path : {"/auth/mfa/sms/setup", "/auth/mfa/sms/send", "/auth/mfa/email/setup", "/auth/mfa/email/send"})
        EXPECT_EQ(browser.post(path, Json::object({{"phone", number}})).status(), 401) << path;
    EXPECT_EQ(last_code(), "");
}

TEST_F(DeliveredRoutes, whoever_has_no_number_is_sent_nothing) {
    browser.log_in("alice");
    auto const refused = browser.post("/auth/mfa/sms/send");
    EXPECT_EQ(refused.status(), 404);
    EXPECT_EQ(refused.id(), "mfa.not_enrolled");
}

TEST(DeliveredRoutesWithoutSenders, answer_that_the_factor_is_unknown_here) {
    TestApp app;
    app.add_user("alice");
    Client browser{app};
    browser.log_in("alice");
    for (auto const* path : {"/auth/mfa/sms/setup", "/auth/mfa/sms/send", "/auth/mfa/email/setup", "/auth/mfa/email/send"}) {
        auto const refused = browser.post(path, Json::object({{"phone", "+49 151 23456742"}, {"code", "123456"}}));
        EXPECT_EQ(refused.status(), 404) << path;
        EXPECT_EQ(refused.id(), "mfa.unknown_factor") << path;
    }
    for (auto const* path : {"/auth/mfa/sms/verify", "/auth/mfa/email/verify"})
        EXPECT_EQ(browser.post(path, Json::object({{"code", "123456"}})).id(), "mfa.not_enrolled") << path;
}

}  // namespace
}  // namespace zephyr
