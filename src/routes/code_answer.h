// A code given over the API, of whatever kind, and what its giver gets back: a new cookie, or new tokens for a client that sent one.
#pragma once

#include "zephyr/http/body_schema.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

struct CodeRooms {
    signin::SignInService& sign_in;
    signin::BearerService& bearer;
    Web const& web;
};

// Finishes the enrolment this session began, or proves the factor. Of `given` the kind, the code and the wish to trust the browser count.
Result<http::Response> answer_code(http::Request const& request, http::SessionHolder const& who, signin::GivenCode given,
                                   CodeRooms const& rooms);
// Shown this once.
encoding::Json backup_code_list(std::vector<SecretText> const& codes);
// The members of that answer, for /openapi.json.
std::vector<http::Field> code_answer_fields();

}  // namespace zephyr::routes
