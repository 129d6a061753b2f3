// JWS in compact form (RFC 7515 7.1): header.payload.signature, each part base64url.
//
// For JWT go through jwt.h, which also judges type, issuer, audience and time.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"
#include "zephyr/jose/jwk.h"
#include "zephyr/jose/key_source.h"

namespace zephyr::jose {

namespace errors {
// Not three base64url parts, a header that is no JSON object or says one thing twice, an extension ("crit", "b64").
inline constexpr Failure malformed{Kind::unauthenticated, "jose.malformed"};
}  // namespace errors

struct JwsLimits {
    std::size_t bytes = 64 * 1024;        // of the whole text
    std::size_t header_bytes = 8 * 1024;  // of the header's JSON
    std::size_t depth = 16;               // of JSON, header and claims
};

// Keys and addresses of keys in the header (jwk, jku, x5c, x5u) are left where they stand: nothing reads them.
struct RawJws {
    Algorithm algorithm;
    std::string kid;  // empty when absent
    std::string typ;  // empty when absent
    encoding::Json header;
    Bytes payload;
    Bytes signature;
    std::string signing_input;
};

// Reads without judging the signature. Fails with malformed or algorithm_refused.
Result<RawJws> parse_compact(std::string_view text, JwsLimits limits = {});
// Parsed, of the key's algorithm, and signed by it. The kid is not compared: whoever chose the key did that.
// Fails with malformed, algorithm_refused or signature_wrong.
Result<RawJws> verify_compact(std::string_view text, Jwk const& key, JwsLimits limits = {});

// With "alg", "kid" and "typ" in the header; an empty kid or typ is left out.
std::string sign_compact(SigningJwk const& key, std::string_view typ, std::string_view payload);

}  // namespace zephyr::jose
