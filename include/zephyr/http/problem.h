// RFC 9457 problem details.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/http/response.h"

namespace zephyr::http {

inline constexpr std::string_view problem_type = "application/problem+json";

// A problem whose status no Kind has (405, 415), or that is no Error. `detail` is meant for the person.
Response problem(int status, std::string_view id, std::string_view detail = {}, std::string_view request_id = {});
// True for an answer made by problem() or render().
bool is_problem(Response const& response);

}  // namespace zephyr::http
