// The porch with a handler that does nothing: beside floor_b0 in the same minute it says what framing, limits and deadlines cost.
//
//   porch_bench PORT [LOOPS [CERTIFICATE KEY]]     targets that begin with /inline run on the loop, all others on the pool
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/http/server.h"

namespace {

class Empty final : public zephyr::http::Dispatcher {
public:
    bool runs_inline(zephyr::http::Request const& request) const override { return request.target.rfind("/inline", 0) == 0; }
    zephyr::http::Response dispatch(zephyr::http::Request&&) override {
        return {200, {{"Content-Type", "application/json"}}, "{\"status\":\"ok\"}"};
    }
};

}  // namespace

int main(int argc, char** argv) {
    zephyr::http::server::ServerSettings settings;
    settings.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
    settings.loops = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 1);
    if (argc > 4) {
        settings.tls_certificate = argv[3];
        settings.tls_key = argv[4];
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    zephyr::SystemClock clock;
    zephyr::NullLog log;
    Empty dispatcher;
    zephyr::http::server::Server server{settings, dispatcher, clock, log};
    if (auto const started = server.start(); !started.ok()) {
        std::fprintf(stderr, "%s\n", std::string{started.error().reason()}.c_str());
        return 1;
    }
    std::printf("listening on 127.0.0.1:%u\n", server.port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    server.stop();
}
