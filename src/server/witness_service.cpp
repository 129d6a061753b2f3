#include "server/witness_service.h"

#include "zephyr/foundation/fault.h"

namespace zephyr::server {

namespace {
http::Response with_length_of_get(http::Response response, http::Request const& request) {
    if (request.method != http::Method::head) return response;
    response.with_header("Content-Length", std::to_string(response.body.size()));
    response.body.clear();
    return response;
}
}  // namespace

http::Response WitnessService::dispatch(http::Request&& request) {
    std::string_view const path = request.target;
    if (path == "/healthz") {
        if (!http::is_safe(request.method)) return http::Response::text(405, "GET it.\n").with_header("Allow", "GET, HEAD");
        return with_length_of_get(http::Response::text(200, "ok\n"), request);
    }
    if (path != "/add-checkpoint") return with_length_of_get(http::Response::text(404, "There is only /add-checkpoint here.\n"), request);
    if (request.method != http::Method::post) {
        return with_length_of_get(http::Response::text(405, "POST it.\n").with_header("Allow", "POST"), request);
    }
    try {
        return add_checkpoint(request);
    } catch (std::exception const& fault) {  // the edge: what could not be made durable was not signed
        log_.error("witness.cannot_remember", {{"why", fault.what()}});
        return http::Response::text(503, "The witness can't keep this now.\n").with_header("Retry-After", "5");
    }
}

http::Response WitnessService::add_checkpoint(http::Request const& request) {
    if (request.body.size() > largest_body) return http::Response::text(413, "Too large.\n");
    auto const reply = witness_.add_checkpoint(request.body);
    // A checkpoint that does not continue the last is what a witness is for: somebody must look.
    if (reply.status == 422) log_.error("witness.fork_refused", {{"body", request.body.substr(0, 4096)}});
    else log_.info("witness.answered", {{"status", reply.status}});
    http::Response response{reply.status, {}, reply.body};
    response.with_header("Content-Type", reply.content_type);
    response.with_header("Cache-Control", "no-store");
    return response;
}

}  // namespace zephyr::server
