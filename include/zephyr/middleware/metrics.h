// Counters for operators, in Prometheus' text format. Labels are route patterns, methods and status classes, all from
// closed lists, so a client cannot grow the table.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "zephyr/foundation/clock.h"
#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

class Metrics {
public:
    explicit Metrics(Clock const& clock);
    ~Metrics();
    Metrics(Metrics const&) = delete;
    Metrics& operator=(Metrics const&) = delete;

    // zephyr_http_requests_total{route,method,status}, zephyr_http_request_seconds{route} and
    // zephyr_http_requests_in_flight. Must not outlive this.
    http::Middleware middleware();
    // Requests answered without being run: queue full, too many connections.
    void count_shed(std::string const& why, double by = 1);
    // Values read when somebody asks for text(): pool sizes, queue lengths. The name must be [a-z_][a-z0-9_]*, or it
    // throws Fault.
    void gauge(std::string name, std::string help, std::function<double()> read);
    void counter(std::string name, std::string help, std::function<double()> read);

    // text/plain; version=0.0.4
    std::string text() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::middleware
