// refused: this handler takes a Principal, so its guard must prove one: add require_login
#include "zephyr/http/app.h"

using namespace zephyr::http;

struct ForeignRequest {};

void mount(App& app) {
    auto const reports = app.outside<ForeignRequest const&>("/reports", require_mfa | require_role("admin"),
                                                            [](ForeignRequest const&, Principal const&) {});
}
