// refused: a route needs a guard before its handler
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.post(
        "/admin", [](Request const&) { return Response::no_content(); }, RouteOptions{.run_inline = true});
}
