// Every way in, against every state of an account and of its factors. A server that forgets one of them lets the disabled, the locked and
// those without their second factor in by a side door: so the table of ways in is compared with the routes the server has, and a new one
// without a row here fails.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "e2e/bearer_program.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using audit::Actor;
using encoding::Json;
using http::Method;

// --- The three axes

enum class Account { active, disabled, locked, locked_for_an_hour, expired, pending, deleted, password_locked_out, must_change };
constexpr Account all_accounts[] = {Account::active,  Account::disabled, Account::locked,  Account::locked_for_an_hour,  Account::expired,
                                    Account::pending, Account::deleted,  Account::password_locked_out, Account::must_change};
std::string to_string(Account account) {
    switch (account) {
        case Account::active: return "active";
        case Account::disabled: return "disabled";
        case Account::locked: return "locked";
        case Account::locked_for_an_hour: return "locked for an hour";
        case Account::expired: return "expired";
        case Account::pending: return "pending";
        case Account::deleted: return "deleted";
        case Account::password_locked_out: return "password locked out";
        case Account::must_change: return "must change the password";
    }
    return {};
}

enum class Factors { none, unconfirmed, in_grace, demanded, totp, totp_locked_out, sms, email, app_and_email, trusted_browser, demanded_and_trusted };
constexpr Factors all_factors[] = {Factors::none,  Factors::unconfirmed, Factors::in_grace, Factors::demanded,        Factors::totp, Factors::totp_locked_out,
                                   Factors::sms,   Factors::email,       Factors::app_and_email, Factors::trusted_browser, Factors::demanded_and_trusted};
std::string to_string(Factors factors) {
    switch (factors) {
        case Factors::none: return "none";
        case Factors::unconfirmed: return "an enrolment not confirmed";
        case Factors::in_grace: return "demanded, in grace";
        case Factors::demanded: return "demanded, none there";
        case Factors::totp: return "an authenticator app";
        case Factors::totp_locked_out: return "an authenticator app, locked out";
        case Factors::sms: return "SMS";
        case Factors::email: return "e-mail alone";
        case Factors::app_and_email: return "an app and e-mail";
        case Factors::trusted_browser: return "an app, in a trusted browser";
        case Factors::demanded_and_trusted: return "an app demanded, in a browser trusted before";
    }
    return {};
}

// Ways in. `before`: the account is in its state before the person does anything; `after`: they had signed in or begun to when it got there.
enum class Way { login, page, token, token_with_code, code_totp, code_totp_page, code_backup, code_sms, code_email, cookie, access_token, refresh, forward };
constexpr Way all_ways[] = {Way::login,      Way::page,     Way::token,      Way::token_with_code, Way::code_totp,    Way::code_totp_page, Way::code_backup,
                            Way::code_sms,   Way::code_email, Way::cookie,   Way::access_token,    Way::refresh,      Way::forward};
std::string to_string(Way way) {
    switch (way) {
        case Way::login: return "POST /auth/login";
        case Way::page: return "POST /sign-in";
        case Way::token: return "POST /auth/token";
        case Way::token_with_code: return "POST /auth/token with a code";
        case Way::code_totp: return "POST /auth/mfa/totp/verify";
        case Way::code_totp_page: return "POST /sign-in/factor";
        case Way::code_backup: return "POST /auth/mfa/backup-codes/verify";
        case Way::code_sms: return "POST /auth/mfa/sms/verify";
        case Way::code_email: return "POST /auth/mfa/email/verify";
        case Way::cookie: return "a session cookie";
        case Way::access_token: return "an access token";
        case Way::refresh: return "POST /auth/refresh";
        case Way::forward: return "GET /auth/forward";
    }
    return {};
}

// --- What must come of it

