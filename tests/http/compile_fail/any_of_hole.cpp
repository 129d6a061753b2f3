// refused: this handler takes a Principal, so its guard must prove one: add require_login
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.get("/report", any_of(require_login, require("share-link")),
            [](Request const&, Principal const&) { return Response::no_content(); });
}
