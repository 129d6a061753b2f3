#include "routes/code_answer.h"

#include "routes/token_answer.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/http/bearer.h"

namespace zephyr::routes {

using encoding::Json;
using http::Field;
using http::Response;
using Purpose = signin::SignInService::Purpose;

namespace {

void add_outcome(Json& answer, bool enrolled, std::vector<SecretText> const& backup_codes) {
    answer.set("status", enrolled ? "enabled" : "verified");
    if (!backup_codes.empty()) answer.set("backup_codes", backup_code_list(backup_codes));
}

}  // namespace

Json backup_code_list(std::vector<SecretText> const& codes) {
    Json list = Json::array();
    for (auto const& code : codes) list.push(code.reveal());
    return list;
}

Result<Response> answer_code(http::Request const& request, http::SessionHolder const& who, signin::GivenCode given, CodeRooms const& rooms) {
    auto const origin = guards::origin_of(request, who);
    if (http::bearer_credentials(request).decides()) {
        given.remember_browser = false;
        ZEPHYR_TRY(auto const accepted, rooms.bearer.verify_code(who.session, given, origin, Purpose::either));
        auto answer = describe_tokens(accepted.tokens);
        add_outcome(answer, accepted.enrolled, accepted.backup_codes);
        return Response::json(200, answer);
    }
    given.device_cookie = rooms.web.device_cookie(request);
    ZEPHYR_TRY(auto const accepted, rooms.sign_in.verify_code(who.session, given, origin, Purpose::either));
    auto answer = Json::object();
    add_outcome(answer, accepted.enrolled, accepted.backup_codes);
    if (!accepted.issued.session.pending.empty()) answer.set("pending", accepted.issued.session.pending);
    return rooms.web.signed_in(Response::json(200, answer), accepted.issued, accepted.device_cookie);
}

std::vector<Field> code_answer_fields() {
    std::vector<Field> fields{{.name = "status", .required = true, .one_of = {"enabled", "verified"}},
                              {.name = "backup_codes",
                               .type = Field::Type::list,
                               .description = "With an account's first factor: codes for the day the device is lost, shown this once."}};
    // With a token come its successors, with a cookie a new one and nothing of these.
    for (auto field : token_fields()) {
        field.required = false;
        fields.push_back(std::move(field));
    }
    return fields;
}

}  // namespace zephyr::routes
