// Arbitrary bytes as the body of every route for programs: the first byte picks the schema. Each body is refused with a reason or fits
// the document, and a whole server in memory answers the same to it.
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "zephyr/crypto/random.h"
#include "zephyr/stack.h"
#include "zephyr/storage/migrations.h"

namespace {

using namespace zephyr;

void check(bool held) {
    if (!held) std::abort();
}

struct Server {
    Server() {
        config::Settings settings;
        settings.server.public_url = "http://127.0.0.1:8080";
        settings.passwords.argon2_memory_kib = 8;
        settings.passwords.argon2_passes = 1;
        settings.signup.open = true;
        settings.limits.requests_per_second = settings.limits.sign_in_per_minute = 0;
        settings.limits.factor_per_minute = settings.limits.register_per_hour = settings.limits.refresh_per_minute = 0;
        auto database = storage::open_sqlite({.path = ":memory:"});
        check(storage::migrate(*database, schema_migrations(), clock).ok());
        stack = std::make_unique<Stack>(StackParts{.settings = std::move(settings),
                                                   .database = std::move(database),
                                                   .keyring = crypto::Keyring{crypto::MasterKey::generate(random)},
                                                   .clock = clock,
                                                   .random = random,
                                                   .log = log});
        for (auto& route : stack->app.table()) {
            if (route.body) routes.push_back(std::move(route));
        }
        check(routes.size() >= 6);
    }

    SystemClock clock;
    crypto::SystemRandom random;
    NullLog log;
    std::unique_ptr<Stack> stack;
    std::vector<http::RouteInfo> routes;
};

http::Request request_of(http::RouteInfo const& route, std::string_view body) {
    http::Request request;
    request.method = http::Method::post;
    request.target = route.pattern;
    request.peer_address = "192.0.2.1";
    request.headers.add("Host", "127.0.0.1:8080");
    request.headers.add("Content-Type", "application/json");
    request.body = body;
    return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static Server server;
    if (size == 0) return 0;
    auto const& route = server.routes[data[0] % server.routes.size()];
    std::string_view const body{reinterpret_cast<char const*>(data) + 1, size - 1};
    auto const request = request_of(route, body);

    auto const read = http::read_body(request, *route.body);
    if (read.ok()) {
        check(read.value().members() != nullptr);
        check(route.body->check(read.value()).ok());
        for (auto const& field : route.body->fields) {
            auto const* value = read.value().find(field.name);
            check(!field.required || (value != nullptr && !value->is_null()));
        }
    } else {
        check(read.error().kind() == Kind::invalid);
    }

    auto const answer = server.stack->app.dispatch(http::Request{request});
    check(answer.status >= 200 && answer.status != 500);
    // Where nobody has to be signed in first, the schema's refusal is the answer.
    if (route.demand.what == http::Demand::What::open && !read.ok()) {
        check(answer.status == 400);
        check(answer.body.find(read.error().id()) != std::string::npos);
    }
    return 0;
}
