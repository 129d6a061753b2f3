// The whole route table, word for word, in docs/reference/routes.md: nobody opens a route without a reviewer seeing the difference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "testing/app/test_app.h"

namespace zephyr {
namespace {

std::string table_of(config::Settings settings) {
    testing::TestApp app{std::move(settings)};
    std::string out;
    for (auto const& route : app.stack.app.table()) out += "| " + route.method + " | `" + route.pattern + "` | " + route.guard + " | " + route.source + " |\n";
    return out;
}

std::string page() {
    auto settings = testing::TestApp::settings_with_messages();
    settings.recovery.self_service = true;
    settings.metrics.enabled = true;
    settings.forward_auth.rules = {"app.example.com"};
    return "# Routes\n\nWhat each route demands, as the server prints it (`zephyr routes`). Generated: run the tests with "
           "`ZEPHYR_UPDATE=1` to renew it,\nthen read the difference as a reviewer would.\n\n| method | path | demands | source |\n|---|---|---|---|\n" +
           table_of(settings);
}

// What somebody who may read the log and administer nothing opens.
bool is_for_auditors(std::string const& pattern) { return pattern.starts_with("/audit") || pattern.starts_with("/admin/audit"); }

TEST(AccessMatrix, is_what_the_reviewers_agreed) {
    auto const path = "docs/reference/routes.md";
    auto const wanted = page();
    if (std::getenv("ZEPHYR_UPDATE") != nullptr) std::ofstream{path} << wanted;
    std::ifstream file{path};
    std::stringstream kept;
    kept << file.rdbuf();
    EXPECT_EQ(kept.str(), wanted);
}

TEST(AccessMatrix, every_admin_route_demands_the_role_and_a_second_factor) {
    testing::TestApp app;
    std::size_t seen = 0;
    for (auto const& route : app.stack.app.table()) {
        if (!route.pattern.starts_with("/admin") || is_for_auditors(route.pattern)) continue;
        ++seen;
        EXPECT_TRUE(route.guard.starts_with("login | role(admin) | mfa")) << route.print();
    }
    EXPECT_GE(seen, 10u);
}

TEST(AccessMatrix, without_the_demand_for_a_second_factor_the_role_is_still_demanded) {
    auto settings = testing::TestApp::settings();
    settings.mfa.required_for_admin = false;
    testing::TestApp app{settings};
    for (auto const& route : app.stack.app.table()) {
        if (!route.pattern.starts_with("/admin") || is_for_auditors(route.pattern)) continue;
        EXPECT_TRUE(route.guard.starts_with("login | role(admin)")) << route.print();
    }
}

TEST(AccessMatrix, the_audit_log_demands_the_permission_and_a_second_factor) {
    testing::TestApp app;
    std::size_t seen = 0;
    for (auto const& route : app.stack.app.table()) {
        if (!is_for_auditors(route.pattern)) continue;
        ++seen;
        EXPECT_EQ(route.guard, "login | permission(audit.read) | mfa") << route.print();
    }
    EXPECT_GE(seen, 10u);
}

TEST(AccessMatrix, only_named_routes_are_open_or_accept_a_pending_sign_in) {
    testing::TestApp app;
    std::vector<std::string> open, pending;
    for (auto const& route : app.stack.app.table()) {
        if (route.guard.starts_with("open")) open.push_back(route.method + " " + route.pattern);
        if (route.guard == "session") pending.push_back(route.method + " " + route.pattern);
    }
    EXPECT_EQ(open, (std::vector<std::string>{"GET /healthz", "GET /readyz", "GET /static/{file}", "POST /auth/register", "POST /auth/login",
                                              "POST /auth/token", "POST /auth/refresh", "GET /.well-known/jwks.json",
                                              "GET /", "GET /sign-in", "POST /sign-in", "GET /sign-up", "POST /sign-up", "GET /setup",
                                              "GET /setup/{token}", "POST /setup/{token}", "GET /openapi.json"}));
    EXPECT_EQ(pending, (std::vector<std::string>{"POST /auth/logout", "GET /auth/mfa", "POST /auth/mfa/totp/setup", "POST /auth/mfa/totp/verify",
                                                 "POST /auth/mfa/sms/setup", "POST /auth/mfa/email/setup", "POST /auth/mfa/sms/send",
                                                 "POST /auth/mfa/sms/verify", "POST /auth/mfa/email/send", "POST /auth/mfa/email/verify",
                                                 "POST /auth/mfa/backup-codes/verify", "POST /sign-out", "GET /sign-in/factor",
                                                 "POST /sign-in/factor", "POST /sign-in/factor/send", "GET /account/password",
                                                 "POST /account/password",
                                                 // For a sign-in that waits for a factor by policy: they ask themselves.
                                                 "GET /account/factors", "POST /account/factors/totp/begin", "GET /account/factors/totp",
                                                 "POST /account/factors/totp/confirm"}));
}

}  // namespace
}  // namespace zephyr
