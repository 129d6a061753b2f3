// compiles: what the others break by one word
#include "zephyr/http/app.h"

using namespace zephyr;
using namespace zephyr::http;

Result<void> may_fail();
Result<void> caller() {
    ZEPHYR_CHECK(may_fail());
    return success();
}

void mount(App& app) {
    app.get("/a", require_login, [](Request const&) { return Response::no_content(); });
    app.post("/b", require_login | require_mfa | require_role("admin"),
             [](Request const&, Principal const&) { return Response::no_content(); });
    app.put("/c", require_session, [](Request const&, SessionHolder const&) { return Response::no_content(); });
    app.patch("/d", open_to_all("a test of what compiles"),
              [](Request const&, std::optional<SessionHolder> const&) { return Response::no_content(); });
    app.del("/e", require_login | any_of(require_role("a"), require_role("b")),
            [](Request const&, Principal const&) -> Result<Response> { return Response::no_content(); },
            {.run_inline = true});
}
