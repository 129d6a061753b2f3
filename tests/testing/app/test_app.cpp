#include "testing/app/test_app.h"

#include <stdexcept>

#include "zephyr/config/load.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/encoding/url.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::testing {

namespace {

std::unique_ptr<storage::Database> fresh_database(Clock const& clock) {
    auto database = storage::open_sqlite({.path = ":memory:"});
    if (!storage::migrate(*database, schema_migrations(), clock).ok()) throw std::runtime_error{"migrations failed"};
    return database;
}

crypto::Keyring keyring() {
    ScriptedRandom random{7};
    return crypto::Keyring{crypto::MasterKey::generate(random)};
}

}  // namespace

std::string Answer::header(std::string_view name) const {
    for (auto const& header : response.headers.all()) {
        if (header.name == name) return header.value;
    }
    return {};
}

encoding::Json Answer::json() const {
    auto parsed = encoding::parse_json(response.body, {.bytes = 1u << 20});
    return parsed.ok() ? std::move(parsed).value() : encoding::Json{};
}

std::string Answer::id() const { return json().string_at("id").value_or(""); }

config::Settings TestApp::settings() {
    config::Settings settings;
    settings.server.listen = {"127.0.0.1", 8080};
    settings.server.public_url = "http://127.0.0.1:8080";
    settings.passwords.argon2_memory_kib = 8;
    settings.passwords.argon2_passes = 1;
    settings.passwords.hash_workers = 4;
    settings.limits = {};  // tests of the limits set their own
    settings.limits.requests_per_second = settings.limits.sign_in_per_minute = 0;
    settings.limits.factor_per_minute = settings.limits.register_per_hour = 0;
    return settings;
}

config::Settings TestApp::settings_with_messages() {
    auto chosen = settings();
    chosen.mfa.sms_provider = "twilio";
    chosen.mfa.email_provider = "smtp";
    chosen.mfa.sms_prefixes = {"+49", "+1"};
    chosen.mail.from = "login@example.com";
    return chosen;
}

TestApp::TestApp(config::Settings chosen) : TestApp{std::move(chosen), fresh_database(SystemClock{})} {}

TestApp::TestApp(config::Settings chosen, std::unique_ptr<storage::Database> database, std::uint64_t seed)
    : random{seed},
      stack{{.settings = std::move(chosen),
             .database = std::move(database),
             .keyring = keyring(),
             .clock = clock,
             .random = random,
             .log = log}},
      sender{stack.message_sender({.sms = std::make_unique<KeepingWire>(sms), .email = std::make_unique<KeepingWire>(mail)})} {}

users::User TestApp::add_user(std::string const& username, std::optional<std::string> const& role, std::string_view password) {
    auto const user = stack.users.create({.username = username, .email = username + "@example.test"}, audit::Actor::system()).value();
    passwords::PolicyContext const anything{.has_second_factor = true, .words = {}};
    stack.passwords.set(user.id, SecretText{std::string{password}}, anything, audit::Actor::system()).value();
    if (role) stack.roles.grant(rbac::Subject::user(user.id), *role, audit::Actor::system()).value();
    return user;
}

Bytes TestApp::enrol(users::User const& user) {
    auto const session = SessionRef::make(clock.now(), random);
    auto const begun = stack.totp.begin(user.id, session, user.username, "Phone").value();
    auto secret = encoding::base32_decode(begun.secret_base32).value();
    (void)stack.totp.confirm(user.id, session, code_for(secret)).value();
    clock.advance(30s);  // the confirming code is used up
    return secret;
}

std::string TestApp::code_for(Bytes const& secret) const {
    return mfa::totp_code(secret, mfa::totp_step(clock.now(), 30s), 6, mfa::TotpAlgorithm::sha1);
}

Answer Client::send(http::Request request) {
    auto const checked = http::check_target(request.target);
    if (!checked.ok()) throw std::runtime_error{"the test asks for a target that the porch would refuse: " + request.target};
    request.path = checked.value().path;
    request.host = "127.0.0.1:8080";
    request.headers.add("Host", request.host);
    request.headers.add("User-Agent", "test client");
    if (request.peer_address.empty()) request.peer_address = "192.0.2.10";
    std::string jar;
    for (auto const& [name, value] : cookies_) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
    if (!jar.empty()) request.headers.add("Cookie", jar);

    Answer answer{app_.stack.app.dispatch(std::move(request))};
    for (auto const& header : answer.response.headers.all()) {
        if (header.name != "Set-Cookie") continue;
        auto const equals = header.value.find('=');
        auto const name = header.value.substr(0, equals);
        auto const value = header.value.substr(equals + 1, header.value.find(';') - equals - 1);
        if (value.empty() || header.value.find("Max-Age=0") != std::string::npos) cookies_.erase(name);
        else cookies_[name] = value;
    }
    return answer;
}

Answer Client::get(std::string const& path) {
    http::Request request;
    request.target = path;
    return send(std::move(request));
}

Answer Client::post(std::string const& path, encoding::Json const& body) {
    http::Request request;
    request.method = http::Method::post;
    request.target = path;
    request.headers.add("Content-Type", "application/json");
    request.body = body.dump();
    return send(std::move(request));
}

Answer Client::page(std::string const& path) {
    http::Request request;
    request.target = path;
    request.headers.add("Accept", "text/html,application/xhtml+xml");
    request.headers.add("Sec-Fetch-Site", "none");
    return send(std::move(request));
}

Answer Client::submit(std::string const& path, std::vector<std::pair<std::string, std::string>> const& fields, std::string const& from) {
    auto const form = page(from.empty() ? path : from);
    std::string const mark = "name=\"csrf_token\" value=\"";
    auto const at = form.body().find(mark);
    auto const token = at == std::string::npos ? std::string{}
                                               : form.body().substr(at + mark.size(), form.body().find('"', at + mark.size()) - at - mark.size());
    http::Request request;
    request.method = http::Method::post;
    request.target = path;
    request.headers.add("Accept", "text/html,application/xhtml+xml");
    request.headers.add("Sec-Fetch-Site", "same-origin");
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body = "csrf_token=" + encoding::percent_encode(token);
    for (auto const& [name, value] : fields) request.body += "&" + name + "=" + encoding::percent_encode(value);
    return send(std::move(request));
}

Answer Client::log_in(std::string const& username, std::string_view password) {
    return post("/auth/login", encoding::Json::object({{"username", username}, {"password", std::string{password}}}));
}

}  // namespace zephyr::testing
