// Probes, metrics, styles.
#include "zephyr/foundation/fault.h"
#include "zephyr/http/problem.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using http::Request;
using http::Response;

namespace {

Response readiness(SystemRooms const& rooms) {
    if (rooms.draining && rooms.draining()) return Response::json(503, Json::object({{"status", "stopping"}}));
    try {
        rooms.database.ping();
    } catch (StorageFault const&) {  // the answer is the point here, not an incident
        return Response::json(503, Json::object({{"status", "storage_unavailable"}}));
    }
    if (rooms.refusing && rooms.refusing()) return Response::json(503, Json::object({{"status", "audit_unavailable"}}));
    return Response::json(200, Json::object({{"status", "ready"}}));
}

std::vector<http::Field> status_field(std::vector<std::string> words) {
    return {{.name = "status", .required = true, .one_of = std::move(words)}};
}

}  // namespace

void mount_system_routes(http::App& app, SystemRooms rooms, Web const& web) {
    app.get("/healthz", http::open_to_all("supervisors probe it: is the process alive?"),
            [](Request const&) {
                return Response::json(200, Json::object({{"status", "alive"}}));
            },
            {.run_inline = true,
             .summary = "Is the process alive?",
             .answers = {{.description = "It is.", .fields = status_field({"alive"})}}});

    app.get("/readyz", http::open_to_all("load balancers probe it: may requests come here?"),
            [rooms](Request const&) { return readiness(rooms); },
            {.summary = "May requests come here?",
             .answers = {{.description = "They may.", .fields = status_field({"ready"})},
                         {.status = 503, .description = "Not now.", .fields = status_field({"stopping", "storage_unavailable", "audit_unavailable"})}}});

    if (rooms.metrics != nullptr) {
        app.get("/metrics", http::require("metrics_reader"),
                [metrics = rooms.metrics](Request const&) {
                    auto response = Response::text(200, metrics->text());
                    response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
                    return response;
                },
                {.summary = "Metrics for Prometheus",
                 .description = "For the operator's collector by its token, or for whoever holds metrics.read.",
                 .answers = {{.description = "The text format, version 0.0.4.", .content_type = "text/plain"}}});
    }

    app.get("/static/{file}", http::open_to_all("styles, scripts and images of the sign-in pages"),
            [&web](Request const& request) {
                auto response = web.pages().static_response(request);
                return response ? *std::move(response) : http::render(errors::not_found, request.request_id);
            },
            {.run_inline = true});
}

Response problem_page(Request const& request, Response const& problem, Web const& web) {
    pages::ErrorPage view{.status = problem.status, .request_id = request.request_id};
    if (auto const body = encoding::parse_json(problem.body); body.ok()) {
        view.id = body.value().string_at("id").value_or("");
        view.reason = body.value().string_at("detail").value_or("");
    }
    return web.page(request, view, std::nullopt, problem.status);
}

}  // namespace zephyr::routes
