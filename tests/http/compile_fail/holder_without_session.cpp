// refused: this handler takes a SessionHolder, so its guard must prove one: add require_session or require_login
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.get("/account", require_role("admin"),
            [](Request const&, SessionHolder const&) { return Response::no_content(); });
}