// "refused", the failure that a pending session names, "whole" (a session, no second factor that counts) or "two factors".
using Outcome = std::string;
constexpr char const* refused = "refused";
constexpr char const* whole = "whole";
constexpr char const* two = "two factors";
constexpr char const* wants_code = "mfa.required";
constexpr char const* wants_factor = "mfa.enrolment_required";
constexpr char const* wants_password = "passwords.change_required";

bool is_closed(Account account) {
    return account != Account::active && account != Account::password_locked_out && account != Account::must_change;
}

// After the right password alone.
Outcome after_password(Account account, Factors factors) {
    if (is_closed(account) || account == Account::password_locked_out) return refused;
    static std::map<Factors, Outcome> const active{{Factors::none, whole},
                                                   {Factors::unconfirmed, whole},
                                                   {Factors::in_grace, whole},
                                                   {Factors::demanded, wants_factor},
                                                   {Factors::totp, wants_code},
                                                   {Factors::totp_locked_out, wants_code},
                                                   {Factors::sms, wants_code},
                                                   {Factors::email, wants_code},
                                                   {Factors::app_and_email, wants_code},
                                                   {Factors::trusted_browser, whole},
                                                   {Factors::demanded_and_trusted, wants_code}};
    auto const& outcome = active.at(factors);
    // Whoever has to choose a new password proves everything first, in a trusted browser too.
    if (account == Account::must_change && factors == Factors::trusted_browser) return wants_code;
    if (account == Account::must_change && outcome != wants_code) return wants_password;
    return outcome;
}

// After the right code in a sign-in that waited for it.
Outcome after_code(Account account, bool counts) {
    if (is_closed(account)) return refused;
    if (account == Account::must_change) return wants_password;
    return counts ? two : whole;
}

// What a whole session is worth when the account changes under it: a new password to choose is asked for at the next sign-in.
Outcome of_session(Account account, Factors factors) {
    if (is_closed(account)) return refused;
    bool const proved = factors == Factors::totp || factors == Factors::sms || factors == Factors::app_and_email ||
                        factors == Factors::demanded_and_trusted;
    return proved ? two : whole;
}

bool has_app(Factors factors) {
    return factors == Factors::totp || factors == Factors::totp_locked_out || factors == Factors::trusted_browser ||
           factors == Factors::app_and_email || factors == Factors::demanded_and_trusted;
}

// The expected outcome, or nothing where the way does not exist for these factors: no code of a kind nobody has.
std::optional<Outcome> expected(Way way, Account account, Factors factors) {
    switch (way) {
        case Way::login:
        case Way::page: return after_password(account, factors);
        case Way::token:
            // A client without cookies is no trusted browser.
            return after_password(account, factors == Factors::trusted_browser ? Factors::totp : factors);
        case Way::token_with_code:
            if (!has_app(factors)) return std::nullopt;
            if (after_password(account, Factors::totp) == refused || factors == Factors::totp_locked_out) return refused;
            return after_code(account, true);
        case Way::code_totp:
        case Way::code_totp_page:
            if (!has_app(factors) || factors == Factors::trusted_browser) return std::nullopt;
            if (factors == Factors::totp_locked_out) return is_closed(account) ? refused : wants_code;
            return after_code(account, true);
        case Way::code_backup:
            if (!has_app(factors) || factors == Factors::trusted_browser) return std::nullopt;
            // One count for all kinds: a locked-out second factor is locked out for backup codes too.
            if (factors == Factors::totp_locked_out) return is_closed(account) ? refused : wants_code;
            return after_code(account, true);
        case Way::code_sms: return factors == Factors::sms ? std::optional{after_code(account, true)} : std::nullopt;
        case Way::code_email:
            // Beside an app it is not even looked at.
            if (factors == Factors::app_and_email) return is_closed(account) ? refused : wants_code;
            return factors == Factors::email ? std::optional{after_code(account, false)} : std::nullopt;
        case Way::cookie:
        case Way::access_token:
        case Way::refresh:
        case Way::forward:
            // These have no whole session to begin with.
            if (factors == Factors::demanded || factors == Factors::totp_locked_out) return std::nullopt;
            if (way != Way::cookie && factors == Factors::trusted_browser) return std::nullopt;
            return of_session(account, factors);
    }
    return std::nullopt;
}

