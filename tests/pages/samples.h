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
    SignInPage const sign_in{.username = bad ? words.username : "",
                             .remember = bad,
                             .sign_up_open = true,
                             .can_reset = true,
                             .notice = bad ? "" : "signed_out",
                             .errors = errors({}, Message{"auth.invalid_credentials", {}})};
    std::vector<std::string> const kinds{"totp", "sms", "email", "backup_code"};
    SecondFactorPage const factor{{"totp", kinds, {words.device, "Spare key 1"}}, 30, bad ? "" : "/sign-in/lost-factor", errors({code})};
    SecondFactorPage const to_send{{"sms", kinds, {words.device}, true, false}, 0, "", errors({}, Message{"mfa.sending_limited", {}})};
    SecondFactorPage const sent{{"email", kinds, {words.device}, true, true}, 30, "", errors({code})};
    SecondFactorPage const backup{{"backup_code", kinds, {}}, 0, "", errors({code})};
    ReauthPage const reauth{std::nullopt, false, errors({{"password", {"passwords.wrong_password", {}}}})};
    ReauthPage const reauth_code{FactorAsk{"totp", kinds, {words.device}}, true, errors({code})};
    ReauthPage const reauth_sms{FactorAsk{"sms", {"sms"}, {words.device}, true, !bad}, false, errors({code})};
    ErrorPage const denied{403, "rbac.denied", "", "req_7Hq2mZ"};
    ErrorPage const missing{404, "", "", words.id};

    return {{"setup", [=](auto& p, auto& c) { return p.render(setup, c); }, false},
            {"setup-gone", [](auto& p, auto& c) { return p.render(SetupGonePage{}, c); }, false},
            {"sign-up", [=](auto& p, auto& c) { return p.render(sign_up, c); }, false},
            {"sign-in", [=](auto& p, auto& c) { return p.render(sign_in, c); }, false},
            {"second-factor", [=](auto& p, auto& c) { return p.render(factor, c); }, false},
            {"second-factor-send", [=](auto& p, auto& c) { return p.render(to_send, c); }, false},
            {"second-factor-sent", [=](auto& p, auto& c) { return p.render(sent, c); }, false},
            {"second-factor-backup", [=](auto& p, auto& c) { return p.render(backup, c); }, false},
            {"reauth", [=](auto& p, auto& c) { return p.render(reauth, c); }, true},
            {"reauth-code", [=](auto& p, auto& c) { return p.render(reauth_code, c); }, true},
            {"reauth-sms", [=](auto& p, auto& c) { return p.render(reauth_sms, c); }, true},
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
        account.email_page = true;
        account.recovery_due = sample_time(-20h);
        account.factors = {sample_factor(words, 0), sample_factor(words, 1)};
        account.factors.push_back({words.id, "sms", words.device, sample_time(50h), std::nullopt, true, true});
        account.factors.push_back({words.id, "email", words.email, sample_time(50h), sample_time(2h), false, false});
        account.offers = {true, true, false, words.email};
        account.backup_codes_left = 2;
        account.backup_codes_low = true;
        account.browsers = {{words.id, words.user_agent, sample_time(24h * 30), sample_time(), sample_time(-24h * 20), true},
                            {words.id, "", sample_time(24h * 90), sample_time(24h * 3), std::nullopt, false}};
        account.sessions = sample_sessions(words);
        account.notice = "profile_saved";
        account.happened = {{"factors_reset", sample_time(20h)}};
    } else if (bad) {
        account.factors = {sample_factor(words, 0)};  // the last one, with a short password
    } else {
        account.second_factor_due = sample_time(-24h * 10);
        account.offers = {false, true, true, ""};
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
    ChooseFactorPage choose{{true, true, filled == Filled::no, words.email}, filled == Filled::no, {}};
    EnrolDeliveredPage sms{"sms", "", bad ? words.device : "", "", true, bad, filled == Filled::no, 30, {}};
    EnrolDeliveredPage sms_sent{"sms", words.device, "", "", true, true, filled == Filled::no, 30, {}};
    EnrolDeliveredPage email{"email", "", "", filled == Filled::yes ? words.email : "", bad, true, false, 30, {}};
    EnrolDeliveredPage email_sent{"email", words.email, "", words.email, false, true, false, 30, {}};
    BackupCodesPage backup{filled == Filled::yes ? std::optional<std::int64_t>{bad ? 1 : 7} : std::nullopt, 10, bad, filled == Filled::no, {}};
    BackupCodesShownPage shown{words.username, {}, sample_time(), filled == Filled::no, "/admin"};
    for (int number = 0; number < 10; ++number) shown.codes.push_back("ABCD-EFGH-JKMN-PQR" + std::to_string(number));
    if (bad) {
        sms.errors.fields = {{"phone", {"mfa.number_malformed", {}}}};
        sms_sent.errors.fields = {{"code", {"mfa.wrong_code", {}}}};
        email.errors.summary = Message{"mfa.sending_limited", {}};
        email_sent.errors.fields = {{"code", {"mfa.code_expired", {}}}};
        backup.errors.summary = Message{"mfa.backup_codes_too_early", {}};
    }
    bool const in = filled == Filled::yes;
    return {{"choose-factor", [=](auto& p, auto& c) { return p.render(choose, c); }, in},
            {"enrol-sms", [=](auto& p, auto& c) { return p.render(sms, c); }, in},
            {"enrol-sms-sent", [=](auto& p, auto& c) { return p.render(sms_sent, c); }, in},
            {"enrol-email", [=](auto& p, auto& c) { return p.render(email, c); }, in},
            {"enrol-email-sent", [=](auto& p, auto& c) { return p.render(email_sent, c); }, in},
            {"backup-codes", [=](auto& p, auto& c) { return p.render(backup, c); }, in},
            {"backup-codes-shown", [=](auto& p, auto& c) { return p.render(shown, c); }, in},
            {"account", [=](auto& p, auto& c) { return p.render(account, c); }, true},
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
        user.second_factor_demanded = true;
        user.second_factor_due = sample_time(-24h * 4);
        return user;
    }
    user.display_name = words.display_name;
    user.email = words.email;
    user.expires_at = sample_time(-24h * 90);
    user.roles = {{"admin", "", std::nullopt}, {words.role, words.group, sample_time(-24h * 30)}};
    user.grantable_roles = {words.role, "help-desk"};
    user.groups = {words.group, "Everyone"};
    user.factors = {sample_factor(words, 0), sample_factor(words, 1)};
    user.backup_codes_left = 4;
    user.trusted_browsers = 2;
    user.recovery_href = "/admin/users/1/recovery";
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
    AdminMfaPage coverage;
    AdminUserPage user = sample_admin_user(words, filled);
    audit.codes = {{"ZAUTH01I", "auth.signed_in"}, {"ZAUTH02W", "auth.sign_in_refused"}};
    if (filled == Filled::yes) {
        dashboard = {1284, 37, 412, 19, {}, sample_events(words)};
        int const accepted[] = {210, 265, 240, 90, 60, 280, 301, 266, 290, 254, 88, 71, 312, 140};
        for (int day = 0; day < 14; ++day)
            dashboard.sign_ins.push_back({sample_time(24h * (13 - day)), accepted[day], day == 8 ? 96 : day % 4 * 5});
        users.users = sample_users(words);
        coverage = {1284, 1247, {{"totp", 1180}, {"sms", 312}, {"email", 71}, {"backup_code", 1002}}, sample_users(words), "a", "zoe", bad};
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
            {"admin-mfa", [=](auto& p, auto& c) { return p.render(coverage, c); }, true},
            {"admin-user", [=](auto& p, auto& c) { return p.render(user, c); }, true},
            {"admin-user-new", [=](auto& p, auto& c) { return p.render(fresh, c); }, true},
            {"admin-audit", [=](auto& p, auto& c) { return p.render(audit, c); }, true},
            {"admin-event", [=](auto& p, auto& c) { return p.render(event, c); }, true}};
}

