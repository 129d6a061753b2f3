// One of every page, filled with the same words: ordinary ones, long ones, right-to-left ones or hostile ones.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/encoding/qr.h"
#include "zephyr/pages/pages.h"

namespace zephyr::pages::testing {

// What people and headers put into the pages.
struct Words {
    std::string username = "m.lindqvist";
    std::string display_name = "Maja Lindqvist";
    std::string email = "maja.lindqvist@example.org";
    std::string device = "Work phone";
    std::string group = "Platform team";
    std::string role = "auditor";
    std::string address = "2001:db8::4f:12";
    std::string user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    std::string id = "01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3";

    // The same text everywhere.
    static Words all(std::string const& text) { return {text, text, text, text, text, text, text, text, text}; }
};

enum class Filled { no, yes };
enum class Wrong { no, yes };

struct NamedPage {
    std::string name;
    std::function<std::string(Pages const&, PageContext const&)> render;
    bool signed_in = false;
};

inline TimePoint sample_time(std::chrono::minutes before = std::chrono::minutes{0}) {
    return from_millis(1795503567000) - before;  // 2026-11-24T06:59:27Z
}

inline FactorItem sample_factor(Words const& words, int number) {
    return {words.id, "totp", number == 0 ? words.device : "Spare key " + std::to_string(number),
            sample_time(60 * 24h * number + 30h), number == 0 ? std::optional{sample_time(35min)} : std::nullopt};
}

inline std::vector<SessionItem> sample_sessions(Words const& words) {
    SessionItem here{words.id, words.user_agent, words.address, sample_time(4h), sample_time(), true, false, true};
    SessionItem phone{words.id,
                      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 "
                      "Mobile/15E148 Safari/604.1",
                      "198.51.100.23",
                      sample_time(24h * 9),
                      sample_time(3h),
                      false,
                      true,
                      true};
    SessionItem tool{words.id, "", "203.0.113.9", sample_time(24h * 2), sample_time(24h), false, false, false};
    return {here, phone, tool};
}

inline std::vector<EventRow> sample_events(Words const& words) {
    std::vector<EventRow> rows;
    auto const add = [&](int minutes, char const* code, char const* name, char const* outcome, std::string reason,
                         bool subject, std::vector<std::pair<std::string, std::string>> details = {}) {
        EventRow row{sample_time(std::chrono::minutes{minutes}),
                     code,
                     name,
                     outcome,
                     std::move(reason),
                     subject ? words.display_name : "",
                     subject ? "user" : "anonymous",
                     subject ? words.id : "",
                     subject ? words.display_name : "",
                     words.address,
                     std::move(details)};
        rows.push_back(std::move(row));
    };
    add(2, "ZMFAC03I", "mfa.verified", "success", "", true, {{"factor", "totp"}});
    add(3, "ZAUTH02W", "auth.sign_in_refused", "failure", "passwords.wrong_password", false);
    add(61, "ZROLE04I", "rbac.granted", "success", "", true, {{"role", words.role}});
    add(300, "ZROLE07W", "rbac.access_refused", "denied", "rbac.denied", true);
    add(2000, "ZNEW001I", "something.new", "success", "", true);
    rows.back().subject_name.clear();
    rows.back().actor_name.clear();
    return rows;
}

inline AdminEventPage sample_event_page(Words const& words) {
    AdminEventPage page{.event = sample_events(words)[2],
                        .meaning = "A person or group was given a role, or another end date for it.",
                        .retention = "admin",
                        .actor_id = words.id,
                        .user_agent = words.user_agent,
                        .request_id = words.id,
                        .session = words.id,
                        .personal = {{"email", words.email}},
                        .erased = true,
                        .node = words.device,
                        .stored = "{\"id\":\"" + words.username + "\"}",
                        .vkey = "zephyr.example/audit/one+3fe9d8c1+" + words.role};
    page.event.id = words.id;
    return page;
}

inline std::vector<NamedPage> entry_pages(Words const& words, Wrong wrong) {
    bool const bad = wrong == Wrong::yes;
    auto const errors = [bad](std::vector<FieldError> fields, std::optional<Message> summary = std::nullopt) {
        return bad ? FormErrors{std::move(summary), std::move(fields)} : FormErrors{};
    };
    FieldError const name_taken{"username", {"users.name_taken", {}}};
    FieldError const too_short{"password", {"passwords.too_short", "Use at least 15 characters; this one has 9."}};
    FieldError const code{"code", {"mfa.totp_code_reused", {}}};

    SetupPage const setup{
        "m4Qc8Zf2T-w7", words.username, words.email, words.display_name, 15, errors({name_taken, too_short})};
    SignUpPage const sign_up{words.username, words.email, words.display_name, 15,
                             errors({too_short}, Message{"auth.registration_refused", {}})};
    SignInPage const sign_in{bad ? words.username : "", bad, true, bad ? "" : "signed_out",
                             errors({}, Message{"auth.invalid_credentials", {}})};
    SecondFactorPage const factor{{words.device, "Spare key 1"}, errors({code})};
    ReauthPage const reauth{true, true, {words.device}, errors({{"password", {"passwords.wrong_password", {}}}, code})};
    ErrorPage const denied{403, "rbac.denied", "", "req_7Hq2mZ"};
    ErrorPage const missing{404, "", "", words.id};

    return {{"setup", [=](auto& p, auto& c) { return p.render(setup, c); }, false},
            {"setup-gone", [](auto& p, auto& c) { return p.render(SetupGonePage{}, c); }, false},
            {"sign-up", [=](auto& p, auto& c) { return p.render(sign_up, c); }, false},
            {"sign-in", [=](auto& p, auto& c) { return p.render(sign_in, c); }, false},
            {"second-factor", [=](auto& p, auto& c) { return p.render(factor, c); }, false},
            {"reauth", [=](auto& p, auto& c) { return p.render(reauth, c); }, true},
            {"error-403", [=](auto& p, auto& c) { return p.render(denied, c); }, true},
            {"error-404", [=](auto& p, auto& c) { return p.render(missing, c); }, false}};
}

inline std::vector<NamedPage> account_pages(Words const& words, Filled filled, Wrong wrong) {
    bool const bad = wrong == Wrong::yes;
    AccountPage account;
    account.username = words.username;
    account.email = words.email;
    account.display_name = words.display_name;
    account.sessions = {sample_sessions(words).front()};
    account.password_full_length = filled == Filled::yes;
    if (filled == Filled::yes) {
        account.password_changed_at = sample_time(24h * 40);
        account.factors = {sample_factor(words, 0), sample_factor(words, 1)};
        account.sessions = sample_sessions(words);
        account.notice = "profile_saved";
        account.happened = {{"factors_reset", sample_time(20h)}};
    } else if (bad) {
        account.factors = {sample_factor(words, 0)};  // the last one, with a short password
    }
    ChangePasswordPage change{words.username, filled == Filled::no, "passwords.change_required", 15, {}};
    EnrolTotpPage enrol;
    enrol.secret = "JBSWY3DPEHPK3PXPGEZDGNBVGY3TQOJQ";
    enrol.otpauth_uri = "otpauth://totp/Zephyr:m.lindqvist?secret=" + enrol.secret + "&issuer=Zephyr";
    enrol.qr_svg = encoding::qr_svg(enrol.otpauth_uri);
    enrol.demanded = filled == Filled::no;
    enrol.device_name = words.device;
    if (bad) {
        account.errors.fields = {{"email", {"users.email_malformed", {}}}};
        change.errors.fields = {{"current_password", {"passwords.wrong_password", {}}},
                                {"password", {"passwords.too_common", {}}}};
        enrol.errors.fields = {{"code", {"mfa.totp_wrong_code", {}}}};
    }
    return {{"account", [=](auto& p, auto& c) { return p.render(account, c); }, true},
            {"change-password", [=](auto& p, auto& c) { return p.render(change, c); }, filled == Filled::yes},
            {"enrol-totp", [=](auto& p, auto& c) { return p.render(enrol, c); }, filled == Filled::yes}};
}

inline AdminUserPage sample_admin_user(Words const& words, Filled filled) {
    AdminUserPage user;
    user.id = words.id;
    user.username = words.username;
    user.created_at = sample_time(24h * 200);
    if (filled == Filled::no) {
        user.state = "disabled";
        return user;
    }
    user.display_name = words.display_name;
    user.email = words.email;
    user.expires_at = sample_time(-24h * 90);
    user.roles = {{"admin", "", std::nullopt}, {words.role, words.group, sample_time(-24h * 30)}};
    user.grantable_roles = {words.role, "help-desk"};
    user.groups = {words.group, "Everyone"};
    user.factors = {sample_factor(words, 0), sample_factor(words, 1)};
    user.sessions = sample_sessions(words);
    user.history = sample_events(words);
    user.notice = "role_granted";
    return user;
}

inline std::vector<UserRow> sample_users(Words const& words) {
    auto const row = [&](std::string username, std::string display_name, std::string state, bool factor,
                         std::vector<std::string> roles, std::optional<TimePoint> seen) {
        return UserRow{words.id,         username, std::move(display_name), username + "@example.org",
                       std::move(state), factor,   std::move(roles),        seen};
    };
    UserRow first{words.id, words.username, words.display_name,    words.email,
                  "active", true,           {"admin", words.role}, sample_time(2min)};
    return {first,
            row("amara.okafor", "Amara Okafor", "active", true, {"auditor"}, sample_time(40min)),
            row("ben", "", "pending", false, {}, std::nullopt),
            row("j.weatherby-constantinopoulos", "Josephine Alexandra Weatherby-Constantinopoulos", "active", false,
                {"help-desk", "report-reader"}, sample_time(24h)),
            row("layla.h", "ليلى حسن", "locked", true, {}, sample_time(24h * 6)),
            row("old.contractor", "Old Contractor", "expired", false, {}, sample_time(24h * 120))};
}

inline std::vector<NamedPage> admin_pages(Words const& words, Filled filled, Wrong wrong) {
    bool const bad = wrong == Wrong::yes;
    AdminDashboardPage dashboard;
    AdminUsersPage users;
    AdminAuditPage audit;
    AdminEventPage event;
    event.unprovable = "not_logged";
    AdminUserNewPage fresh;
    AdminUserPage user = sample_admin_user(words, filled);
    audit.codes = {{"ZAUTH01I", "auth.signed_in"}, {"ZAUTH02W", "auth.sign_in_refused"}};
    if (filled == Filled::yes) {
        dashboard = {1284, 37, 412, 19, {}, sample_events(words)};
        int const accepted[] = {210, 265, 240, 90, 60, 280, 301, 266, 290, 254, 88, 71, 312, 140};
        for (int day = 0; day < 14; ++day)
            dashboard.sign_ins.push_back({sample_time(24h * (13 - day)), accepted[day], day == 8 ? 96 : day % 4 * 5});
        users.users = sample_users(words);
        users.next_after = "old.contractor";
        users.after = "l";
        audit.events = sample_events(words);
        audit.next_cursor = "c2VhbGVk";
        audit.formats = {"ocsf", "csv"};
        for (auto& row : audit.events) row.id = words.id;
        event = sample_event_page(words);
        audit.user = words.id;
        audit.user_name = words.display_name;
    } else {
        users.prefix = "zz" + (bad ? words.username : "");
    }
    if (bad) {
        fresh = {words.username,
                 words.email,
                 words.display_name,
                 15,
                 {std::nullopt, {{"username", {"users.name_taken", {}}}}}};
        user.errors.summary = Message{"rbac.last_admin", {}};
        user.notice.clear();
    }
    return {{"admin-dashboard", [=](auto& p, auto& c) { return p.render(dashboard, c); }, true},
            {"admin-users", [=](auto& p, auto& c) { return p.render(users, c); }, true},
            {"admin-user", [=](auto& p, auto& c) { return p.render(user, c); }, true},
            {"admin-user-new", [=](auto& p, auto& c) { return p.render(fresh, c); }, true},
            {"admin-audit", [=](auto& p, auto& c) { return p.render(audit, c); }, true},
            {"admin-event", [=](auto& p, auto& c) { return p.render(event, c); }, true}};
}

inline std::vector<NamedPage> every_page(Words const& words, Filled filled, Wrong wrong) {
    auto pages = entry_pages(words, wrong);
    for (auto& page : account_pages(words, filled, wrong)) pages.push_back(std::move(page));
    for (auto& page : admin_pages(words, filled, wrong)) pages.push_back(std::move(page));
    return pages;
}

inline PageContext sample_context(Words const& words, bool signed_in) {
    PageContext context;
    context.csrf_token = "csrf-token-of-the-test";
    context.csp_nonce = "bm9uY2U";
    context.return_to = "/account";
    context.request_path = "/sign-in";
    if (signed_in) context.who = SignedIn{words.username, words.display_name, true};
    return context;
}

}  // namespace zephyr::pages::testing