// --- One person in one cell

config::Settings settings_of_the_matrix() {
    auto settings = testing::TestApp::settings_with_messages();
    settings.mfa.trusted_devices = true;
    settings.mfa.sms_per_prefix_per_hour = settings.mfa.sms_per_hour = 0;  // everybody here enrols a number within the hour
    settings.mfa.required_for = {"role:graced grace:30d", "role:demanded"};
    settings.server.trusted_proxies = {"10.0.0.1"};
    settings.forward_auth.rules = {"app.example.com", "strict.example.com mfa"};
    return settings;
}

class Matrix : public ::testing::Test {
protected:
    TestApp app{settings_of_the_matrix()};

    Matrix() {
        for (auto const* role : {"graced", "demanded"}) app.stack.roles.create({.name = role}, Actor::system()).value();
        app.stack.app.get("/probe/login", http::require_login, [](http::Request const&) { return http::Response::text(200, "in"); });
        app.stack.app.get("/probe/mfa", http::require_login | http::require_mfa, [](http::Request const&) { return http::Response::text(200, "two"); });
    }

    struct Person {
        users::User user;
        Bytes secret;             // of the app
        std::string backup_code;  // one of several
        Client browser;
        Program program;
    };

    Outcome run(Way way, Account account, Factors factors);

private:
    Person make(Factors factors);
    void add_email(Person&);
    void sign_in_whole(Person&, Factors factors, bool by_token);
    void put_into(Person&, Account account);
    std::string code(Person const& person) { return app.code_for(person.secret); }
    std::string sent_code(Person const& person, Factors factors) {
        app.send_messages();
        return factors == Factors::sms ? testing::newest_code(app.sms, number_of(person)) : testing::newest_code(app.mail, person.user.email.value());
    }
    std::string number_of(Person const& person) const { return "+1500" + std::to_string(1000000 + std::stoi(person.user.username.substr(1))); }
    Outcome probe(std::function<Answer(std::string const&)> const& get);

    int people_ = 0;
};

Matrix::Person Matrix::make(Factors factors) {
    auto const name = "u" + std::to_string(++people_);
    std::optional<std::string> role;
    if (factors == Factors::in_grace) role = "graced";
    if (factors == Factors::demanded) role = "demanded";
    Person person{.user = app.add_user(name, role), .secret = {}, .backup_code = {}, .browser = Client{app}, .program = Program{app}};
    auto& browser = person.browser;
    if (has_app(factors)) {
        EXPECT_EQ(browser.log_in(name).status(), 200);
        auto const begun = browser.post("/auth/mfa/totp/setup").json();
        person.secret = encoding::base32_decode(*begun.string_at("secret")).value();
        auto const enrolled = browser.post("/auth/mfa/totp/verify", Json::object({{"code", code(person)}})).json();
        person.backup_code = enrolled.find("backup_codes")->items()->front().string()->c_str();
        app.clock.advance(30s);
        if (factors == Factors::app_and_email) add_email(person);
    } else if (factors == Factors::unconfirmed) {
        EXPECT_EQ(browser.log_in(name).status(), 200);
        EXPECT_EQ(browser.post("/auth/mfa/totp/setup").status(), 200);
    } else if (factors == Factors::sms) {
        EXPECT_EQ(browser.log_in(name).status(), 200);
        EXPECT_EQ(browser.post("/auth/mfa/sms/setup", Json::object({{"phone", number_of(person)}})).status(), 200);
        EXPECT_EQ(browser.post("/auth/mfa/sms/verify", Json::object({{"code", sent_code(person, factors)}})).status(), 200);
    } else if (factors == Factors::email) {
        EXPECT_EQ(browser.log_in(name).status(), 200);
        add_email(person);
    }
    if (factors == Factors::trusted_browser || factors == Factors::demanded_and_trusted) {
        browser.submit("/sign-out", {}, "/account");
        EXPECT_EQ(browser.log_in(name).json().string_at("pending"), wants_code);
        EXPECT_EQ(browser.submit("/sign-in/factor", {{"method", "totp"}, {"code", code(person)}, {"trust_device", "on"}}).status(), 303);
        app.clock.advance(30s);
    }
    if (factors == Factors::demanded_and_trusted) app.stack.roles.grant(rbac::Subject::user(person.user.id), "demanded", Actor::system()).value();
    if (factors == Factors::totp_locked_out) {
        for (int i = 0; i < 100; ++i) {
            app.stack.database->write([&](storage::Transaction& tx) {
                app.stack.attempts.failed(tx, {.user = person.user.id, .session = SessionRef::make(app.clock.now(), app.random), .code = "x"},
                                          app.stack.totp.kind());
            });
        }
    }
    browser.cookies().erase("zephyr_session");
    // A browser known to the account has a lane of its own, which a lock-out by strangers does not reach: not so here.
    if (factors == Factors::totp_locked_out) browser.cookies().erase("zephyr_device");
    return person;
}

