// refused: a route needs a guard before its handler
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.get("/admin", [](Request const&) { return Response::no_content(); });
}
