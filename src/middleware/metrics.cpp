#include "zephyr/middleware/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "zephyr/foundation/fault.h"

namespace zephyr::middleware {

namespace {

struct Watched {
    std::string name;
    std::string help;
    prometheus::MetricType type;
    std::function<double()> read;
};

bool is_metric_name(std::string_view name) {
    auto const fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
           std::all_of(name.begin(), name.end(), fits);
}

// The series of one route, found once: looking labels up costs more than counting.
struct RouteCells {
    static constexpr std::size_t methods = 8;
    static constexpr std::size_t classes = 5;
    prometheus::Histogram* seconds = nullptr;
    std::array<std::atomic<prometheus::Counter*>, methods * classes> requests{};
};

std::size_t status_class(int status) {
    return static_cast<std::size_t>(std::clamp(status / 100, 1, 5));
}

prometheus::MetricFamily family_of(Watched const& watched) {
    prometheus::ClientMetric metric;
    if (watched.type == prometheus::MetricType::Counter)
        metric.counter.value = watched.read();
    else
        metric.gauge.value = watched.read();
    return {watched.name, watched.help, watched.type, {std::move(metric)}};
}

}  // namespace

struct Metrics::State {
    explicit State(Clock const& its_clock) : clock{its_clock} {}

    Clock const& clock;
    prometheus::Registry registry;
    prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                            .Name("zephyr_http_requests_total")
                                                            .Help("Requests answered, by route pattern")
                                                            .Register(registry);
    prometheus::Family<prometheus::Histogram>& seconds = prometheus::BuildHistogram()
                                                             .Name("zephyr_http_request_seconds")
                                                             .Help("Time to answer, by route pattern")
                                                             .Register(registry);
    prometheus::Gauge& in_flight = prometheus::BuildGauge()
                                       .Name("zephyr_http_requests_in_flight")
                                       .Help("Requests being answered now")
                                       .Register(registry)
                                       .Add({});
    prometheus::Family<prometheus::Counter>& shed = prometheus::BuildCounter()
                                                        .Name("zephyr_http_shed_total")
                                                        .Help("Requests answered without being run")
                                                        .Register(registry);
    std::shared_mutex cells_mutex;
    std::map<std::string, RouteCells, std::less<>> cells;
    std::mutex mutable watched_mutex;
    std::vector<Watched> watched;

    RouteCells& cells_of(std::string const& route) {
        {
            std::shared_lock const lock{cells_mutex};
            if (auto const found = cells.find(route); found != cells.end()) return found->second;
        }
        // A password check takes tens of milliseconds, an inline answer some microseconds.
        static prometheus::Histogram::BucketBoundaries const bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                                    0.1,    0.25,  0.5,    1,     2.5,  5};
        std::unique_lock const lock{cells_mutex};
        auto& made = cells[route];
        made.seconds = &seconds.Add({{"route", route}}, bounds);
        return made;
    }

    void count(http::Request const& request, int status, double took) {
        auto& route = cells_of(request.route);
        route.seconds->Observe(took);
        auto& cell =
            route.requests[static_cast<std::size_t>(request.method) * RouteCells::classes + status_class(status) - 1];
        auto* counter = cell.load();
        if (counter == nullptr) {
            // Of two that race here both get the same series.
            counter = &requests.Add({{"route", request.route},
                                     {"method", std::string{to_string(request.method)}},
                                     {"status", std::to_string(status_class(status)) + "xx"}});
            cell.store(counter);
        }
        counter->Increment();
    }

    void watch(Watched entry) {
        std::lock_guard const lock{watched_mutex};
        if (!is_metric_name(entry.name)) throw Fault{"\"" + entry.name + "\" is no metric name"};
        for (auto const& other : watched) {
            if (other.name == entry.name) throw Fault{"metric " + entry.name + " stands twice"};
        }
        watched.push_back(std::move(entry));
    }
};

Metrics::Metrics(Clock const& clock) : state_{std::make_unique<State>(clock)} {}
Metrics::~Metrics() = default;

http::Middleware Metrics::middleware() {
    return {"metrics", [state = state_.get()](http::Request& request, http::Next const& next) {
                struct InFlight {
                    prometheus::Gauge& gauge;
                    explicit InFlight(prometheus::Gauge& its_gauge) : gauge{its_gauge} { gauge.Increment(); }
                    ~InFlight() { gauge.Decrement(); }
                } const in_flight{state->in_flight};
                auto const start = state->clock.monotonic();
                auto response = next(request);
                std::chrono::duration<double> const took = state->clock.monotonic() - start;
                state->count(request, response.status, took.count());
                return response;
            }};
}

void Metrics::count_shed(std::string const& why, double by) {
    state_->shed.Add({{"why", why}}).Increment(by);
}

void Metrics::gauge(std::string name, std::string help, std::function<double()> read) {
    state_->watch({std::move(name), std::move(help), prometheus::MetricType::Gauge, std::move(read)});
}

void Metrics::counter(std::string name, std::string help, std::function<double()> read) {
    state_->watch({std::move(name), std::move(help), prometheus::MetricType::Counter, std::move(read)});
}

std::string Metrics::text() const {
    auto families = state_->registry.Collect();
    std::lock_guard const lock{state_->watched_mutex};
    for (auto const& watched : state_->watched) families.push_back(family_of(watched));
    return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace zephyr::middleware
