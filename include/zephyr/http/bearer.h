// The Authorization request header as RFC 6750 2.1 reads it. Tokens in forms and queries (2.2, 2.3) are not looked for: they end up in
// logs.
#pragma once

#include <string_view>

#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"

namespace zephyr::http {

namespace errors {
// The scheme Bearer without one token behind it, or the header twice.
inline constexpr Failure bearer_malformed{Kind::invalid, "http.bearer_malformed"};
}  // namespace errors

struct BearerCredentials {
    enum class Form {
        absent,     // no such header, or one of another scheme
        malformed,  // the scheme with anything but one token behind it, or the header twice
        present
    };
    Form form = Form::absent;
    std::string_view token;  // into the request's header

    // Whoever sends the scheme is judged by it alone, even when it holds no token.
    bool decides() const { return form != Form::absent; }
};

BearerCredentials bearer_credentials(Request const& request);

}  // namespace zephyr::http
