// Embeds Zephyr from its installed library: one guarded route beside those that Zephyr serves itself. Asks its own app three questions,
// makes a mistake that the library reports by an exception, prints all answers and ends; a real program would call node->serve() instead.
#include <zephyr/foundation/fault.h>
#include <zephyr/zephyr.h>

#include <iostream>

using namespace zephyr;
using http::require_login, http::require_role;

int main(int argc, char** argv) {
    SystemClock clock;
    crypto::SystemRandom random;
    NullLog log;
    auto const loading = server::load_settings(argc, argv);  // --data DIR
    if (!loading.settings) {
        std::cerr << loading.problems;
        return 78;
    }
    auto node = server::Node::open(*loading.settings, {clock, random, log});
    if (!node.ok()) {
        std::cerr << node.error().reason() << "\n";
        return 1;
    }
    auto& app = node.value()->app();
    app.get("/reports", require_login | require_role("admin"), [](http::Request const&, http::Principal const& who) {
        return http::Response::text(200, "The figures are secret, " + who.username + ".\n");
    });
    for (auto const* target : {"/reports", "/sign-in", "/nowhere"}) {
        http::Request request;
        request.target = target;
        request.headers.add("Host", "127.0.0.1:8080");
        request.peer_address = "127.0.0.1";
        std::cout << target << " " << app.dispatch(std::move(request)).status << "\n";
    }
    try {
        app.get("/sign-in", http::open_to_all("Zephyr has this route already"), [](http::Request const&) { return http::Response{}; });
    } catch (Fault const& fault) {
        std::cout << "fault: " << fault.what() << "\n";
    }
}
