// All that the porch knows of an application.
#pragma once

#include <optional>

#include "zephyr/http/request.h"
#include "zephyr/http/response.h"

namespace zephyr::http {

class Dispatcher {
public:
    virtual ~Dispatcher() = default;
    // True when the request only reads memory, so that the porch's loop may run it without a worker. Looks at method
    // and target.
    virtual bool runs_inline(Request const& request) const = 0;
    // dispatch() for a request that runs_inline() is true of; for any other nothing, and it stays as it is. For whoever has the whole
    // request already: it is found out once, and not a second time by dispatch(). Throws what runs_inline() would.
    virtual std::optional<Response> dispatch_inline(Request& request) {
        if (!runs_inline(request)) return std::nullopt;
        return dispatch(std::move(request));
    }
    // Answers everything, and never throws. The porch fills method, target, headers, body, peer_address and scheme.
    // For HEAD the answer has an empty body and the Content-Length header that GET would have had; on every other
    // method it has no Content-Length: the porch writes one.
    virtual Response dispatch(Request&& request) = 0;
};

}  // namespace zephyr::http
