// The claims of an access token.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/random.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::tokens {

// RFC 9068 2.1: "at+jwt". A pending sign-in's token has a type of its own (RFC 8725 3.11) and is for our factor routes alone.
inline constexpr std::string_view whole_type = "at+jwt";
inline constexpr std::string_view pending_type = "pending+jwt";
std::string pending_audience(TokenSettings const& settings);

// Names the session's present token without telling it: an access token with another generation is older than the last step-up.
std::string generation_of(ByteView session_hash);
encoding::Json claims_of(sessions::Session const& session, ByteView session_hash, TokenSettings const& settings, TimePoint now,
                         Random& random);
// When an access token issued now ends: never after its session.
TimePoint access_end(sessions::Session const& session, TokenSettings const& settings, TimePoint now);

}  // namespace zephyr::tokens
