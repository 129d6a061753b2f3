// An application of one's own: sign-in, sessions and second factors from Zephyr, one page that needs them all.
#include <zephyr/zephyr.h>

#include <iostream>

using namespace zephyr;
using http::require_login, http::require_mfa, http::require_role;

int main(int argc, char** argv) {
    SystemClock clock;
    crypto::SystemRandom random;
    auto const log = make_stderr_log(LogLevel::info, LogFormat::text);

    auto const loading = server::load_settings(argc, argv);  // --data DIR --listen HOST:PORT …
    if (!loading.settings) {
        std::cerr << loading.problems;
        return 78;
    }
    auto node = server::Node::open(*loading.settings, {clock, random, *log});
    if (!node.ok()) {
        std::cerr << node.error().reason() << "\n";
        return 1;
    }
    node.value()->app().get("/reports", require_login | require_role("admin") | require_mfa,
                            [](http::Request const&, http::Principal const& who) {
                                return http::Response::text(200, "The figures are secret, " + who.username + ".\n");
                            });
    return node.value()->serve({.on_listening = [](auto const& url, auto const& setup_link) {
        std::cout << url << "\n" << setup_link.value_or("") << "\nCtrl-C stops it." << std::endl;
    }});
}
