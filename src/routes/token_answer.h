// Tokens as an answer gives them (RFC 6749 5.1 names its members).
#pragma once

#include "zephyr/encoding/json.h"
#include "zephyr/http/body_schema.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::routes {

// "pending" is there while a sign-in is not whole.
encoding::Json describe_tokens(tokens::IssuedTokens const& tokens);
// The same members for /openapi.json.
std::vector<http::Field> token_fields();

}  // namespace zephyr::routes
