// Response → bytes (RFC 9112 3, 6). Framing headers are the porch's alone: what a handler set of them is dropped.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/http/response.h"

namespace zephyr::http::server {

struct Framing {
    bool keep_alive = true;
    bool head_request = false;  // headers as for GET, no body
    bool http_1_1 = true;       // what the client speaks; the answer says HTTP/1.1 either way (RFC 9110 2.5)
    std::string_view date;      // IMF-fixdate
};

// Appends to `out`. False, and nothing appended, when a header could split the response or the status is none (100 to 599).
bool append_response(std::string& out, Response const& response, Framing const& framing);

// An answer of the porch itself, with the headers every answer of ours carries. `retry_after` stands on 503 alone.
Response porch_answer(int status, Failure const& failure, std::string_view detail = {});

// RFC 9110 5.6.7, "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(TimePoint time);

}  // namespace zephyr::http::server
