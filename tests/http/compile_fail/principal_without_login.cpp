// refused: this handler takes a Principal, so its guard must prove one: add require_login
#include "zephyr/http/app.h"

using namespace zephyr::http;

void mount(App& app) {
    app.get("/admin", require_mfa | require_role("admin"),
            [](Request const&, Principal const&) { return Response::no_content(); });
}