void Matrix::add_email(Person& person) {
    app.stack.database->write([&](storage::Transaction& tx) {
        return app.stack.users.mark_email_verified(tx, person.user.id, person.user.canonical_email.value());
    }).value();
    EXPECT_EQ(person.browser.post("/auth/mfa/email/setup").status(), 200);
    EXPECT_EQ(person.browser.post("/auth/mfa/email/verify", Json::object({{"code", sent_code(person, Factors::email)}})).status(), 200);
}

void Matrix::sign_in_whole(Person& person, Factors factors, bool by_token) {
    auto const& name = person.user.username;
    auto const post = [&](std::string const& path, Json const& body) {
        return by_token ? person.program.take(person.program.post(path, body)) : person.browser.post(path, body);
    };
    auto const begun = by_token ? person.program.sign_in(name) : person.browser.log_in(name);
    ASSERT_EQ(begun.status(), 200) << begun.body();
    if (!begun.json().string_at("pending")) return;
    if (has_app(factors)) {
        ASSERT_EQ(post("/auth/mfa/totp/verify", Json::object({{"code", code(person)}})).status(), 200);
    } else if (factors == Factors::sms || factors == Factors::email) {
        app.clock.advance(1min);  // codes are not sent one upon the other
        std::string const kind = factors == Factors::sms ? "sms" : "email";
        ASSERT_EQ(post("/auth/mfa/" + kind + "/send", Json::object()).status(), 200);
        ASSERT_EQ(post("/auth/mfa/" + kind + "/verify", Json::object({{"code", sent_code(person, factors)}})).status(), 200);
    }
}

void Matrix::put_into(Person& person, Account account) {
    auto const& id = person.user.id;
    auto const system = Actor::system();
    switch (account) {
        case Account::active: break;
        case Account::disabled: app.stack.users.set_state(id, users::UserState::disabled, system).value(); break;
        case Account::locked: app.stack.users.set_state(id, users::UserState::locked, system).value(); break;
        case Account::locked_for_an_hour: app.stack.users.lock_until(id, app.clock.now() + 1h, system).value(); break;
        case Account::expired: app.stack.users.set_expiry(id, app.clock.now(), system).value(); break;
        case Account::pending: app.stack.users.set_state(id, users::UserState::pending, system).value(); break;
        case Account::deleted: app.stack.users.remove(id, app.stack.personal_data, system).value(); break;
        case Account::must_change: app.stack.passwords.require_change(id, "test", system).value(); break;
        case Account::password_locked_out:
            person.browser.cookies().erase("zephyr_device");
            app.stack.database->write([&](storage::Transaction& tx) {
                tx.run("UPDATE password_credential SET failures = 100 WHERE user_id = $1", id.str());
            });
            break;
    }
}

