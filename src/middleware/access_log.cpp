#include "zephyr/middleware/access_log.h"

namespace zephyr::middleware {

http::Middleware access_log(Clock const& clock, Log& log) {
    return {"access_log", [&clock, &log](http::Request& request, http::Next const& next) {
                auto const start = clock.monotonic();
                auto response = next(request);
                auto const micros = (clock.monotonic() - start).count();
                log.write(response.status >= 500 ? LogLevel::warning : LogLevel::info, "http.request",
                          {{"method", to_string(request.method)},
                           {"route", request.route},
                           {"status", static_cast<long long>(response.status)},
                           {"micros", static_cast<long long>(micros)},
                           {"request_id", request.request_id}});
                return response;
            }};
}

}  // namespace zephyr::middleware
