// Requests that leave the house: one door, so that what may be reached is decided in one place.
//
// The one adapter is adapters/curl_http_client.h. Callers state a deadline and the largest answer they can use.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/foundation/result.h"

namespace zephyr::ports {

namespace errors {
// Nothing of the request was sent: no such host, connection refused, TLS failed, or the deadline passed before.
inline constexpr Failure http_unreachable{Kind::unavailable, "http_client.unreachable"};
// The request was sent, or a part of it, and no whole answer came: cut short, or the deadline passed. It may have had its effect.
inline constexpr Failure http_no_answer{Kind::unavailable, "http_client.no_answer"};
// The answer has more bytes than the request allows; what came is thrown away.
inline constexpr Failure http_too_large{Kind::unavailable, "http_client.too_large"};
// The client will not send this: a scheme, address or header that its settings do not allow.
inline constexpr Failure http_refused{Kind::unavailable, "http_client.refused"};
}  // namespace errors

using HttpHeader = std::pair<std::string, std::string>;

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    std::vector<HttpHeader> headers = {};
    std::string body = {};
    // For everything together: looking the name up, connecting, the last byte of the answer.
    std::chrono::milliseconds deadline{5000};
    std::size_t max_body_bytes = 256 * 1024;
};

struct HttpReply {
    int status = 0;
    std::vector<HttpHeader> headers;  // names in lower case, as they came
    std::string body;
};

class HttpClient {
public:
    virtual ~HttpClient() = default;
    // Any status is a reply, 3xx and 5xx too: redirects are never followed. Fails with http_unreachable,
    // http_no_answer, http_too_large, http_refused. Safe to call from many threads.
    virtual Result<HttpReply> send(HttpRequest const& request) = 0;
};

}  // namespace zephyr::ports
