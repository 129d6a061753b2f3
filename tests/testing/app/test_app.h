// The whole stack over an in-memory database, with virtual time and scripted randomness, spoken to without a socket.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/kept_log.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "testing/sent_messages.h"
#include "zephyr/encoding/json.h"
#include "zephyr/stack.h"

namespace zephyr::testing {

struct Answer {
    http::Response response;
    int status() const { return response.status; }
    std::string header(std::string_view name) const;
    std::string const& body() const { return response.body; }
    encoding::Json json() const;  // null when the body is none
    std::string id() const;       // of a problem
    std::string location() const { return header("Location"); }
};

struct TestApp {
    // Cheap hashes, otherwise the defaults of the product.
    static config::Settings settings();

    // The same with somebody who sends SMS (to +49 and +1) and mail: `sms` and `mail` keep what send_messages() sends.
    static config::Settings settings_with_messages();

    explicit TestApp(config::Settings chosen = settings());
    // Over a database of the caller's, already migrated. Two nodes of one database need two seeds.
    TestApp(config::Settings chosen, std::unique_ptr<storage::Database> database, std::uint64_t seed = 42);

    ManualClock clock;
    ScriptedRandom random;
    KeptLog log;
    SentMessages sms;
    SentMessages mail;
    Stack stack;
    std::unique_ptr<messages::Sender> sender;  // no threads

    // Sends what waits and is due, now; how many tries.
    std::size_t send_messages() { return sender->run_once(); }

    static constexpr std::string_view good_password = "correct horse battery staple";

    users::User add_user(std::string const& username, std::optional<std::string> const& role = std::nullopt,
                         std::string_view password = good_password);
    // An authenticator app for the user, enrolled as by themselves; returns its secret.
    Bytes enrol(users::User const& user);
    std::string code_for(Bytes const& secret) const;
};

// A browser or program with a cookie jar.
class Client {
public:
    explicit Client(TestApp& app) : app_{app} {}

    Answer send(http::Request request);
    // A program: JSON in and out, no browser headers.
    Answer get(std::string const& path);
    Answer post(std::string const& path, encoding::Json const& body = encoding::Json::object());
    // A browser: wants pages; posts forms with the token of the page `from` (default: the path itself).
    Answer page(std::string const& path);
    Answer submit(std::string const& path, std::vector<std::pair<std::string, std::string>> const& fields, std::string const& from = {});

    Answer log_in(std::string const& username, std::string_view password = TestApp::good_password);
    std::map<std::string, std::string>& cookies() { return cookies_; }
    std::string const& session_cookie() { return cookies_["zephyr_session"]; }

private:
    TestApp& app_;
    std::map<std::string, std::string> cookies_;
};

}  // namespace zephyr::testing
