#include "zephyr/middleware/cors.h"

#include <algorithm>

#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::middleware {

namespace {

using http::Request;
using http::Response;

void check_settings(CorsSettings const& settings) {
    bool const anybody = std::find(settings.origins.begin(), settings.origins.end(), "*") != settings.origins.end();
    if (anybody && settings.origins.size() > 1) throw Fault{"cors: \"*\" stands alone"};
    if (anybody && settings.credentials)
        throw Fault{"cors: \"*\" with credentials would let every site act as the person"};
    if (anybody) return;
    for (auto const& origin : settings.origins) {
        auto const parsed = encoding::parse_origin(origin);
        if (!parsed.ok() || parsed.value().str() != origin)
            throw Fault{"cors: \"" + origin + "\" is no origin such as https://app.example.com"};
    }
}

// What Access-Control-Allow-Origin may say; nothing for an origin that is not listed.
std::optional<std::string> allowed_origin(CorsSettings const& settings, std::string_view origin) {
    if (settings.origins.size() == 1 && settings.origins.front() == "*") return "*";
    auto const found = std::find(settings.origins.begin(), settings.origins.end(), origin);
    return found == settings.origins.end() ? std::nullopt : std::optional{*found};
}

Response preflight(CorsSettings const& settings) {
    return Response::no_content()
        .with_header("Access-Control-Allow-Methods", join(settings.methods, ", "))
        .with_header("Access-Control-Allow-Headers", join(settings.headers, ", "))
        .with_header("Access-Control-Max-Age", std::to_string(settings.max_age.count()))
        .with_header("Vary", "Access-Control-Request-Method")
        .with_header("Vary", "Access-Control-Request-Headers");
}

}  // namespace

http::Middleware cors(CorsSettings settings) {
    check_settings(settings);
    return {"cors", [settings = std::move(settings)](Request& request, http::Next const& next) {
                auto const origin = request.headers.get("Origin");
                auto const allowed = origin ? allowed_origin(settings, *origin) : std::nullopt;
                bool const is_preflight = request.method == http::Method::options &&
                                          request.headers.count("Access-Control-Request-Method") == 1;
                auto response = allowed && is_preflight ? preflight(settings) : next(request);
                // Even without an Origin: a cache must not give this answer to one who has it.
                if (!settings.origins.empty() && settings.origins.front() != "*")
                    response.with_header("Vary", "Origin");
                if (!allowed) return response;
                response.with_header("Access-Control-Allow-Origin", *allowed);
                response.with_header("Cross-Origin-Resource-Policy", "cross-origin");
                if (settings.credentials) response.with_header("Access-Control-Allow-Credentials", "true");
                return response;
            }};
}

}  // namespace zephyr::middleware
