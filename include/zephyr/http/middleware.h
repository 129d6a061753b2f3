// What wraps every request, in order: headers, limits, logs. Never decides authorisation: that is a route's guard.
#pragma once

#include <functional>
#include <string>

#include "zephyr/http/request.h"
#include "zephyr/http/response.h"

namespace zephyr::http {

// Goes on to the next middleware, or to the guard and handler.
using Next = std::function<Response(Request&)>;

struct Middleware {
    std::string name;
    std::function<Response(Request&, Next const&)> run;
};

}  // namespace zephyr::http
