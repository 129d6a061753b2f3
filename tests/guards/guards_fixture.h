// A directory with roles and sessions, and two gatekeepers over it: one that remembers and one that asks each time.
#pragma once

#include <variant>

#include "testing/header_judge.h"
#include "users/directory_fixture.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/guards/holder_cache.h"
#include "zephyr/rbac/personal_data.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/sessions/personal_data.h"
#include "zephyr/sessions/session_service.h"

namespace zephyr::guards {

inline constexpr char issuer[] = "https://login.example.com";
inline constexpr std::string_view cookie_name = "__Host-zephyr_session";

inline http::Request request_with(std::string const& cookie) {
    http::Headers headers;
    if (!cookie.empty()) headers.add("Cookie", std::string{cookie_name} + "=" + cookie);
    auto request = testing::request_for(http::Method::get, "/private", std::move(headers));
    request.path = "/private";
    request.route = "/private";
    return request;
}

inline http::Request request_with_bearer(std::string const& token) {
    auto request = request_with({});
    request.headers.add("Authorization", "Bearer " + token);
    return request;
}

// What a decision comes to, to compare two: who was admitted with what, or how it was refused.
inline std::string print(http::Decision const& decision) {
    if (auto const* refused = std::get_if<http::Response>(&decision)) return std::to_string(refused->status) + " " + refused->body;
    auto const& admitted = std::get<http::Admitted>(decision);
    std::string out = admitted.principal ? "principal" : "admitted";
    if (!admitted.holder) return out;
    auto const& holder = *admitted.holder;
    out += " " + holder.user.str() + " " + holder.username + " " + holder.display_name + " " + holder.session.str() + " [" + holder.pending + "]";
    for (auto const& use : holder.factors) out += " " + use.factor + "@" + std::to_string(to_millis(use.at));
    for (auto const& role : holder.roles) out += " role:" + role;
    return out;
}
inline bool admits(http::Decision const& decision) { return std::holds_alternative<http::Admitted>(decision); }

// One node: services over a database, as a stack wires them.
struct GuardsNode {
    GuardsNode(storage::Database& db, Clock const& now, Random& rng, crypto::Keyring const& keyring, sessions::SessionSettings chosen,
               HolderCacheSettings remember, std::size_t cached_roles)
        : database{db},
          clock{now},
          random{rng},
          settings{chosen},
          sealer{keyring, rng},
          cache{db, now, remember},
          roles{db, audit, now, {users, groups}, {.version_check = 0s, .cached_users = cached_roles}} {}

    storage::Database& database;
    Clock const& clock;
    Random& random;
    sessions::SessionSettings settings;
    crypto::Sealer sealer;
    audit::AuditLog audit{database, sealer, clock, random};
    users::UserService users{database, audit, clock, random};
    users::GroupService groups{database, audit, clock, random};
    HolderCache cache;
    rbac::RoleService roles;
    sessions::SqlSessionStore store{database, sealer};
    sessions::SessionService sessions{store, database, audit, clock, random, settings};
    tokens::SigningKeys signing_keys{database, audit, sealer, clock, {}};
    tokens::TokenService tokens{signing_keys, sessions, database, audit, sealer, clock, random, {.issuer = issuer, .audience = issuer}};
    Gatekeeper gatekeeper{users, roles, sessions, tokens, audit, cache, clock, {}};
    audit::AuditPersonalData audit_data{audit};
    users::UsersPersonalData users_data;
    rbac::RbacPersonalData rbac_data{roles};
    sessions::SessionsPersonalData sessions_data{store};
    privacy::PersonalData data{{&audit_data, &users_data, &rbac_data, &sessions_data}};
};

class GuardsTest : public ::testing::Test {
protected:
    explicit GuardsTest(std::unique_ptr<storage::Database> opened = testing::memory_database(), sessions::SessionSettings chosen = {})
        : database{std::move(opened)}, settings{chosen} {}

    users::User add(std::string const& username) {
        auto user = node.users.create({.username = username}, by_operator);
        EXPECT_TRUE(user.ok()) << user.error();
        return std::move(user).value();
    }
    sessions::IssuedSession start(UserId const& user, std::string pending = {}, bool remember = false) {
        auto issued = node.sessions.start(
            {.user = user, .factors = {{"pwd", clock.now()}}, .pending = std::move(pending), .remember = remember, .origin = {}});
        EXPECT_TRUE(issued.ok()) << issued.error();
        return std::move(issued).value();
    }
    std::string bearer(sessions::IssuedSession const& issued) { return node.tokens.issue(issued).value().access_token.reveal(); }
    http::Decision judge(http::Request const& request) { return node.gatekeeper.judge(require_login_demand, request); }
    http::Decision judge(sessions::IssuedSession const& issued) {
        return node.gatekeeper.judge(require_login_demand, request_with(issued.token.reveal()));
    }
    bool admitted(sessions::IssuedSession const& issued) { return admits(judge(issued)); }
    std::int64_t statements() const { return database->counts().statements; }

    http::Demand const require_login_demand = http::require_login.demand();
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database;
    sessions::SessionSettings settings;
    crypto::Keyring keyring{crypto::MasterKey::generate(random)};
    GuardsNode node{*database, clock, random, keyring, settings, {}, 10'000};
    audit::Actor const by_operator = audit::Actor::operator_cli();
};

}  // namespace zephyr::guards
