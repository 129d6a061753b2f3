// What a sign-in costs with its way into the tamper-evident log, and without. sign_in_bench FOLDER SECONDS log|no-log
//
// POST /auth/login from 8 threads, through middleware, guard and service, but without sockets: a load generator would take its share of
// the cores. The node, its settings and its files are those that `zephyr serve` makes. No setting turns the log off, and none should; so
// "no-log" takes the trail away from an opened node, as a stop does. What remains then is the event's row in the database, in the
// transaction of the session. Prints sign-ins per second: what is still on its way into the log counts when it has arrived.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "zephyr/crypto/random.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/server/node.h"
#include "zephyr/stack.h"

namespace zephyr {
namespace {

constexpr int people = 100;
constexpr int callers = 8;
constexpr char const* password = "correct horse battery staple";

std::string name_of(int number) { return "u" + std::to_string(number % people); }

config::Settings settings_for(std::string const& folder) {
    char const* const flags[] = {"", "--data", folder.c_str(), "--limits-sign-in-per-minute", "0", "--limits-requests-per-second", "0"};
    auto loading = server::load_settings(static_cast<int>(std::size(flags)), flags);
    if (!loading.settings) throw Fault{loading.problems};
    return std::move(*loading.settings);
}

void add_people(Stack& stack) {
    for (int number = 0; number < people; ++number) {
        auto const name = name_of(number);
        auto const user = stack.users.create({.username = name, .email = name + "@example.com"}, audit::Actor::system()).value();
        passwords::PolicyContext const anything{.has_second_factor = true, .words = {}};
        stack.passwords.set(user.id, SecretText{password}, anything, audit::Actor::system()).value();
    }
}

void sign_in(Stack& stack, int number) {
    http::Request request;
    request.method = http::Method::post;
    request.target = request.path = "/auth/login";
    request.host = "127.0.0.1:8080";
    request.peer_address = "127.0.0.1";
    request.headers.add("Host", request.host);
    request.headers.add("Content-Type", "application/json");
    request.body = R"({"username":")" + name_of(number) + R"(","password":")" + password + "\"}";
    auto const response = stack.app.dispatch(std::move(request));
    if (response.status != 200) throw Fault{"a sign-in was answered " + std::to_string(response.status) + ": " + response.body};
}

double sign_ins_per_second(Stack& stack, double seconds) {
    using Steady = std::chrono::steady_clock;
    auto const begin = Steady::now();
    auto const passed = [&] { return std::chrono::duration<double>(Steady::now() - begin).count(); };
    std::atomic<int> done = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < callers; ++thread) {
        threads.emplace_back([&] {
            while (passed() < seconds) sign_in(stack, done++);
        });
    }
    for (auto& thread : threads) thread.join();
    if (auto* trail = stack.audit.trail()) trail->catch_up();
    return done / passed();
}

}  // namespace
}  // namespace zephyr

int main(int count, char** words) {
    using namespace zephyr;
    if (count != 4) return 64;
    SystemClock const clock;
    crypto::SystemRandom random;
    NullLog log;
    auto opened = server::Node::open(settings_for(words[1]), {clock, random, log});
    if (!opened.ok()) throw Fault{std::string{opened.error().id()} + ": " + std::string{opened.error().reason()}};
    auto& stack = opened.value()->stack();
    if (!stack.users.find_by_login(name_of(0)).ok()) add_people(stack);
    if (std::string_view{words[3]} == "no-log") stack.audit.attach(nullptr);
    for (int number = 0; number < callers; ++number) sign_in(stack, number);  // warm-up
    std::printf("%.2f\n", sign_ins_per_second(stack, std::atof(words[2])));
}