Outcome Matrix::probe(std::function<Answer(std::string const&)> const& get) {
    auto const login = get("/probe/login");
    if (login.status() == 401) return refused;
    if (login.status() == 403) return login.id();
    auto const mfa = get("/probe/mfa");
    return mfa.status() == 200 ? two : whole;
}

Outcome Matrix::run(Way way, Account account, Factors factors) {
    auto person = make(factors);
    auto& browser = person.browser;
    auto& program = person.program;
    auto const& name = person.user.username;
    auto const by_cookie = [&] { return probe([&](std::string const& path) { return browser.get(path); }); };
    auto const by_token = [&] { return program.access.empty() ? refused : probe([&](std::string const& path) { return program.get(path); }); };
    auto const pending = [&](std::string const& kind) {
        EXPECT_EQ(browser.log_in(name).json().string_at("pending"), wants_code);
        if (kind == "sms" || kind == "email") {
            app.clock.advance(1min);
            EXPECT_EQ(browser.post("/auth/mfa/" + kind + "/send").id(), factors == Factors::app_and_email ? "mfa.stronger_proof_required" : "");
        }
    };
    switch (way) {
        case Way::login:
            put_into(person, account);
            browser.log_in(name);
            return by_cookie();
        case Way::page:
            put_into(person, account);
            browser.submit("/sign-in", {{"username", name}, {"password", std::string{TestApp::good_password}}});
            return by_cookie();
        case Way::token:
            put_into(person, account);
            program.sign_in(name);
            return by_token();
        case Way::token_with_code:
            put_into(person, account);
            program.sign_in(name, Json::object({{"code", code(person)}}));
            return by_token();
        case Way::code_totp:
            pending("totp");
            put_into(person, account);
            browser.post("/auth/mfa/totp/verify", Json::object({{"code", code(person)}}));
            return by_cookie();
        case Way::code_totp_page: {
            pending("totp");
            put_into(person, account);
            browser.submit("/sign-in/factor", {{"method", "totp"}, {"code", code(person)}});
            return by_cookie();
        }
        case Way::code_backup:
            pending("backup_code");
            put_into(person, account);
            browser.post("/auth/mfa/backup-codes/verify", Json::object({{"code", person.backup_code}}));
            return by_cookie();
        case Way::code_sms:
        case Way::code_email: {
            std::string const kind = way == Way::code_sms ? "sms" : "email";
            pending(kind);
            auto const sent = sent_code(person, factors);
            put_into(person, account);
            browser.post("/auth/mfa/" + kind + "/verify", Json::object({{"code", sent}}));
            return by_cookie();
        }
        case Way::cookie:
            sign_in_whole(person, factors, false);
            put_into(person, account);
            return by_cookie();
        case Way::access_token:
            sign_in_whole(person, factors, true);
            put_into(person, account);
            return by_token();
        case Way::refresh:
            sign_in_whole(person, factors, true);
            put_into(person, account);
            program.access.clear();
            program.refresh();
            return by_token();
        case Way::forward: {
            sign_in_whole(person, factors, true);
            put_into(person, account);
            auto const ask = [&](std::string const& host) {
                http::Request request;
                request.target = "/auth/forward";
                request.peer_address = "10.0.0.1";
                request.headers.add("X-Forwarded-Proto", "https");
                request.headers.add("X-Forwarded-Host", host);
                request.headers.add("X-Forwarded-Uri", "/");
                request.headers.add("X-Forwarded-Method", "GET");
                request.headers.add("Authorization", "Bearer " + program.access);
                return browser.send(std::move(request));
            };
            return ask("app.example.com").status() != 200 ? refused : ask("strict.example.com").status() == 200 ? two : whole;
        }
    }
    return "?";
}

