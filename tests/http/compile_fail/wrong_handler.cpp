// refused: a handler takes (Request const&), and then maybe SessionHolder const&, Principal const& or
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.get("/a", require_login, [](Request const&, int) { return Response::no_content(); });
}
