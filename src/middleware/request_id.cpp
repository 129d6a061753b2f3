#include "zephyr/middleware/request_id.h"

#include <memory>

#include "middleware/random_block.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::middleware {

http::Middleware request_id(Clock const& clock, Random& random) {
    auto const block = std::make_shared<RandomBlock>(random);
    return {"request_id", [&clock, block](http::Request& request, http::Next const& next) {
                // A client's own X-Request-Id is not taken over: it would let two requests share one line of evidence.
                request.request_id = make_uuid_v7(clock.now(), *block);
                auto response = next(request);
                response.with_header("X-Request-Id", request.request_id);
                return response;
            }};
}

}  // namespace zephyr::middleware