inline std::vector<NamedPage> mail_pages(Words const& words, Wrong wrong) {
    bool const bad = wrong == Wrong::yes;
    auto const errors = [bad](FormErrors found) { return bad ? std::move(found) : FormErrors{}; };
    FormErrors const limited{Message{"auth.mail_limited", {}}, {}};
    RecoveryItem item{words.id, words.username, false, words.display_name, bad ? "" : words.device, sample_time(2h), sample_time(-22h)};
    RecoveryItem self = item;
    self.self = true;
    ForgotPasswordPage const forgot{bad, {}};
    ResetPasswordPage const reset{words.id, words.username, 15, !bad,
                                  errors({std::nullopt, {{"password", {"passwords.too_short", "Use at least 15 characters."}}}})};
    ConfirmAddressPage const confirm{words.id, words.username, words.email, !bad, false, errors({Message{"auth.address_refused", {}}, {}})};
    ConfirmAddressPage const confirmed{words.id, words.username, words.email, false, true, {}};
    AccountEmailPage const email{words.email, false, bad ? words.email : "", bad ? "" : "link_sent", errors(limited)};
    AccountEmailPage const verified{bad ? "" : words.email, !bad, "", "", {}};
    LostFactorPage const lost{bad, 24, {}};
    RecoverPage const recover{words.id, words.username, 24, std::nullopt, {}};
    RecoverPage const begun{words.id, words.username, 24, sample_time(-24h), {}};
    AdminRecoveryPage const ask{.user_id = words.id,
                                .username = words.username,
                                .reason = bad ? words.device : "",
                                .errors = errors({std::nullopt, {{"reason", {"recovery.reason_missing", {}}}}})};
    AdminRecoveryPage const open{.user_id = words.id, .username = words.username, .open = item, .may_approve = !bad, .notice = "recovery_asked"};
    AdminRecoveryPage const by_mail{.user_id = words.id, .username = words.username, .open = self, .may_approve = true};
    AdminRecoveryPage const nothing{.user_id = words.id, .username = words.username, .has_factor = false};
    AdminRecoveriesPage list;
    if (!bad) list.open = {item, self};
    return {{"forgot-password", [=](auto& p, auto& c) { return p.render(forgot, c); }, false},
            {"reset-password", [=](auto& p, auto& c) { return p.render(reset, c); }, false},
            {"link-gone", [](auto& p, auto& c) { return p.render(LinkGonePage{}, c); }, bad},
            {"confirm-address", [=](auto& p, auto& c) { return p.render(confirm, c); }, false},
            {"confirm-address-done", [=](auto& p, auto& c) { return p.render(confirmed, c); }, true},
            {"account-email", [=](auto& p, auto& c) { return p.render(email, c); }, true},
            {"account-email-verified", [=](auto& p, auto& c) { return p.render(verified, c); }, true},
            {"lost-factor", [=](auto& p, auto& c) { return p.render(lost, c); }, false},
            {"recover", [=](auto& p, auto& c) { return p.render(recover, c); }, false},
            {"recover-begun", [=](auto& p, auto& c) { return p.render(begun, c); }, false},
            {"admin-recovery", [=](auto& p, auto& c) { return p.render(ask, c); }, true},
            {"admin-recovery-open", [=](auto& p, auto& c) { return p.render(open, c); }, true},
            {"admin-recovery-by-mail", [=](auto& p, auto& c) { return p.render(by_mail, c); }, true},
            {"admin-recovery-nothing", [=](auto& p, auto& c) { return p.render(nothing, c); }, true},
            {"admin-recoveries", [=](auto& p, auto& c) { return p.render(list, c); }, true}};
}

inline std::vector<NamedPage> every_page(Words const& words, Filled filled, Wrong wrong) {
    auto pages = entry_pages(words, wrong);
    for (auto& page : mail_pages(words, wrong)) pages.push_back(std::move(page));
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
