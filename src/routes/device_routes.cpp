// /auth/devices for programs: browsers that are known to the account, and forgetting one.
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Field;
using http::Principal;
using http::Request;
using http::Response;

namespace {

Json describe(mfa::KnownDevice const& device, bool this_one) {
    auto answer = Json::object({{"id", device.id},
                                {"user_agent", device.user_agent},
                                {"first_seen", to_rfc3339(device.first_seen_at)},
                                {"last_seen", to_rfc3339(device.last_seen_at)},
                                {"this_browser", this_one}});
    if (device.trusted_until) answer.set("trusted_until", to_rfc3339(*device.trusted_until));
    return answer;
}

Response list(Request const& request, Principal const& who, mfa::KnownDevices& devices, Web const& web) {
    auto const here = devices.find(who.user, web.device_cookie(request));
    Json found = Json::array();
    for (auto const& device : devices.list(who.user)) found.push(describe(device, here && here->id == device.id));
    return Response::json(200, Json::object({{"devices", std::move(found)}}));
}

http::RouteOptions list_options() {
    return {.summary = "Browsers this account signed in from",
            .description = "Failures in one of them are counted apart, so that strangers who guess cannot shut its owner out.",
            .answers = {{.description = "The latest first.",
                         .fields = {{.name = "devices",
                                     .type = Field::Type::objects,
                                     .required = true,
                                     .fields = {{.name = "id", .required = true},
                                                {.name = "user_agent", .required = true},
                                                {.name = "first_seen", .type = Field::Type::time, .required = true},
                                                {.name = "last_seen", .type = Field::Type::time, .required = true},
                                                {.name = "this_browser", .type = Field::Type::flag, .required = true},
                                                {.name = "trusted_until",
                                                 .type = Field::Type::time,
                                                 .description = "Until then the password is enough in it."}}}}}}};
}

http::RouteOptions forget_options() {
    return {.summary = "Forget a browser",
            .description = "It is trusted no longer, and counts among strangers. Its sessions go on. Needs a proof of the last minutes.",
            .body = http::BodySchema{.fields = {}, .optional = true},
            .answers = {{.description = "Forgotten.", .fields = {{.name = "status", .required = true, .one_of = {"forgotten"}}}}},
            .refusals = {signin::errors::step_up_required, mfa::errors::device_not_found}};
}

}  // namespace

void mount_device_routes(http::App& app, signin::AccountService& account, mfa::KnownDevices& devices, Web const& web) {
    app.get(
        "/auth/devices", http::require_login,
        [&](Request const& request, Principal const& who) { return list(request, who, devices, web); }, list_options());

    app.post(
        "/auth/devices/{id}/forget", http::require_login,
        [&](Request const& request, Principal const& who) -> Response {
            auto const done = account.forget_device(who.session, request.parameter("id"), origin_of(request, who));
            return done.ok() ? Response::json(200, Json::object({{"status", "forgotten"}})) : refuse(done.error(), request);
        },
        forget_options());
}

}  // namespace zephyr::routes
