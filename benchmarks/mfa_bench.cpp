// What a second factor costs. mfa_bench FOLDER CLIENTS
//
// Prints: one-time passwords checked per second on one core (secret opened, three steps compared); then, over HTTP and a SQLite file, requests
// per second of the TOTP step of a sign-in and of its floor, a POST that writes one durable row. Both are asked of one server by CLIENTS
// connections, in turns, so that each sees the same machine.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <thread>
#include <vector>

#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/random.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/server/node.h"
#include "zephyr/stack.h"

namespace zephyr {
namespace {

using Steady = std::chrono::steady_clock;
constexpr int people = 800;  // each proves one code: a step is accepted once
constexpr int turns = 8;

double seconds_since(Steady::time_point begin) { return std::chrono::duration<double>(Steady::now() - begin).count(); }

config::Settings settings_for(std::string const& folder) {
    char const* const flags[] = {"",
                                 "--data",
                                 folder.c_str(),
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--limits-sign-in-per-minute",
                                 "0",
                                 "--limits-factor-per-minute",
                                 "0",
                                 "--limits-requests-per-second",
                                 "0",
                                 "--passwords-argon2-memory-kib",  // passwords are no part of this
                                 "7168"};
    auto loading = server::load_settings(static_cast<int>(std::size(flags)), flags);
    if (!loading.settings) throw Fault{loading.problems};
    return std::move(*loading.settings);
}

// A blocking HTTP client on one kept connection.
class Connection {
public:
    explicit Connection(int port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int const on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw Fault{"cannot connect"};
    }
    ~Connection() { ::close(socket_); }
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    void post(std::string const& path, std::string const& cookie, std::string const& body) {
        auto const request = "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nCookie: " + cookie +
                             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        if (::send(socket_, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) throw Fault{"cannot send"};
        std::string answer;
        for (;;) {
            char piece[8192];
            auto const got = ::recv(socket_, piece, sizeof piece, 0);
            if (got <= 0) throw Fault{"the server closed the connection"};
            answer.append(piece, static_cast<std::size_t>(got));
            auto const head = answer.find("\r\n\r\n");
            if (head == std::string::npos) continue;
            auto const mark = answer.find("Content-Length: ");
            auto const length = mark < head ? std::stoul(answer.substr(mark + 16)) : 0;
            if (answer.size() >= head + 4 + length) break;
        }
        if (!answer.starts_with("HTTP/1.1 200")) throw Fault{path + " was answered " + answer.substr(0, 400)};
    }

private:
    int socket_;
};

struct Prover {
    std::string cookie;
    Bytes secret;
};

std::vector<Prover> make_people(Stack& stack, Clock const& clock, Random& random, int round) {
    std::vector<Prover> out;
    for (int number = 0; number < people; ++number) {
        auto const name = "u" + std::to_string(round) + "-" + std::to_string(number);
        auto const user = stack.users.create({.username = name}, audit::Actor::system()).value();
        auto const session = SessionRef::make(clock.now(), random);
        auto const begun = stack.totp.begin(user.id, session, name, "Phone").value();
        Prover prover{.cookie = {}, .secret = encoding::base32_decode(begun.secret_base32).value()};
        // The step before the current one is the one the enrolment uses up.
        auto const step = mfa::totp_step(clock.now(), 30s);
        (void)stack.totp.confirm(user.id, session, mfa::totp_code(prover.secret, step - 1, 6, mfa::TotpAlgorithm::sha1)).value();
        auto const issued = stack.sessions.start({.user = user.id, .factors = {{"pwd", clock.now()}}, .pending = "mfa.required", .origin = {}}).value();
        prover.cookie = "zephyr_session=" + std::string{issued.token.reveal()};
        out.push_back(std::move(prover));
    }
    return out;
}

// `each` for 0 to count-1, shared among the connections. Seconds it took.
double share(std::vector<std::unique_ptr<Connection>>& connections, int count, std::function<void(Connection&, int)> const& each) {
    std::atomic<int> next = 0;
    auto const begin = Steady::now();
    std::vector<std::thread> threads;
    for (auto& connection : connections) {
        threads.emplace_back([&] {
            for (int number; (number = next++) < count;) each(*connection, number);
        });
    }
    for (auto& thread : threads) thread.join();
    return seconds_since(begin);
}

void measure_steps(Stack& stack, int port, int clients, std::vector<Prover> const& provers, Clock const& clock) {
    std::vector<std::unique_ptr<Connection>> connections;
    for (int i = 0; i < clients; ++i) connections.push_back(std::make_unique<Connection>(port));
    double floor = 0, step = 0;
    int const each_turn = people / turns;
    for (int turn = 0; turn < turns; ++turn) {
        floor += share(connections, each_turn, [&](Connection& connection, int) { connection.post("/floor", "", R"({"code":"123456"})"); });
        step += share(connections, each_turn, [&](Connection& connection, int number) {
            auto const& prover = provers[static_cast<std::size_t>(turn * each_turn + number)];
            auto const code = mfa::totp_code(prover.secret, mfa::totp_step(clock.now(), 30s), 6, mfa::TotpAlgorithm::sha1);
            connection.post("/auth/mfa/totp/verify", prover.cookie, R"({"code":")" + code + "\"}");
        });
    }
    (void)stack;
    std::printf("floor %.1f\nstep %.1f\n", people / floor, people / step);
}

double checks_per_second(Stack& stack, Random& random) {
    crypto::Place const place{.table = "totp_device", .row = "a device", .column = "secret"};
    auto const sealed = stack.sealer.seal(place, random.bytes(20));
    auto const begin = Steady::now();
    int checks = 0;
    bool matched = false;
    for (; seconds_since(begin) < 1; ++checks) {
        auto const typed = mfa::normalise_code("123 456", 6);
        auto const secret = stack.sealer.open(place, sealed).value();
        for (std::int64_t step = 59'000'000; step <= 59'000'002; ++step) {
            auto const code = mfa::totp_code(secret.reveal(), step, 6, mfa::TotpAlgorithm::sha1);
            matched |= crypto::equal_constant_time(*typed, code);
        }
    }
    auto const rate = checks / seconds_since(begin);
    if (matched) std::printf("# one in a million: a code matched\n");
    return rate;
}

}  // namespace
}  // namespace zephyr

