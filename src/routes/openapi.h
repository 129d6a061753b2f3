// OpenAPI 3.1 of the JSON routes, made from the route table: what it says is what App and the guards enforce.
#pragma once

#include <string>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/http/app.h"

namespace zephyr::routes {

struct OpenApiFacts {
    std::string public_url;
    std::string session_cookie;
};

// Routes without a summary are pages for people and stay out. `x-zephyr-demands` holds the words of the access matrix.
encoding::Json openapi_document(std::vector<http::RouteInfo> const& table, OpenApiFacts const& facts);

}  // namespace zephyr::routes
