// refused: a route needs a guard before its handler: require_login, or open_to_all("why")
#include "zephyr/http/app.h"

using namespace zephyr::http;

struct ForeignRequest {};

void mount(App& app) { app.outside<ForeignRequest const&>("/reports", [](ForeignRequest const&) {}); }
