// refused: this handler takes a Principal, so its guard must prove one: add require_login
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.get("/account", open_to_all("anybody may read it"),
            [](Request const&, Principal const&) { return Response::no_content(); });
}