int main(int count, char** words) {
    using namespace zephyr;
    if (count != 3) return 64;
    SystemClock const clock;
    crypto::SystemRandom random;
    NullLog log;
    auto opened = server::Node::open(settings_for(words[1]), {clock, random, log});
    if (!opened.ok()) throw Fault{std::string{opened.error().id()} + ": " + std::string{opened.error().reason()}};
    auto& node = *opened.value();
    auto& stack = node.stack();
    std::printf("checks %.0f\n", checks_per_second(stack, random));
    stack.database->write([](storage::Transaction& tx) { tx.run("CREATE TABLE IF NOT EXISTS floor (id TEXT PRIMARY KEY, at BIGINT NOT NULL)"); });
    node.app().post("/floor", http::open_to_all("the floor of a benchmark: one durable row"),
                    [&](http::Request const&) {
                        auto const id = FactorId::make(clock.now(), random).str();
                        stack.database->write([&](storage::Transaction& tx) { tx.run("INSERT INTO floor VALUES ($1, $2)", id, clock.now()); });
                        return http::Response::json(200, encoding::Json::object({{"status", "verified"}}));
                    },
                    {.body = http::BodySchema{.fields = {{.name = "code", .required = true}}}});
    auto const provers = make_people(stack, clock, random, static_cast<int>(::getpid()));
    std::atomic<bool> done = false;
    std::thread client;
    auto const code = node.serve({.on_listening =
                                      [&](std::string const& url, auto const&) {
                                          client = std::thread{[&, port = std::stoi(url.substr(url.rfind(':') + 1))] {
                                              measure_steps(stack, port, std::atoi(words[2]), provers, clock);
                                              done = true;
                                          }};
                                      },
                                  .until = [&] { return done.load(); }});
    client.join();
    return code;
}
