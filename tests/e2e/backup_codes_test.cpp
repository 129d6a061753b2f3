// Backup codes by JSON: made after another factor, given once, counted.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::TestApp;

class BackupCodeRoutes : public ::testing::Test {
protected:
    TestApp app;
    users::User alice = app.add_user("alice");

    static Json code(std::string_view text) { return Json::object({{"code", text}}); }
    // A whole session of alice, with her second factor proved just now.
    Client whole() {
        Client client{app};
        if (!secret) secret = app.enrol(alice);
        EXPECT_EQ(client.log_in("alice").json().string_at("mfa"), "required");
        EXPECT_EQ(client.post("/auth/mfa/totp/verify", code(app.code_for(*secret))).status(), 200);
        app.clock.advance(30s);
        return client;
    }
    std::vector<std::string> made(Client& client) {
        auto const answer = client.post("/auth/mfa/backup-codes");
        EXPECT_EQ(answer.status(), 200) << answer.body();
        std::vector<std::string> codes;
        auto const json = answer.json();
        if (auto const* list = json.find("backup_codes"); list != nullptr && list->items() != nullptr)
            for (auto const& one : *list->items()) codes.push_back(*one.string());
        codes.resize(10);
        return codes;
    }
    // A session that waits for a factor.
    Client waiting(std::string const& name = "alice") {
        Client client{app};
        EXPECT_EQ(client.log_in(name).json().string_at("pending"), "mfa.required");
        return client;
    }
    std::optional<Bytes> secret;
};

TEST_F(BackupCodeRoutes, a_code_stands_in_for_the_phone_and_tells_how_many_are_left) {
    auto owner = whole();
    EXPECT_EQ(owner.get("/auth/mfa/backup-codes").json().dump(), R"({"left":0,"count":10})");
    auto const codes = made(owner);
    EXPECT_EQ(owner.get("/auth/mfa/backup-codes").json().dump(), R"({"left":10,"count":10})");

    auto client = waiting();
    auto const given = client.post("/auth/mfa/backup-codes/verify", code(codes[0]));
    ASSERT_EQ(given.status(), 200) << given.body();
    EXPECT_EQ(given.json().string_at("status"), "verified");
    EXPECT_EQ(given.json().find("left")->integer(), 9);
    auto const me = client.get("/auth/me").json();
    EXPECT_TRUE(*me.find("mfa")->boolean()) << "two factors: AAL2";
    EXPECT_NE(me.dump().find(R"("factor":"backup")"), std::string::npos);
}

TEST_F(BackupCodeRoutes, a_code_is_good_once_and_a_wrong_one_is_400) {
    auto owner = whole();
    auto const codes = made(owner);
    EXPECT_EQ(waiting().post("/auth/mfa/backup-codes/verify", code(codes[0])).status(), 200);
    auto again = waiting();
    auto const reused = again.post("/auth/mfa/backup-codes/verify", code(codes[0]));
    EXPECT_EQ(reused.status(), 400);
    EXPECT_EQ(reused.id(), "mfa.code_reused");
    auto const wrong = again.post("/auth/mfa/backup-codes/verify", code("0000-0000-0000-0000"));
    EXPECT_EQ(wrong.status(), 400);
    EXPECT_EQ(wrong.id(), "mfa.wrong_code");
    EXPECT_EQ(again.get("/auth/me").id(), "mfa.required") << "and the session still waits";
}

TEST_F(BackupCodeRoutes, a_new_set_ends_the_old) {
    auto owner = whole();
    auto const old = made(owner);
    auto const fresh = made(owner);
    auto client = waiting();
    EXPECT_EQ(client.post("/auth/mfa/backup-codes/verify", code(old[0])).id(), "mfa.wrong_code");
    EXPECT_EQ(client.post("/auth/mfa/backup-codes/verify", code(fresh[0])).status(), 200);
}

TEST_F(BackupCodeRoutes, a_code_of_one_person_is_nothing_in_a_session_of_another) {
    auto owner = whole();
    auto const codes = made(owner);
    auto const bob = app.add_user("bob");
    app.enrol(bob);
    auto client = waiting("bob");
    EXPECT_EQ(client.post("/auth/mfa/backup-codes/verify", code(codes[0])).id(), "mfa.not_enrolled");
    EXPECT_EQ(owner.get("/auth/mfa/backup-codes").json().find("left")->integer(), 10);
}

TEST_F(BackupCodeRoutes, nobody_gets_codes_without_another_factor_a_fresh_proof_and_a_whole_session) {
    Client password_only{app};
    ASSERT_EQ(password_only.log_in("alice").status(), 200);
    auto const early = password_only.post("/auth/mfa/backup-codes");
    EXPECT_EQ(early.status(), 409);
    EXPECT_EQ(early.id(), "mfa.backup_codes_too_early");

    auto owner = whole();
    EXPECT_EQ(Client{app}.post("/auth/mfa/backup-codes").status(), 401);
    EXPECT_EQ(Client{app}.get("/auth/mfa/backup-codes").status(), 401);
    EXPECT_EQ(Client{app}.post("/auth/mfa/backup-codes/verify", code("0000-0000-0000-0000")).status(), 401);
    auto client = waiting();
    EXPECT_EQ(client.post("/auth/mfa/backup-codes").id(), "mfa.required");
    EXPECT_EQ(client.get("/auth/mfa/backup-codes").id(), "mfa.required");
    app.clock.advance(15min);
    EXPECT_EQ(owner.post("/auth/mfa/backup-codes").id(), "auth.step_up_required");
}

TEST_F(BackupCodeRoutes, a_client_with_a_token_gets_new_tokens_and_no_cookie) {
    auto owner = whole();
    auto const codes = made(owner);
    Client program{app};
    auto const signed_in = program.post("/auth/token", Json::object({{"username", "alice"}, {"password", TestApp::good_password}}));
    ASSERT_EQ(signed_in.status(), 200) << signed_in.body();
    http::Request request;
    request.method = http::Method::post;
    request.target = "/auth/mfa/backup-codes/verify";
    request.headers.add("Authorization", "Bearer " + signed_in.json().string_at("access_token").value());
    request.headers.add("Content-Type", "application/json");
    request.body = code(codes[0]).dump();
    auto const given = program.send(std::move(request));
    ASSERT_EQ(given.status(), 200) << given.body();
    EXPECT_TRUE(given.json().string_at("access_token").has_value());
    EXPECT_EQ(given.json().find("left")->integer(), 9);
    EXPECT_EQ(given.header("Set-Cookie"), "");
    EXPECT_EQ(given.json().find("pending"), nullptr);
}

TEST_F(BackupCodeRoutes, what_is_too_long_is_refused_before_it_costs_anything) {
    auto owner = whole();
    made(owner);
    auto client = waiting();
    auto const before = app.stack.hash_gate.counts().admitted;
    EXPECT_EQ(client.post("/auth/mfa/backup-codes/verify", code(std::string(2000, 'A'))).status(), 400);
    EXPECT_EQ(client.post("/auth/mfa/backup-codes/verify", Json::object({})).status(), 400);
    EXPECT_EQ(app.stack.hash_gate.counts().admitted, before);
}

}  // namespace
}  // namespace zephyr