TEST_F(Matrix, every_way_in_minds_every_state_of_the_account_and_of_its_factors) {
    std::size_t cells = 0;
    for (auto const way : all_ways) {
        for (auto const account : all_accounts) {
            for (auto const factors : all_factors) {
                auto const wanted = expected(way, account, factors);
                if (!wanted) continue;
                ++cells;
                SCOPED_TRACE(to_string(way) + ", account: " + to_string(account) + ", factors: " + to_string(factors));
                EXPECT_EQ(run(way, account, factors), *wanted);
            }
        }
    }
    EXPECT_GE(cells, 600u);
    RecordProperty("cells", static_cast<int>(cells));
}

// Routes that anybody, or whoever has begun to sign in, may send something to. Each is a way in above or says why it is none.
std::map<std::string, std::string> const no_way_in{
    {"POST /auth/register", "makes an account; nobody is signed in by it"},
    {"POST /sign-up", "makes an account and then signs in by POST /sign-in's own function"},
    {"POST /setup/{token}", "the first administrator's link; there is no account before it"},
    {"POST /auth/logout", "ends a session"},
    {"POST /sign-out", "ends a session"},
    {"POST /auth/mfa/totp/setup", "begins an enrolment; POST /auth/mfa/totp/verify ends it"},
    {"POST /auth/mfa/sms/setup", "begins an enrolment; POST /auth/mfa/sms/verify ends it"},
    {"POST /auth/mfa/email/setup", "begins an enrolment; POST /auth/mfa/email/verify ends it"},
    {"POST /auth/mfa/sms/send", "sends a code for POST /auth/mfa/sms/verify"},
    {"POST /auth/mfa/email/send", "sends a code for POST /auth/mfa/email/verify"},
    {"POST /sign-in/factor/send", "sends a code for POST /sign-in/factor"},
    {"POST /account/factors/totp/begin", "begins an enrolment, by the service behind /auth/mfa/totp/setup"},
    {"POST /account/factors/totp/confirm", "ends one, by the service behind /auth/mfa/totp/verify"},
    {"POST /account/factors/sms/begin", "begins an enrolment, by the service behind /auth/mfa/sms/setup"},
    {"POST /account/factors/sms/confirm", "ends one, by the service behind /auth/mfa/sms/verify"},
    {"POST /account/factors/email/begin", "begins an enrolment, by the service behind /auth/mfa/email/setup"},
    {"POST /account/factors/email/confirm", "ends one, by the service behind /auth/mfa/email/verify"},
    {"POST /forgot-password", "sends a link to the account's own address"},
    {"POST /auth/password/forgot", "sends a link to the account's own address"},
    {"POST /reset-password/{token}", "sets a password and ends every session; the person signs in afterwards, with every factor"},
    {"POST /auth/password/reset", "sets a password and ends every session; the person signs in afterwards, with every factor"},
    {"POST /verify-email/{token}", "says that an address is right; opens no session"},
    {"POST /account/password", "changes the password of a session that stays pending in every other way"},
};

TEST_F(Matrix, knows_every_route_by_which_somebody_could_come_in) {
    std::set<std::string> ways;
    for (auto const way : all_ways) {
        auto name = to_string(way);
        ways.insert(name.substr(0, name.find(" with ")));
    }
    std::size_t seen = 0;
    for (auto const& route : app.stack.app.table()) {
        if (route.method == "GET" || route.method == "HEAD" || route.guard.starts_with("login") || route.guard.starts_with("rule")) continue;
        auto const name = route.method + " " + route.pattern;
        if (route.pattern == "/auth/forward") continue;  // any method, one answer
        ++seen;
        EXPECT_TRUE(ways.contains(name) || no_way_in.contains(name)) << name << " (" << route.source << ") has no row in the matrix of ways in";
    }
    EXPECT_GE(seen, ways.size() - 4);
    for (auto const& [name, why] : no_way_in) EXPECT_GE(why.size(), 10u) << name;
}

}  // namespace
}  // namespace zephyr
